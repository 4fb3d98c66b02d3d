"""Names that people bring from elsewhere, and what a `Value` has in their place."""

from typing import Any

from micrograd_gd.names import refuse_names

IN_PLACE_OF = {
    **dict.fromkeys(("item", "numpy", "tolist"), ".data"),
    **dict.fromkeys(("requires_grad", "requires_grad_"), "no_grad() or .detach(); all is recorded"),
    "retain_grad": ".grad, which every value keeps",
    "zero_grad": ".grad = 0",
    "is_leaf": ".op is None",
    "grad_fn": ".op",
    "clamp": ".clip",
    **dict.fromkeys(
        ("_backward", "_children"), ".operands and .partials, or micrograd_gd.micrograd"
    ),
    **dict.fromkeys(
        ("m", "v", "velocity", "momentum"),
        "a dict with the value as key, or micrograd_gd.micrograd",
    ),
    "name": ".label",
}


def define(kind: Any) -> None:
    """Let the type of values answer these names, and `round(v, 2)`."""
    refuse_names(kind, "a Value", IN_PLACE_OF)
    kind.__round__ = _round


def _round(self: Any, digits: int | None = None) -> Any:
    """The nearest whole number, as `round` of the table; or a leaf with the number that is shown.

    A rounded number has no slope in either case.
    """
    if digits is None:
        return self.round()
    rounded = self.detach()
    rounded.data = round(self.data, digits)
    return rounded
