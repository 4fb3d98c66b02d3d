"""How the weights of a neuron are drawn before it has learned anything."""

import math
from collections.abc import Callable
from random import Random

from micrograd_gd.errors import ArgumentError

Initializer = Callable[[int, int, Random], float]

# From the number of inputs, the number of neurons that share them, and a generator: a weight.
INITIALIZERS: dict[str, Initializer] = {
    "uniform": lambda _fan_in, _fan_out, random: random.uniform(-1.0, 1.0),  # as micrograd does
    # He et al., 2015, eq. 10: keeps the variance through a relu, which halves it
    "he": lambda fan_in, _fan_out, random: random.gauss(0.0, math.sqrt(2 / fan_in)),
    # Glorot and Bengio, 2010, eq. 16: a compromise between the ways forward and back
    "glorot": lambda fan_in, fan_out, random: (
        random.uniform(-1.0, 1.0) * math.sqrt(6 / (fan_in + fan_out))
    ),
    # LeCun et al., 1998, eq. 16: keeps the variance where the slope is 1
    "lecun": lambda fan_in, _fan_out, random: random.gauss(0.0, math.sqrt(1 / fan_in)),
}

# The initializer that suits an activation; what is not listed gets "glorot".
_SUITED = {
    **dict.fromkeys(("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus"), "he"),
    **dict.fromkeys(("linear", "selu"), "lecun"),
}


def find_initializer(choice: str | Initializer | None, activation: str) -> Initializer:
    """The initializer of that name; None takes the one that suits the activation.

    Raises ArgumentError for an unknown name.

    >>> find_initializer(None, "relu") is INITIALIZERS["he"]
    True
    """
    if choice is None:
        choice = _SUITED.get(activation, "glorot")
    if isinstance(choice, str) and choice in INITIALIZERS:
        return INITIALIZERS[choice]
    if isinstance(choice, str) or not callable(choice):
        raise ArgumentError(
            f"no initializer is called {choice!r}: choose {', '.join(INITIALIZERS)}, "
            f"or give a function of fan-in, fan-out and a random.Random"
        )
    return choice
