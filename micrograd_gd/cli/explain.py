"""`explain`: a formula, its derivatives, and the paths that each gradient is the sum of."""

from typing import Annotated, Literal

import typer

from micrograd_gd.cli.messages import say
from micrograd_gd.cli.point import At, Numbers, align_pairs, compute
from micrograd_gd.errors import ArgumentError
from micrograd_gd.notation.formula import formula as written
from micrograd_gd.notation.paths import explain as explained


def explain(
    formula: Annotated[str, typer.Argument(help="Such as 'tanh(a*b)'.")],
    numbers: Numbers = None,
    at: At = None,
    wrt: Annotated[
        str | None, typer.Option(help="The name to differentiate by.", show_default="all of them")
    ] = None,
    latex: Annotated[  # noqa: FBT002 — a flag
        bool, typer.Option("--latex", help="Write the formulas as LaTeX.")
    ] = False,
) -> None:
    """Show a formula's derivatives, as formulas and as sums over paths."""
    root, leaves = compute(formula, [*(at or ()), *(numbers or ())])
    if wrt is not None and wrt not in leaves:
        raise ArgumentError(f"--wrt is {wrt!r}; the names are {', '.join(leaves)}")
    chosen = leaves if wrt is None else {wrt: leaves[wrt]}
    style: Literal["text", "latex"] = "latex" if latex else "text"
    rows = [("formula", written(root, style=style)), ("value", f"{root.data:.6g}")]
    rows += [(f"∂/∂{name}", written(root, wrt=x, style=style)) for name, x in chosen.items()]
    say(*align_pairs(rows))
    for leaf in chosen.values():
        say("", *repr(explained(root, wrt=leaf)).split("\n"))
