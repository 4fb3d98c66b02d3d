"""Why does my loss not go down? What can be seen on a model and its training, with the remedy."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from micrograd_gd.descent.learning_rate import critical_learning_rate
from micrograd_gd.descent.objective import Objective
from micrograd_gd.engine import Value
from micrograd_gd.errors import ArgumentError
from micrograd_gd.nn import Module, Neuron, walk
from micrograd_gd.optim import GradientDescent
from micrograd_gd.table.numbers import number
from micrograd_gd.training.findings import Finding, describe
from micrograd_gd.training.history import History
from micrograd_gd.transforms.derivatives import grad

MOST = 200  # samples that are looked at
FLAT = 0.01  # a slope of an activation that lets next to nothing through; a typical one is 1
FAR = 1e3  # between the gradients of the first and of the last layer
UNEVEN = 100  # between the largest input and a typical one


@dataclass(frozen=True)
class Diagnosis:
    """The findings, and what could not be checked with what was given."""

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [*map(str, self.findings)] or ["nothing found"]
        if self.unchecked:
            parts.append("not checked\n  " + "\n  ".join(self.unchecked))
        return "\n\n".join(parts)


def diagnose(
    model: Module,
    history: History | Iterable[float],
    inputs: Sequence[Any] | None = None,
    targets: Sequence[Any] | None = None,
    *,
    loss: str | Callable[[Any, Any], Any] | None = None,
    learning_rate: float | None = None,
) -> Diagnosis:
    """Look at a trained model for what kept its loss from going down.

    `history` is what `fit` returned, or the losses of a loop of your own, one for each step. With
    `inputs`, dead and saturated units are found, and inputs of very different scale. With `targets`
    and `loss`, gradients that vanish or explode from layer to layer. With the `learning_rate` of
    plain gradient descent, a rate above the critical one; and, in a loop of your own whose steps
    use all these samples, old gradients that were left in place. A history of `fit` knows its loss
    and its learning rate; otherwise the loss is `mse`. The report says what was not checked. The
    check for old gradients uses all samples, the others at most 200.

    Raises ArgumentError for a model without parameters and for targets without inputs.

    >>> from micrograd_gd import MLP
    >>> print(diagnose(MLP(1, 1, seed=0), [1.0, 0.5, 0.25], [[1.0], [2.0]]))
    nothing found
    <BLANKLINE>
    not checked
      gradients of the layers: needs targets
      learning rate above the critical one: needs targets and learning_rate
      stale gradients: needs targets and learning_rate
    """
    losses = _read_losses(history)
    steps = "epochs" if isinstance(history, History) else "steps"
    training = history.training if isinstance(history, History) else None
    learning_rate = _find_rate(training) if learning_rate is None else learning_rate
    loss = getattr(training, "loss", "mse") if loss is None else loss
    if targets is not None and inputs is None:
        raise ArgumentError("targets without inputs; expected both, or none")
    findings = [
        *_find_divergence(history, losses),
        *_find_plateau(losses, steps),
        *_find_oscillation(losses, steps),
    ]
    unchecked: list[str] = []
    ill: set[Neuron] = set()
    if inputs is None:
        unchecked.append("scale of the inputs, dead and saturated units: needs inputs")
    else:
        findings += _check_scale(inputs[:MOST])
        units = _Units(model, inputs[:MOST])
        findings += units.findings()
        ill = units.ill()
    missing = _name_missing(inputs=inputs, targets=targets)
    if inputs is None or targets is None:
        unchecked.append(f"gradients of the layers: needs {missing}")
        objective = None
    else:
        objective = Objective(model, inputs[:MOST], targets[:MOST], loss)
        findings += _check_layers(model, grad(objective)(objective.start), ill)
    missing = _name_missing(inputs=inputs, targets=targets, learning_rate=learning_rate)
    if training is not None and type(training.optimizer) is not GradientDescent:
        name = type(training.optimizer).__name__
        unchecked.append(f"learning rate above the critical one: that of {name} is not known")
    elif objective is None or learning_rate is None:
        unchecked.append(f"learning rate above the critical one: needs {missing}")
    else:
        findings += _check_rate(objective, number(learning_rate, "learning_rate"))
    if training is None:  # fit leaves no stale gradients
        if inputs is None or targets is None or learning_rate is None:
            unchecked.append(f"stale gradients: needs {missing}")
        else:
            whole = Objective(model, inputs, targets, loss)
            findings += _check_staleness(whole, learning_rate, losses, unchecked)
    return Diagnosis(tuple(findings), tuple(unchecked))


def _find_rate(training: Any) -> float | None:
    """The learning rate of a training, if it is a number."""
    rate = None if training is None else training.optimizer.learning_rate
    return None if callable(rate) else rate


def _name_missing(**given: Any) -> str:
    return " and ".join(name for name, x in given.items() if x is None)


# What the losses say.


def _read_losses(history: History | Iterable[float]) -> list[float]:
    if isinstance(history, History):
        return history.column("loss")
    return [number(getattr(x, "data", x), f"loss {i}") for i, x in enumerate(history)]


def _find_divergence(history: Any, losses: Sequence[float]) -> Iterator[Finding]:
    if isinstance(history, History) and history.status == "diverged":
        yield describe("halt", message=history.message)
    elif losses and not math.isfinite(losses[-1]):
        place = next(i for i, x in enumerate(losses) if not math.isfinite(x))
        yield describe("infinity", place=place, loss=losses[place])
    elif losses and losses[-1] > losses[0]:
        yield describe("growth", first=losses[0], last=losses[-1])


def _find_plateau(losses: Sequence[float], steps: str) -> Iterator[Finding]:
    """The last third of the losses is flat, and not low."""
    third = len(losses) // 3
    if third < 3 or not all(map(math.isfinite, losses)):
        return
    first, before, last = losses[0], losses[-third - 1], losses[-1]
    if 0 <= before - last < 1e-3 * abs(before) and last > 0.5 * first:
        yield describe("plateau", count=third, steps=steps, before=before, last=last, first=first)


def _find_oscillation(losses: Sequence[float], steps: str) -> Iterator[Finding]:
    """The loss goes up and down by turns, and hardly gets lower."""
    changes = [b - a for a, b in pairwise(losses[-21:])]
    if len(changes) < 8 or not all(map(math.isfinite, changes)):
        return
    turns = sum(a * b < 0 for a, b in pairwise(changes))
    rises, falls = (sum(max(0.0, sign * c) for c in changes) for sign in (1, -1))
    size = (rises + falls) / len(changes)
    level = sum(map(abs, losses[-21:])) / len(losses[-21:])
    share = turns / (len(changes) - 1)
    jumps = (share >= 0.8 and size > 1e-3 * level) or (share >= 0.3 and size > 0.1 * level)
    if jumps and rises > 0.5 * falls:
        yield describe(
            "oscillation", turns=turns, count=len(changes) - 1, steps=steps, size=size, level=level
        )


# What the inputs say.


def _check_scale(inputs: Sequence[Any]) -> Iterator[Finding]:
    """Whether one column is far larger than the typical one.

    The curvature grows with the square of an input, and the largest one limits the rate.
    """
    try:
        columns = [[abs(float(x)) for x in column] for column in zip(*inputs, strict=True)]
    except (TypeError, ValueError):
        return  # the samples are no rows of numbers
    sizes = sorted((max(column), i) for i, column in enumerate(columns) if any(column))
    if not sizes:
        return
    (small, typical), (large, largest) = sizes[(len(sizes) - 1) // 2], sizes[-1]
    if large > UNEVEN * small:
        names = {"large_input": f"x[{largest}]", "small_input": f"x[{typical}]"}
        yield describe("scale", large=large, small=small, **names)


# What the units say.


class _Units:
    """The slopes of the neurons' activations, sample by sample."""

    def __init__(self, model: Any, inputs: Sequence[Any]) -> None:
        self.samples = len(inputs)
        neurons = ((place, part) for place, part in walk(model) if isinstance(part, Neuron))
        self.neurons = {place or "the neuron": neuron for place, neuron in neurons}
        biases = {neuron.b: name for name, neuron in self.neurons.items()}
        self.slopes: dict[str, list[float]] = {}
        self.has_kink: dict[str, bool] = {}
        for row in inputs:
            outputs = model(row)
            for root in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
                self._look(root, biases)

    def _look(self, root: Value, biases: dict[Value, str]) -> None:
        """Find each neuron's sum, the node that adds its bias, and the slope of what is on it."""
        sums: dict[Value, str] = {}
        for node in root.nodes():  # operands first
            inside = [operand for operand in node.operands if isinstance(operand, Value)]
            for operand in inside:
                if operand in biases:
                    sums[node] = biases[operand]
            if len(inside) == 1 and inside[0] in sums and node.op is not None:
                place = next(i for i, x in enumerate(node.operands) if x is inside[0])
                slope = node.partials[place]
                name = sums[inside[0]]
                self.slopes.setdefault(name, []).append(0.0 if slope is None else abs(slope))
                self.has_kink[name] = bool(node.op.kinks)

    def dead(self) -> list[str]:
        """The units with a kink whose slope is 0 on every sample."""
        return [n for n, slopes in self.slopes.items() if self.has_kink[n] and not any(slopes)]

    def saturated(self) -> list[str]:
        """The smooth units that are in their flat parts on every sample."""
        return [
            name
            for name, slopes in self.slopes.items()
            if not self.has_kink[name] and max(slopes) <= FLAT
        ]

    def ill(self) -> set[Neuron]:
        return {self.neurons[name] for name in (*self.dead(), *self.saturated())}

    def findings(self) -> Iterator[Finding]:
        for kind, names in (("dead", self.dead()), ("saturated", self.saturated())):
            if names:
                yield describe(
                    kind,
                    count=len(names),
                    units=len(self.slopes),
                    samples=self.samples,
                    flat=FLAT,
                    names=_list_some(names),
                )


