"""Long chains of operations with their gradients.

A recurrence of sums and products; and a pendulum, a fifth of whose operations are sines. Leapfrog
keeps its orbits, and the recurrence its fixed point, so that nothing grows on the way.
"""

from functools import partial

import numpy as np
from job import Job, bound
from timing import NANO

from micrograd_gd import jit, value_and_grad
from micrograd_gd.functional import sin

OPERATIONS = 100_000
START = (1.0, 0.5, 0.001)  # an angle, its velocity, the time between two steps; or x, a and b

products = Job(
    f"A chain of {OPERATIONS:,} sums and products, value and gradient, each",
    NANO,
    count=OPERATIONS,
)
sines = Job("The same where every fifth is a sine", NANO, count=OPERATIONS)
JOBS = [products, sines]


def recurrence(x, a, b, *, operations=OPERATIONS):
    """Two operations a step, toward b / (1 - a)."""
    for _ in range(operations // 2):
        x = x * a + b
    return x


def pendulum(angle, velocity, time, *, operations=OPERATIONS, sin=sin):
    """The angle after a while; five operations a step."""
    for _ in range(operations // 5):
        velocity = velocity - time * sin(angle)
        angle = angle + time * velocity
    return angle


@products.by("micrograd_gd, jit")
def our_products(_):
    return partial(jit(value_and_grad(recurrence, (0, 1, 2))), *START)


@products.by("casadi, buffers bound before", "casadi")
def products_of_casadi(casadi):
    return _bound(casadi, recurrence)


@sines.by("micrograd_gd, jit")
def our_sines(_):
    return partial(jit(value_and_grad(pendulum, (0, 1, 2))), *START)


@sines.by("casadi, buffers bound before", "casadi")
def sines_of_casadi(casadi):
    return _bound(casadi, partial(pendulum, sin=casadi.sin))


def _bound(casadi, f):
    x = casadi.SX.sym("x", 3)
    y = f(*casadi.vertsplit(x))
    run = casadi.Function("f", [x], [y, casadi.gradient(y, x)])
    return bound(run, np.array(START))
