"""A long chain of operations with its gradient: a pendulum, step by step.

Leapfrog keeps its orbits, so that neither numbers nor derivatives grow or vanish on the way.
"""

from functools import partial

import numpy as np
from job import Job, bound
from timing import NANO

from micrograd_gd.functional import sin
from micrograd_gd.jit import jit
from micrograd_gd.transforms import value_and_grad

OPERATIONS = 100_000
START = (1.0, 0.0, 0.001)  # the angle, its velocity, the time between two steps

chain = Job(
    f"A chain of {OPERATIONS:,} operations, value and gradient, each", NANO, count=OPERATIONS
)
JOBS = [chain]


def pendulum(angle, velocity, time, *, operations=OPERATIONS, sin=sin):
    """The angle after a while; five operations a step."""
    for _ in range(operations // 5):
        velocity = velocity - time * sin(angle)
        angle = angle + time * velocity
    return angle


@chain.by("micrograd_gd, jit")
def ours(_):
    return partial(jit(value_and_grad(pendulum, (0, 1, 2))), *START)


@chain.by("casadi, buffers bound before", "casadi")
def casadi_bound(casadi):
    x = casadi.SX.sym("x", 3)
    y = pendulum(*casadi.vertsplit(x), sin=casadi.sin)
    run = casadi.Function("f", [x], [y, casadi.gradient(y, x)])
    return bound(run, np.array(START))
