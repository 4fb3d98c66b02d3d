"""How a notebook shows values and models: a value by its formula, a model by its picture.

In a notebook the package imports this module by itself; elsewhere you may import it.
"""

from contextlib import suppress
from typing import Any

from micrograd_gd import engine, nn
from micrograd_gd.notation import latex
from micrograd_gd.notation.formula import latex_with_numbers, leaf_names

NODES, LENGTH = 1000, 1500  # larger graphs and longer formulas are cut


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
    if size > NODES:
        return rf"\text{{({size:,} nodes)}}"
    leaves = leaf_names(value).items()
    numbers = {name: _round(leaf.data) for name, leaf in leaves if not leaf.label}
    return latex_with_numbers(value, numbers, LENGTH)


def _round(x: float) -> float:
    return float(f"{x:.6g}")


def show_model(model: nn.Module, **_: Any) -> dict[str, str]:
    """The picture of a model beside its text, or the text alone where it cannot be drawn."""
    bundle = {"text/plain": repr(model)}
    with suppress(Exception):  # a notebook shows something, whatever was done to the model
        from micrograd_gd.viz import architecture  # noqa: PLC0415 — only a picture needs it

        bundle = {**architecture(model)._repr_mimebundle_(), **bundle}
    return bundle


for _kind in {engine.Value, engine.PythonValue}:
    _kind._repr_latex_ = show_value  # type: ignore[attr-defined]  # what notebooks ask for
nn.Module._repr_mimebundle_ = show_model  # type: ignore[attr-defined]  # likewise
