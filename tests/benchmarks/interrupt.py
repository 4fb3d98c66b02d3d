"""Count the interrupts that leave a block open.

    python tests/benchmarks/interrupt.py 20000 --seed 1

Signals come at random moments of a loop whose body is short, of a small training, and of a
derivative of a derivative. After each one, operations must be recorded as if nothing had been.
CPython's `decimal.localcontext`, which begins and ends in C, is measured beside.
"""

import argparse
import contextvars
import decimal
import random
import signal
import sys
import time

from micrograd_gd import Value, engine_name, fit, grad, no_grad
from micrograd_gd.nn import MLP
from micrograd_gd.transforms import recording

LONGEST, AGAIN = 1e-3, 0.1  # seconds to a signal


def tight():
    x = Value(2.0)
    while True:
        with no_grad():
            x * x


def training():
    while True:
        model = MLP(1, [1], seed=0)
        data = [[0.5]], [1.0]
        fit(model, *data, loss="mse", epochs=3, learning_rate=0.1, validation=data, progress=False)


def derivatives():
    while True:
        grad(lambda x: grad(lambda y: x * y * y)(x))(2.0)


def standard():
    while True:
        with decimal.localcontext() as here:
            here.prec = 5


def is_clean():
    x = Value(2.0)
    is_recorded = bool((x * x).operands) and not recording.is_transforming()
    return is_recorded and decimal.getcontext().prec == decimal.DefaultContext.prec


class Gun:
    """A signal that raises KeyboardInterrupt; again, where a callback's caller ignored that."""

    def __init__(self):
        self.is_loaded = False
        signal.signal(signal.SIGALRM, self.fire)

    def fire(self, *_):
        if self.is_loaded:
            raise KeyboardInterrupt

    def interrupt(self, body, seconds):
        try:
            self.is_loaded = True
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            body()
        except KeyboardInterrupt:
            self.is_loaded = False
            signal.setitimer(signal.ITIMER_REAL, 0)  # nobody would catch it at Python's end
            return is_clean()


def tell(text):
    print(text, flush=True)  # noqa: T201 — a command that prints


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int, nargs="?", default=2000, help="signals for each body")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, gun, left = random.Random(options.seed), Gun(), 0
    tell(f"{engine_name()} engine, Python {sys.version.split()[0]}, seed {options.seed}")
    for body in (tight, training, derivatives, standard):
        start = time.time()
        times = [rng.uniform(2e-5, LONGEST) for _ in range(options.count)]
        # What is left open ends with the context, so that each one counts once.
        bad = sum(not contextvars.copy_context().run(gun.interrupt, body, t) for t in times)
        seconds = time.time() - start
        tell(f"{body.__name__}: {bad} of {options.count} left something open, {seconds:.0f} s")
        left += bad
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
