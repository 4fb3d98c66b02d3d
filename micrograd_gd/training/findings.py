"""What keeps a loss up, in words: how it shows, and what to do. Pages say it in the same words."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class Words(NamedTuple):
    """What it is; the evidence, with places for what was seen; the remedy; what helps in Python."""

    name: str
    evidence: str
    remedy: str
    function: str = ""


_SMALLER = "try a smaller learning rate", "find_learning_rate finds one"
_WEIGHTS = "init says how they are drawn"

WORDS = {
    "halt": Words("divergence", "the training {message}", *_SMALLER),
    "infinity": Words("divergence", "loss {place} is {loss:.4g}", *_SMALLER),
    "growth": Words("divergence", "the loss rose from {first:.4g} to {last:.4g}", *_SMALLER),
    "plateau": Words(
        "plateau",
        "in the last {count} {steps} the loss went from {before:.6g} to {last:.6g}, "
        "and it began at {first:.6g}",
        "increase the learning rate, or start from other weights; if this is as low as the data "
        "allow, nothing is wrong",
    ),
    "oscillation": Words(
        "oscillation",
        "in {turns} of the last {count} {steps} the loss turned, "
        "by {size:.3g} on average around {level:.3g}",
        "the steps jump across the valley: try a smaller learning rate, or larger batches",
    ),
    "scale": Words(
        "inputs of very different scale",
        "numbers of {large_input} go up to {large:.3g} in size, those of {small_input} to "
        "{small:.3g}",
        "scale the inputs: one learning rate has to suit the weights of all",
        "data.standardize does it",
    ),
    "dead": Words(
        "dead units",
        "{count} of {units} units have slope 0 on all {samples} samples, and so never learn: "
        "{names}",
        "start from other weights, with a smaller learning rate; or take an activation that is "
        "flat nowhere, such as leaky_relu",
    ),
    "saturated": Words(
        "saturated units",
        "{count} of {units} units have a slope of at most {flat} on all {samples} samples: {names}",
        "scale the inputs, start from smaller weights, and keep the learning rate small enough "
        "not to throw the weights out there",
        "data.standardize scales",
    ),
    "vanishing": Words(
        "vanishing gradients",
        "the typical gradient is {small:.3g} in {first} and {large:.3g} in {last}, "
        "over {layers} layers",
        "each layer lets too little through: take fewer layers, an activation with a larger "
        "slope, such as relu or tanh, and weights of the size that suits it",
        _WEIGHTS,
    ),
    "exploding": Words(
        "exploding gradients",
        "the typical gradient is {large:.3g} in {first} and {small:.3g} in {last}, "
        "over {layers} layers",
        "each layer multiplies what comes back: start from smaller weights, of the size that "
        "suits the activation, or take fewer layers",
        _WEIGHTS,
    ),
    "rate": Words(
        "learning rate above the critical one",
        "the learning rate is {rate:.4g}; above {critical:.4g}, 2 / the largest curvature here, "
        "steps grow instead of settling",
        "take a smaller one, such as {half:.2g}",
    ),
    "stale": Words(
        "stale gradients",
        "grad holds numbers of size {held:.3g}, while the gradient of the last step is of size "
        "{fresh:.3g}: the rest is from steps before",
        "call zero_grad() before each backward(), which adds to what is there",
    ),
}


@dataclass(frozen=True)
class Finding:
    """Something that keeps the loss up: what it is, how that shows, what to do."""

    name: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}\n  seen:   {self.evidence}\n  remedy: {self.remedy}"


def describe(kind: str, **facts: Any) -> Finding:
    """A finding of a kind, with what was seen.

    >>> print(describe("growth", first=1.0, last=3.0))
    divergence
      seen:   the loss rose from 1 to 3
      remedy: try a smaller learning rate; find_learning_rate finds one
    """
    words = WORDS[kind]
    remedy = "; ".join(filter(None, [words.remedy, words.function]))
    return Finding(words.name, words.evidence.format(**facts), remedy.format(**facts))
