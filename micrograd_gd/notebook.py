"""What a notebook shows: of a value its formula, of a model its picture, of a training its curves.

In a notebook the package imports this module by itself; elsewhere you may import it.
"""

import base64
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from micrograd_gd import engine, nn
from micrograd_gd.descent.learning_rate import LearningRateCurve, Sweep
from micrograd_gd.descent.trajectory import Descent
from micrograd_gd.notation import latex
from micrograd_gd.notation.formula import latex_with_numbers, leaf_names
from micrograd_gd.training.history import History

NODES, LENGTH = 100, 200  # of larger graphs and longer formulas the size is told


def show_value(value: engine.Value) -> str | None:
    r"""The formula, the number and the gradient of a value, as LaTeX.

    A leaf without a label appears as its number. Where anything fails the result is None, and the
    notebook shows the value as text.

    >>> print(show_value(engine.Value(2.0, label="a") * engine.Value(3.0)))
    $\displaystyle a \cdot 3 = 6, \quad \mathrm{grad} = 0$
    """
    try:
        grad = getattr(value.grad, "data", value.grad)
        data, slope = (latex.number(_round(x))[0] for x in (value.data, grad))
        equation = data if value.op is None and not value.label else f"{_formula(value)} = {data}"
    except Exception:  # noqa: BLE001 — what cannot be typeset is still a value to be shown
        return None
    return rf"$\displaystyle {equation}, \quad \mathrm{{grad}} = {slope}$"


def _formula(value: engine.Value) -> str:
    size = len(value.nodes())
    if size <= NODES:
        leaves = leaf_names(value).items()
        numbers = {name: _round(leaf.data) for name, leaf in leaves if not leaf.label}
        text = latex_with_numbers(value, numbers, LENGTH)
        if "{aligned}" not in text and text != r"\cdots":  # it is one line, and whole
            return text
    return rf"\text{{({size:,} nodes)}}"


def _round(x: float) -> float:
    return float(f"{x:.6g}")


def show_model(model: nn.Module, **_: Any) -> dict[str, str]:
    """The picture of a model beside its text, or the text alone where it cannot be drawn."""
    bundle = {"text/plain": repr(model)}
    with suppress(Exception):  # a notebook shows something, whatever was done to the model
        from micrograd_gd.viz import architecture  # noqa: PLC0415 — only a picture needs it

        bundle = {**architecture(model)._repr_mimebundle_(), **bundle}
    return bundle


def _show_by(plot: str) -> Callable[..., dict[str, str]]:
    """What shows a thing by the picture that a function of `viz` draws, and by its text."""

    def show(thing: Any, **_: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(thing)}
        with suppress(Exception), tempfile.TemporaryDirectory() as folder:  # likewise
            from micrograd_gd import viz  # noqa: PLC0415 — likewise

            picture = Path(folder) / "curve.png"
            getattr(viz, plot)(thing, picture)
            bundle["image/png"] = base64.b64encode(picture.read_bytes()).decode()
        return bundle

    return show


for _kind in {engine.Value, engine.PythonValue}:
    _kind._repr_latex_ = show_value  # type: ignore[attr-defined]  # what notebooks ask for
nn.Module._repr_mimebundle_ = show_model  # type: ignore[attr-defined]  # likewise
for _curve, _plot in {
    History: "plot_history",
    Descent: "plot_descent",
    LearningRateCurve: "plot_learning_rates",
    Sweep: "plot_sweep",
}.items():
    _curve._repr_mimebundle_ = _show_by(_plot)  # type: ignore[attr-defined]  # likewise
