"""The exceptions that the package raises, in one small hierarchy.

Each class is also the built-in exception that a caller expects, so `except ValueError` works too.
"""

from micrograd_gd.text import escape_lines

__all__ = [
    "ArgumentError",
    "DataError",
    "DivergedError",
    "DrawingError",
    "EngineError",
    "ExecutorError",
    "GradientError",
    "GraphError",
    "JitError",
    "MicrogradError",
    "ModelFileError",
    "NonFiniteError",
    "NotANumberError",
    "NumberRangeError",
    "OperationError",
    "ShapeError",
    "TranslationError",
]


class MicrogradError(Exception):
    """The root: `except MicrogradError` catches everything that the package raises on purpose."""

    def __init__(self, *arguments: object) -> None:
        # A message names what came from elsewhere, and is printed on terminals.
        super().__init__(*[escape_lines(x) if isinstance(x, str) else x for x in arguments])


class NotANumberError(MicrogradError, TypeError):
    """A scalar was expected, and something else was given."""


class NumberRangeError(MicrogradError, OverflowError):
    """A number is too large for a 64-bit float."""


class NonFiniteError(MicrogradError, ArithmeticError):
    """Finite numbers gave a nan or an infinity inside a block of `detect_anomaly()`."""


class OperationError(MicrogradError, ValueError):
    """A row of the operation table is incomplete or does not parse."""


class TranslationError(MicrogradError, TypeError):
    """An operation that is Python code cannot be translated into another language."""


class GraphError(MicrogradError, RuntimeError):
    """A recorded graph is out of date: its numbers were changed after the forward pass."""


class JitError(MicrogradError, RuntimeError):
    """A function does something that a compiled program cannot repeat; the message says where.

    It is also raised for a program that is not legal.
    """


class EngineError(MicrogradError, ImportError):
    """The engine that MICROGRAD_GD_ENGINE asks for is not installed."""


class ExecutorError(MicrogradError, RuntimeError):
    """A worker died, and part of what was to be computed is lost."""


class ShapeError(MicrogradError, ValueError):
    """Two arguments differ in length or structure where they must not."""


class ArgumentError(MicrogradError, ValueError):
    """A function does not accept an argument."""


class DataError(MicrogradError, ValueError):
    """A data file cannot be read; the message names file, line and column."""


class ModelFileError(MicrogradError, ValueError):
    """A saved model cannot be read, is truncated, or does not fit."""


class DivergedError(MicrogradError, ArithmeticError):
    """A gradient or a loss is no longer finite; the parameters are as they were before the step."""


class DrawingError(MicrogradError, RuntimeError):
    """A picture cannot be drawn here; the message says what to install."""


class GradientError(MicrogradError, AssertionError):
    """A gradient is wrong; the message says by how much, and which operation is at fault."""
