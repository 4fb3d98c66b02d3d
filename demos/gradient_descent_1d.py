"""Gradient descent from the first step: find the minimum of a curve by walking down its slope."""

from random import Random

from micrograd_gd import Value


def cost(w: Value) -> Value:
    """A curve whose minimum, 1 at w = 3, the descent does not know of."""
    return (w - 3) ** 2 + 1


def descend(start: float, learning_rate: float, steps: int = 8) -> None:
    """Walk down from `start`, and say where each step leads."""
    print(f"learning rate {learning_rate}")
    w = Value(start)
    for step in range(steps):
        height = cost(w)
        w.grad = 0.0
        height.backward()
        print(f"  step {step}   w {w.data:8.4f}   slope {w.grad:9.4f}   cost {height.data:9.4f}")
        w.data -= learning_rate * w.grad  # a small step against the slope


anywhere = Random(6).uniform(-5, 10)  # noqa: S311 — a start, no secret
descend(anywhere, learning_rate=0.03)  # small: the right way, but slowly
descend(anywhere, learning_rate=0.3)  # good: there in a few steps
descend(anywhere, learning_rate=0.9)  # large: beyond the minimum and back, again and again
descend(anywhere, learning_rate=1.1)  # too large: each jump is longer than the one before
