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
from micrograd_gd.training.history import History
from micrograd_gd.transforms.derivatives import grad

MOST = 200  # samples that are looked at
FLAT = 0.01  # a slope of an activation that lets next to nothing through; a typical one is 1
FAR = 1e3  # between the gradients of the first and of the last layer


@dataclass(frozen=True)
class Finding:
    """Something that keeps the loss up: what it is, how that shows, what to do."""

    name: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}\n  seen:   {self.evidence}\n  remedy: {self.remedy}"


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
    `inputs`, dead and saturated units are found. With `targets` and `loss`, gradients that vanish
    or explode from layer to layer. With the `learning_rate` of plain gradient descent, a rate above
    the critical one; and, in a loop of your own whose steps use all these samples, old gradients
    that were left in place. A history of `fit` knows its loss and its learning rate; otherwise the
    loss is `mse`. The report says what was not checked. The check for old gradients uses all
    samples, the others at most 200.

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
    training = history.training if isinstance(history, History) else None
    learning_rate = _find_rate(training) if learning_rate is None else learning_rate
    loss = getattr(training, "loss", "mse") if loss is None else loss
    if targets is not None and inputs is None:
        raise ArgumentError("targets without inputs; expected both, or none")
    findings = [
        *_find_divergence(history, losses),
        *_find_plateau(losses),
        *_find_oscillation(losses),
    ]
    unchecked: list[str] = []
    ill: set[Neuron] = set()
    if inputs is None:
        unchecked.append("dead and saturated units: needs inputs")
    else:
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
    remedy = "try a smaller learning rate: find_learning_rate finds one"
    if isinstance(history, History) and history.status == "diverged":
        yield Finding("divergence", f"the training {history.message}", remedy)
    elif losses and not math.isfinite(losses[-1]):
        where = next(i for i, x in enumerate(losses) if not math.isfinite(x))
        yield Finding("divergence", f"loss {where} is {losses[where]}", remedy)
    elif losses and losses[-1] > losses[0]:
        evidence = f"the loss rose from {losses[0]:.4g} to {losses[-1]:.4g}"
        yield Finding("divergence", evidence, remedy)


def _find_plateau(losses: Sequence[float]) -> Iterator[Finding]:
    """The last third of the losses is flat, and not low."""
    third = len(losses) // 3
    if third < 3 or not all(map(math.isfinite, losses)):
        return
    before, last = losses[-third - 1], losses[-1]
    if 0 <= before - last < 1e-3 * abs(before) and last > 0.5 * losses[0]:
        yield Finding(
            "plateau",
            f"in the last {third} steps the loss went from {before:.6g} to {last:.6g}, "
            f"and it began at {losses[0]:.6g}",
            "increase the learning rate, or start from other weights; if this is as low as the "
            "data allow, nothing is wrong",
        )


def _find_oscillation(losses: Sequence[float]) -> Iterator[Finding]:
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
        yield Finding(
            "oscillation",
            f"in {turns} of the last {len(changes) - 1} steps the loss turned, "
            f"by {size:.3g} on average around {level:.3g}",
            "the steps jump across the valley: try a smaller learning rate, or larger batches",
        )


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
        of = f"of {len(self.slopes)} units"
        on_all = f"on all {self.samples} samples"
        if dead := self.dead():
            yield Finding(
                "dead units",
                f"{len(dead)} {of} have slope 0 {on_all}, and so never learn: {_list_some(dead)}",
                "start from other weights, with a smaller learning rate; or take an activation "
                "that is flat nowhere, such as leaky_relu",
            )
        if saturated := self.saturated():
            yield Finding(
                "saturated units",
                f"{len(saturated)} {of} have a slope of at most {FLAT} {on_all}: "
                f"{_list_some(saturated)}",
                "scale the inputs (standardize), start from smaller weights, and keep the learning "
                "rate small enough not to throw the weights out there",
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
    (first, small), *_, (last, large) = sizes.items()
    evidence = (
        f"the typical gradient is {small:.3g} in {first} and {large:.3g} in {last}, "
        f"over {len(layers)} layers"
    )
    if small * FAR < large:
        yield Finding(
            "vanishing gradients",
            evidence,
            "each layer lets too little through: take fewer layers, an activation with a larger "
            "slope, such as relu or tanh, and weights of the size that suits it (init)",
        )
    elif small > FAR * large:
        yield Finding(
            "exploding gradients",
            evidence,
            "each layer multiplies what comes back: start from smaller weights, of the size that "
            "suits the activation (init), or take fewer layers",
        )


def _check_rate(objective: Objective, rate: float) -> Iterator[Finding]:
    critical = critical_learning_rate(objective)
    if rate > critical:
        yield Finding(
            "learning rate above the critical one",
            f"the learning rate is {rate:.4g}; above {critical:.4g}, 2 / the largest curvature "
            f"here, steps grow instead of settling",
            f"take a smaller one, such as {critical / 2:.2g}",
        )


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
        yield Finding(
            "stale gradients",
            f"grad holds numbers of size {size:.3g}, while the gradient of the last step is of "
            f"size {math.hypot(*fresh):.3g}: the rest is from steps before",
            "call zero_grad() before each backward(), which adds to what is there",
        )
