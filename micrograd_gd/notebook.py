"""How a notebook shows values and models: a value by its formula, a model by its picture.

The package imports this where it is used in a notebook; whoever wants it elsewhere imports it.
"""

from contextlib import suppress
from typing import Any

from micrograd_gd import engine, nn
from micrograd_gd.notation import formula


def show_value(value: Any) -> str | None:
    """The formula, the number and the gradient, as LaTeX; None, for its text, where all fails."""
    return formula.in_notebook(value)


def show_model(model: nn.Module, **_: Any) -> dict[str, str]:
    """The picture of the model beside its text; the text alone where it cannot be drawn."""
    bundle = {"text/plain": repr(model)}
    with suppress(Exception):  # a notebook shows something, whatever was done to the model
        from micrograd_gd.viz import architecture  # noqa: PLC0415 — only a picture needs it

        bundle = {**architecture(model)._repr_mimebundle_(), **bundle}
    return bundle


for _kind in {engine.Value, engine.PythonValue}:
    _kind._repr_latex_ = show_value  # type: ignore[attr-defined]
nn.Module._repr_mimebundle_ = show_model  # type: ignore[attr-defined]