def _list_some(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# What the gradients say.


def _check_layers(model: Module, gradient: Sequence[float], ill: set[Neuron]) -> Iterator[Finding]:
    """Whether the gradients of the first and of the last layer differ by orders of magnitude.

    Biases are compared: the weights' gradients are the same times their inputs. Dead and saturated
    units explain their own gradients, and a layer of such units those of all layers before it.
    """
    explained = {id(p) for neuron in ill for p in neuron.parameters()}
    layers: dict[str, list[float]] = {}
    for (name, parameter), slope in zip(model.named_parameters(), gradient, strict=True):
        place, is_of_neuron, _ = name.partition(".neurons.")
        if is_of_neuron and not name.endswith(".b"):
            continue
        layer = layers.setdefault(place if is_of_neuron else name.partition(".")[0], [])
        if id(parameter) not in explained:
            layer.append(slope)
    if len(layers) < 2 or not all(layers.values()):
        return
    sizes = {n: math.hypot(*slopes) / math.sqrt(len(slopes)) for n, slopes in layers.items()}
    (first, there), *_, (last, here) = sizes.items()
    facts = {"first": first, "last": last, "layers": len(layers)}
    if there * FAR < here:
        yield describe("vanishing", small=there, large=here, **facts)
    elif there > FAR * here:
        yield describe("exploding", small=here, large=there, **facts)


def _check_rate(objective: Objective, rate: float) -> Iterator[Finding]:
    critical = critical_learning_rate(objective)
    if rate > critical:
        yield describe("rate", rate=rate, critical=critical, half=critical / 2)


def _check_staleness(
    objective: Objective, rate: float, losses: Sequence[float], unchecked: list[str]
) -> Iterator[Finding]:
    """Undo the last step: what `grad` holds must be the gradient there, or the one here.

    The last loss says whether that step can be undone: it is the loss there, or the one here.
    """
    parameters = objective.model.parameters()
    held = [getattr(p.grad, "data", p.grad) for p in parameters]
    size = math.hypot(*held)
    if not 0 < size < math.inf:
        return
    before = [p.data + rate * slope for p, slope in zip(parameters, held, strict=True)]
    places = [before, objective.start]
    if not any(math.isclose(loss, objective(place), rel_tol=1e-6)
               for loss in losses[-1:] for place in places):  # fmt: skip
        unchecked.append(
            "stale gradients: the last loss is not that of a plain step on all samples"
        )
        return
    fresh, here = (grad(objective)(place) for place in places)
    is_longer = size > 1.1 * max(math.hypot(*fresh), math.hypot(*here))
    if is_longer and min(math.dist(held, fresh), math.dist(held, here)) > 0.1 * size:
        yield describe("stale", held=size, fresh=math.hypot(*fresh))
