"""The gradients of a model, layer by layer: how many are dead, vanishing or exploding."""

import math
from collections import Counter
from typing import Any

from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import Module
from micrograd_gd.table.numbers import shorten
from micrograd_gd.text import plain
from micrograd_gd.viz.graphs import boxes
from micrograd_gd.viz.graphs.scopes import path_of_a_parameter
from micrograd_gd.viz.plots.figure import Path, axes, tidy, write

_STATES = {  # of the units of a layer: color and hatching, from the darkest to the lightest
    "dead": ("#3e4c59", "xx"),
    "vanishing": ("#8593a3", "//"),
    "well": ("#cfe0f1", ""),
    "exploding": ("#d9822b", "\\\\"),
}


def plot_gradients(
    model: Module,
    path: Path | None = None,
    ax: Any = None,
    *,
    vanishing: float = 1e-6,
    exploding: float = 1e3,
) -> Any:
    """Plot for each layer the share of units with a dead, vanishing or exploding gradient.

    A unit is a neuron, or whatever holds parameters of its own. What counts is the length of the
    gradient by all its parameters: a dead one is 0, a vanishing one below `vanishing`, an exploding
    one above `exploding` or not finite. Call it after `backward()`. Returns the axes.

    Raises ArgumentError for anything but a model with parameters, DrawingError where matplotlib is
    not installed.

    >>> from micrograd_gd import MLP
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> model([1.0, 2.0]).backward()
    >>> [label.get_text() for label in plot_gradients(model).get_yticklabels()]
    ['layers.0 (3)', 'layers.1 (1)']
    """
    if not isinstance(model, Module):
        raise ArgumentError(f"model is {shorten(model)}; expected a Module")
    layers = _states(model, vanishing, exploding)
    if not layers:
        raise ArgumentError(f"{model!r} has no parameters, and so no gradients to draw")
    names = [f"{write(plain(name))} ({sum(states.values()):,})" for name, states in layers.items()]
    with axes(path, ax, size=(6.4, 1.6 + 0.35 * len(layers))) as (panel,):
        left = [0.0] * len(layers)
        for state, (color, hatch) in _STATES.items():
            shares = [states[state] / sum(states.values()) for states in layers.values()]
            look = {"color": color, "hatch": hatch, "edgecolor": "white", "label": state}
            panel.barh(range(len(layers)), shares, left=left, height=0.7, **look)
            left = [start + share for start, share in zip(left, shares, strict=True)]
        panel.set_yticks(range(len(layers)), names)
        panel.invert_yaxis()
        panel.set_xlim(0, 1)
        panel.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        panel.set_xlabel("share of the units")
        panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
        tidy(panel)
        if all(set(+states) == {"dead"} for states in layers.values()):
            said = "every gradient is 0: all dead, or backward() has not run"
            panel.text(
                0.5, 0.5, said, transform=panel.transAxes, ha="center", backgroundcolor="white"
            )
    return panel


def _states(model: Module, vanishing: float, exploding: float) -> dict[str, Counter[str]]:
    """How many units of each layer are in which state."""
    gradients: dict[tuple[str, str], list[float]] = {}
    for name, parameter in model.named_parameters():
        path = path_of_a_parameter(name)
        if len(path) > 1:
            layer, unit = ".".join(path[:-1]), path[-1]
        else:
            layer, _, unit = (path or [type(model).__name__])[0].partition(".")
        gradients.setdefault((layer, unit), []).append(boxes.gradient(parameter))
    layers: dict[str, Counter[str]] = {}
    for (layer, _), parts in gradients.items():
        length = math.hypot(*parts)
        state = "well"
        if length == 0:
            state = "dead"
        elif length < vanishing:
            state = "vanishing"
        elif not length <= exploding:
            state = "exploding"
        layers.setdefault(layer, Counter())[state] += 1
    return layers
