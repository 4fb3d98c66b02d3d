"""What a program would keep of the day it was traced is refused, or traced anew."""

import random
import secrets

import numpy as np
import pytest

from micrograd_gd import MLP, Value, fit, grad, jit, vmap
from micrograd_gd.data import blobs
from micrograd_gd.errors import JitError
from micrograd_gd.functional import sinh
from micrograd_gd.losses import mse

BACKENDS = ["python", "tape", "llvm", "auto"]
own_random, own_numpy = random.Random(0), np.random.default_rng(0)
calls = 0
scale = 1.0


def draw_module(x):
    return x * random.random()


def draw_own(x):
    return x * own_random.gauss(0, 1)


def draw_numpy(x):
    return x * float(np.random.rand())  # noqa: NPY002 — what people write


def draw_generator(x):
    return x * float(own_numpy.normal())


def draw_into_a_value(x):
    return x * Value(random.random())


def draw_in_a_helper(x):
    return draw_own(x) + 1


def choose(x):
    return x * 2 if random.random() < 0.5 else x * random.choice([3, 4, 5])


def count(x):
    global calls  # noqa: PLW0603 — what people write
    calls += 1
    return x * calls


def draw_by_default(x, generator=random.Random(0)):  # noqa: B008 — what people write
    return x * generator.random()


def count_by_default(x, *, seen=[]):  # noqa: B006 — as above
    seen.append(0)
    return x * len(seen)


class Model:
    """A model that has a state of its own."""

    def __init__(self):
        self.calls, self.random, self.factor = 0, random.Random(1), 1.0
        self.w = Value(0.5)

    def count(self, x):
        self.calls += 1
        return self.w * x * self.calls

    def average(self, x):
        self.w = 0.9 * self.w + 0.1 * x
        return self.w * x

    def keep(self, x):
        self.latest = self.w * x
        return self.latest * 2

    def drop(self, x):
        return self.w * x * (self.random.random() > 0.5) + self.random.random()


CHANGING = [
    draw_module, draw_own, draw_numpy, draw_generator, draw_into_a_value, draw_in_a_helper, choose,
    draw_by_default, count, count_by_default, Model().count, Model().average,
    Model().drop,
]  # fmt: skip
TRANSFORMS = {
    "itself": lambda f: (f, 2.0),
    "grad": lambda f: (grad(f), 2.0),
    "vmap": lambda f: (vmap(f), np.array([1.0, 2.0])),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("f", CHANGING, ids=lambda f: f.__qualname__)
def test_what_differs_from_call_to_call_is_refused(f, transform, backend):
    if backend == "llvm":
        pytest.importorskip("llvmlite")
    f, x = TRANSFORMS[transform](f)
    with pytest.raises(
        JitError, match=r"draws random numbers|counts its calls|a value that was kept"
    ):
        jit(f, backend=backend)(x)


def test_what_changes_and_is_not_used_is_compiled():
    cache = {}

    def f(x):
        cache.setdefault("two", 2.0)
        cache["calls"] = cache.get("calls", 0) + 1
        return x * cache["two"]

    compiled, by_model = jit(f), jit(Model().keep)
    assert jit(lambda x: x * (2 if secrets.choice else 3))(1.0) == 2.0
    assert (compiled(3.0), compiled(4.0)) == (6.0, 8.0)
    assert (by_model(3.0), by_model(4.0)) == (3.0, 4.0)


def test_what_an_operation_keeps_for_itself_is_no_change(capsys):
    """Its formulas are compiled when they are first used."""
    vars(sinh)["_compiled"].clear()

    def f(x):
        print("called")  # noqa: T201 — an effect that is none of what f sees
        return sinh(x) * x

    jit(grad(f))(1.0)
    assert capsys.readouterr().out == "called\n"


class Net(MLP):
    """A network with the attributes that people switch, and a dropout."""

    def __init__(self):
        super().__init__(2, [3, 1], activation="tanh", seed=0)
        self.training, self.factor, self.settings = True, 1.0, {"shift": 0.0}
        self.random = None

    def __call__(self, x):
        y = super().__call__(x) * self.factor + self.settings["shift"]
        if self.random is not None:
            y = y * (self.random.random() > 0.5)
        return y * 0.5 if self.training else y


def change_array(model, epoch):
    model.settings["shift"] = np.full(1, 0.1 * epoch)[0]


def switch_training(model, epoch):
    model.training = epoch < 2


def change_factor(model, epoch):
    model.factor = 1.0 / epoch if epoch else 1.0


def change_inside(model, epoch):
    model.settings["shift"] = 0.1 * epoch


def change_global(_, epoch):
    global scale  # noqa: PLW0603 — what people write
    scale = 1.0 + epoch


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize(
    "change", [switch_training, change_factor, change_inside, change_array, change_global]
)
def test_what_a_callback_switches_counts_from_the_next_epoch(change, batch_size):
    data = blobs(20, seed=1)

    def loss(predictions, targets):
        return mse(predictions, targets) * scale

    histories = []
    for compiled in (False, True):
        change_global(None, 0)
        model = Net()
        histories.append(
            fit(
                model, data.inputs, data.targets, loss=loss, learning_rate=0.02, epochs=5, seed=0,
                batch_size=batch_size, compiled=compiled,
                callbacks=[lambda history, m=model: change(m, history.rows[-1]["epoch"])],
            )
        )  # fmt: skip
    for eager, compiled in zip(*(history.rows for history in histories), strict=True):
        assert compiled == pytest.approx(eager, rel=1e-9)


def test_a_dropout_that_would_be_one_mask_for_all_is_refused():
    data = blobs(20, seed=1)
    model = Net()
    model.random = random.Random(0)
    with pytest.raises(JitError, match="draws random numbers"):
        fit(model, data.inputs, data.targets, compiled=True)
