"""Every exception that the package raises, one small hierarchy.

Each class is also the built-in exception that a caller would expect, so that
``except ValueError`` keeps working.
"""

__all__ = [
    "ArgumentError",
    "DataError",
    "DivergedError",
    "DrawingError",
    "EngineError",
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
    """The root: ``except MicrogradError`` catches whatever this package raises on purpose."""


class NotANumberError(MicrogradError, TypeError):
    """Something that is no real number stood where a scalar is due."""


class NumberRangeError(MicrogradError, OverflowError):
    """A number is too large for a 64-bit float."""


class NonFiniteError(MicrogradError, ArithmeticError):
    """A nan or an infinity came out of finite numbers while that was being watched for."""


class OperationError(MicrogradError, ValueError):
    """A row of the operation table is incomplete or does not parse."""


class TranslationError(MicrogradError, TypeError):
    """An operation given as Python code was asked for in another language."""


class GraphError(MicrogradError, RuntimeError):
    """A recorded graph cannot answer: its numbers were changed after the forward pass."""


class JitError(MicrogradError, RuntimeError):
    """A function does something that a compiled program could not repeat; the message says where.

    Or a program is not of the legal form.
    """


class EngineError(MicrogradError, ImportError):
    """The engine that MICROGRAD_GD_ENGINE asks for is not here."""


class ShapeError(MicrogradError, ValueError):
    """Two things that must have the same length or structure do not."""


class ArgumentError(MicrogradError, ValueError):
    """An argument is outside of what the function accepts."""


class DataError(MicrogradError, ValueError):
    """A data file cannot be read; the message names file, line and column."""


class ModelFileError(MicrogradError, ValueError):
    """A saved model is unreadable, truncated, or does not fit."""


class DivergedError(MicrogradError, ArithmeticError):
    """A gradient or a loss is no longer finite; the parameters are as they were before the step."""


class DrawingError(MicrogradError, RuntimeError):
    """A picture cannot be drawn here; the message says what to install."""


class GradientError(MicrogradError, AssertionError):
    """A gradient is not what it should be; the message tells by how much, and whose fault it is."""
