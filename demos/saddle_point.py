"""A saddle point by a descent in a descent: the inner one is differentiated as it runs.

Two players choose a number each. The first wants f small and moves first; the second sees that and
makes f large. The first player's cost is therefore f(x, answer(x)), where the answer is found by
gradient ascent, and its slope goes through all steps of that ascent.
"""

from micrograd_gd import grad, value_and_grad


def f(x: float, y: float) -> float:
    """Both slopes are 0 at x = 1, y = 2: a minimum along x, a maximum along y."""
    return x**2 + 3 * x * y - y**2 - 8 * x + y


def answer(x: float) -> float:
    """The y that makes f large, by 50 steps up its slope."""
    y = 0.0
    for _ in range(50):
        y = y + 0.25 * grad(f, argnums=1)(x, y)
    return y


def cost(x: float) -> float:
    """What the first player gets for x."""
    return f(x, answer(x))


x = -3.0
for step in range(31):
    height, slope = value_and_grad(cost)(x)  # a gradient of a function that asks for 50 gradients
    if step % 5 == 0:
        print(f"step {step:2}   x {x:9.6f}   y {answer(x):9.6f}   f {height:9.6f}")
    x = x - 0.1 * slope
