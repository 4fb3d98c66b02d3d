"""What a function sees beside its arguments counts in every call of its compiled form."""

import gc
import pickle
import weakref
from collections import deque
from dataclasses import dataclass
from functools import partial, partialmethod
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd import MLP, Layer, Module, Value, custom_vjp, grad, jit, value_and_grad, vmap
from micrograd_gd.compiler.programs import MOST_STATES
from micrograd_gd.compiler.surroundings import look_around

switch = None
table = {"rate": None}
module = ModuleType("settings")
config = SimpleNamespace(inner=SimpleNamespace(switch=None))


def use(x, seen):
    """A product that tells apart what is seen, also by type and the sign of zero."""
    if isinstance(seen, Value):
        return x * seen
    return x * sum(map(ord, repr(seen)))


def in_a_global():
    return lambda x: use(x, switch), lambda seen: globals().update(switch=seen)


def in_a_helper():
    f, change = in_a_global()
    return lambda x: f(x) + 1, change


def in_a_closure():
    kept = None

    def change(seen):
        nonlocal kept
        kept = seen

    return lambda x: use(x, kept), change


def in_a_dict():
    return lambda x: use(x, table["rate"]), lambda seen: table.update(rate=seen)


def under_a_new_key():
    kept = {}

    def change(seen):
        kept.clear()
        kept[repr(seen)] = seen

    return lambda x: use(x, [*kept][-1:] or None), change


def in_a_list():
    kept = [0.0, [None]]
    return lambda x: use(x, kept[1][0]), lambda seen: kept[1].__setitem__(0, seen)


def in_a_deque():
    kept = deque([0.0, None])
    return lambda x: use(x, kept[-1]), lambda seen: kept.__setitem__(-1, seen)


def in_a_set():
    kept = {None}

    def change(seen):
        kept.clear()
        kept.add(seen)

    return lambda x: use(x, next(iter(kept))), change


def in_a_list_that_grows():
    kept = []
    return lambda x: use(x, len(kept)), kept.append


def in_a_module():
    module.switch = None
    return lambda x: use(x, module.switch), lambda seen: setattr(module, "switch", seen)


def one_level_deeper():
    return (
        lambda x: use(x, config.inner.switch),
        lambda seen: setattr(config.inner, "switch", seen),
    )


def in_an_object_that_is_replaced():
    return (
        lambda x: use(x, config.inner.switch),
        lambda seen: setattr(config, "inner", SimpleNamespace(switch=seen)),
    )


def by_the_name_as_a_text():
    kept = SimpleNamespace()
    return lambda x: use(x, getattr(kept, "switch", 0)), lambda seen: vars(kept).update(switch=seen)


def in_a_partial():
    kept = SimpleNamespace(switch=None)
    return partial(lambda k, x: use(x, k.switch), kept), lambda seen: vars(kept).update(switch=seen)


def in_a_partial_method():
    class Kept:
        switch = None

        def of_factor(self, x, factor):
            return use(x * factor, self.switch)

        double = partialmethod(of_factor, factor=2.0)

    kept = Kept()
    return lambda x: kept.double(x) + 1, lambda seen: setattr(Kept, "switch", seen)


def on_a_function():
    def f(x):
        return use(x, f.switch)

    f.switch = None
    return f, lambda seen: setattr(f, "switch", seen)


def in_a_default():
    kept = [None]
    return lambda x, k=kept: use(x, k[0]), lambda seen: kept.__setitem__(0, seen)


def in_other_defaults():
    def f(x, k=None, *, seen=None):
        return use(x, k) + use(x, seen)

    def change(seen):
        f.__defaults__, f.__kwdefaults__ = (seen,), {"seen": seen}

    return f, change


def in_other_code():
    def f(x):
        return use(x, "switch")

    def change(seen):
        constants = [seen if each == "switch" else each for each in f.__code__.co_consts]
        helper.__code__ = f.__code__.replace(co_consts=tuple(constants))

    def helper(x):
        return x

    change(None)
    return helper, change


def in_keywords_of_a_partial():
    kept = partial(use, seen=None)
    return kept, lambda seen: kept.keywords.update(seen=seen)


def in_a_neuron():
    model = MLP(1, [1], seed=0)

    def change(seen):
        model.layers[0].neurons[0].activation = lambda x: use(x, seen)

    change(None)
    return lambda x: model([x]), change


def in_a_rule():
    kept = SimpleNamespace(switch=None)

    @custom_vjp
    def f(x):
        return use(x, kept.switch)

    f.defvjp(lambda x: (f(x), None), lambda _, g: (use(g, kept.switch),))
    return f, lambda seen: vars(kept).update(switch=seen)


class Model:
    """A model with its numbers wherever they may be."""

    of_class = None

    def __init__(self):
        self.switch, self._hidden = None, None
        self.config = SimpleNamespace(switch=None)

    @property
    def shown(self):
        return self._hidden

    def of_object(self, x):
        return use(x, self.switch)

    def of_property(self, x):
        return use(x, self.shown)

    def of_type(self, x):
        return use(x, self.of_class)

    def deeper(self, x):
        kept = self.config
        return use(x, kept.switch)

    def called(self, x):
        return self.of_object(x)

    __call__ = called


@dataclass(slots=True)
class Slots:
    """Settings without a dict."""

    switch: object = None

    def f(self, x):
        return use(x, self.switch)


class Net(MLP):
    """A network whose call asks for more."""

    training = True

    def __call__(self, x):
        return use(super().__call__([x]), self.training)


def of_a_model(name, where="switch"):
    def make():
        model = Model()
        return getattr(model, name), lambda seen: setattr(model, where, seen)

    return make


def in_slots():
    kept = Slots()
    return kept.f, lambda seen: setattr(kept, "switch", seen)


def in_a_class():
    model = Model()
    return model.of_type, lambda seen: setattr(Model, "of_class", seen)


def before_the_class():
    model = Model()

    def change(seen):
        vars(model).pop("of_class", None) if seen is None else setattr(model, "of_class", seen)

    return model.of_type, change


def in_a_config():
    model = Model()
    return model.deeper, lambda seen: setattr(model.config, "switch", seen)


def in_a_network():
    net = Net(1, [1], seed=0)
    return net, lambda seen: setattr(net, "training", seen)


def in_a_class_of_classes():
    class Meta(type):
        switch = None

    class Kept(metaclass=Meta):
        pass

    return lambda x: use(x, Kept.switch), lambda seen: setattr(Meta, "switch", seen)


def where_no_module_is():
    names = {"use": use, "float": float}
    exec("class Kept: switch = None\nf = lambda x: use(x, Kept.switch)", names)  # noqa: S102 — our own
    return names["f"], lambda seen: setattr(names["Kept"], "switch", seen)


def as_a_function():
    kept = SimpleNamespace(f=None)

    def change(seen):
        kept.f = lambda x: use(x, seen)

    change(None)
    return lambda x: kept.f(x) + 1, change


def of_a_subclass(make):
    """What a subclass gets of its own, which its base has."""

    def home():
        class Other(Model):
            switch = property(lambda _: None, lambda *_: None)

        return Other().called, lambda seen: make(Other, seen)

    home.__qualname__ = f"of_a_subclass({make.__name__})"
    return home


def as_a_method(cls, seen):
    cls.of_object = lambda _, x: use(x, seen)


def as_a_static_method(cls, seen):
    cls.of_object = staticmethod(lambda x: use(x, seen))


def as_a_property(cls, seen):
    cls.switch = property(lambda _: seen, lambda *_: None)


def in_a_subclass():
    class Other(Model):
        pass

    return Other().of_type, lambda seen: setattr(Other, "of_class", seen)


def as_a_method_of_a_class_of_classes():
    class Meta(type):
        def of_object(cls, x):
            return x

    class Kept(metaclass=Meta):
        pass

    return lambda x: Kept.of_object(x) + 1, lambda seen: as_a_method(Meta, seen)


HOMES = [
    in_a_global, in_a_helper, in_a_closure, in_a_dict, under_a_new_key, in_a_list,
    in_a_list_that_grows, in_a_module, one_level_deeper, in_an_object_that_is_replaced,
    by_the_name_as_a_text, in_a_partial, in_a_default, in_a_rule, in_a_deque, in_a_set,
    in_other_defaults, in_other_code, in_keywords_of_a_partial, in_a_neuron,
    of_a_model("of_object"), of_a_model("called"), of_a_model("__call__"),
    of_a_model("of_property", "_hidden"), in_slots,
    in_a_class, before_the_class, in_a_config, in_a_network, in_a_class_of_classes,
    where_no_module_is, as_a_function, of_a_subclass(as_a_method), of_a_subclass(as_a_property),
    of_a_subclass(as_a_static_method),
    in_a_subclass, as_a_method_of_a_class_of_classes, in_a_partial_method, on_a_function,
]  # fmt: skip
TRANSFORMS = {
    "itself": lambda f: f,
    "grad": grad,
    "vmap": lambda f: lambda x: vmap(f)(np.array([x, 1.0]))[0],
}
PLAIN = st.sampled_from(
    [None, False, True, 0, 1, 0.0, -0.0, 1.0, 1e300 * 1e10, float("nan"), "", "train", (), (1, 0.5)]
)


def number(y):
    return repr(getattr(y, "data", y))


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.__qualname__)
@settings(max_examples=6)
@given(
    seen=st.lists(PLAIN | PLAIN.map(lambda x: x and (x, 2.0)), min_size=2, max_size=5),
    backend=st.sampled_from(["python", "auto"]),
    transform=st.sampled_from([*TRANSFORMS]),
)
def test_what_is_switched_between_two_calls_counts(home, seen, backend, transform):
    f, change = home()
    compiled, eager = jit(TRANSFORMS[transform](f), backend=backend), TRANSFORMS[transform](f)
    if home is not by_the_name_as_a_text:  # what an object gets only later is not seen
        compiled(2.0)
    for each in seen:
        change(each)
        for x in (2.0, 0.5):
            assert number(compiled(x)) == number(eager(Value(x)))


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.__qualname__)
def test_what_is_as_before_has_its_program_already(home):
    f, change = home()
    compiled = jit(f)
    change(1.5)
    compiled(2.0)
    by_identity = {
        in_a_list_that_grows, in_an_object_that_is_replaced, as_a_function, in_a_neuron,
        in_other_code, in_other_defaults,
    }  # fmt: skip
    if home not in by_identity and "as_a_" not in home.__qualname__:
        for seen in (0.5, 1.5, float("0.5"), float("1.5")) * 2:
            change(seen)
            assert number(compiled(2.0)) == number(f(Value(2.0)))
        assert len(compiled.variants) == 2


def test_machine_code_sees_the_same():
    pytest.importorskip("llvmlite")
    f, change = in_a_list()
    compiled, improved = jit(f, backend="llvm"), jit(f)
    for seen in ("on", "off", "on"):
        change(seen)
        improved.compile(2.0).wait()
        for x in (2.0, 3.0, 4.0):
            assert number(compiled(x)) == number(improved(x)) == number(f(x))


def test_a_parameter_that_is_replaced_is_another_one():
    model = SimpleNamespace(w=Value(2.0), rows=[[Value(1.0)]])
    compiled = jit(lambda x: model.w * x + model.rows[0][0])
    assert compiled(3.0) == 7.0
    model.w = Value(2.0)
    model.w.data = 4.0
    assert compiled(3.0) == 13.0
    model.rows[0][0] = Value(0.5)
    assert compiled(3.0) == 12.5


@pytest.mark.parametrize("backend", ["python", "auto"])
def test_what_is_replaced_in_a_model_is_seen(backend):
    model = MLP(2, [3, 1], seed=0)
    compiled = jit(lambda x: model(x) * 2, backend=backend)

    def replace_a_layer():
        model.layers[0] = Layer(2, 3, seed=4)

    def replace_a_weight():
        model.layers[0].neurons[1].w[0] = Value(3.0)

    def replace_a_bias():
        model.layers[1].neurons[0].b = 0.5

    for replace in (replace_a_layer, replace_a_weight, replace_a_bias):
        compiled([0.5, 2.0])
        replace()
        assert compiled([0.5, 2.0]) == (model([0.5, 2.0]) * 2).data


def test_what_the_function_does_not_name_may_change():
    global switch  # noqa: PLW0603 — a name that is an attribute in the function
    model = Model()
    model.steps, compiled = 0, jit(model.of_object)
    for i in range(5):
        switch = model.steps = i
        compiled(float(i))
    assert len(compiled.variants) == 1


def test_a_test_that_asserts_is_no_reason_to_look_through_all_of_pytest():
    def f(x):
        assert x == x
        return x

    assert look_around(f).constants == []


def test_what_the_function_itself_changes_makes_no_new_programs():
    kept = SimpleNamespace(latest=None, cache={})

    def f(x):
        kept.latest = x
        kept.cache.setdefault("two", 2.0)
        return kept.latest * kept.cache["two"] if isinstance(x, Value) else sum(kept.latest)

    compiled = jit(f)
    for _ in range(4):
        assert compiled(3.0) == 6.0
        assert compiled([1.0, 2.0]) == 3.0
    assert len(compiled.variants) == 2
    kept.cache["two"] = 3.0
    assert compiled(3.0) == 9.0


def test_what_changes_in_every_call_is_right_and_warned_of():
    kept = SimpleNamespace(step=0)
    compiled = jit(lambda x: x * kept.step)

    def run():
        for kept.step in range(2 * MOST_STATES):
            assert compiled(2.0) == 2.0 * kept.step

    with pytest.warns(RuntimeWarning, match="whenever 'step' changes.*give it as an argument"):
        run()
    assert len(compiled.variants) == MOST_STATES


class Hidden:
    """One that does not let itself be looked at."""

    __slots__ = ("factor",)

    def __getattr__(self, name):
        raise OSError(name)


class Short:
    """One that is gone soon."""


def test_what_cannot_be_looked_at_does_no_harm():
    hidden, gone = Hidden(), weakref.proxy(Short())

    def f(x):
        try:
            return x * hidden.factor
        except OSError:
            return x if gone is None else x * 2

    compiled = jit(f)
    assert compiled(3.0) == 6.0
    hidden.factor = 4.0
    assert compiled(3.0) == 12.0


class Lazy:
    """What a class computes at each look."""

    def __get__(self, x, cls):
        cls.looks += 1
        return 2.0


class Looked:
    """A class that counts looks at it."""

    looks, rate = 0, Lazy()


def test_what_a_class_computes_is_not_asked_for():
    compiled = jit(lambda x: x * Looked().rate)
    assert compiled(3.0) == 6.0
    looks = Looked.looks
    assert compiled(4.0) == 8.0
    assert Looked.looks == looks == 1


class Compiled(Model):
    """A model with a compiled method."""

    @jit
    def predict(self, x):
        return use(x, self.config.switch)


def test_a_method_sees_what_its_object_has_and_does_not_keep_it():
    model = Compiled()
    assert number(model.predict(2.0)) == number(use(2.0, None))
    model.config.switch = "on"
    assert number(model.predict(2.0)) == number(use(2.0, "on"))
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def by_global(x):
    return use(x, switch)


@pytest.mark.parametrize("f", [by_global, Model().of_object], ids=["a global", "an attribute"])
def test_a_pickled_program_runs_where_all_is_as_it_was(f):
    global switch  # noqa: PLW0603 — what people write
    switch = "here"
    compiled = jit(value_and_grad(f))
    compiled(2.0)
    packed = pickle.dumps(compiled)
    assert len(pickle.loads(packed).variants) == 1  # noqa: S301 — our own
    switch = "there"
    again = pickle.loads(packed)  # noqa: S301 — our own
    assert len(again.variants) == (f is not by_global)
    assert number(again(2.0)[0]) == number(f(2.0))
    if f is not by_global:
        again.f.f.__self__.switch = 1.5
        assert number(again(2.0)[0]) == number(use(2.0, 1.5))


class Twice:
    """Two parts whose numbers have one name."""

    def __init__(self, *rates):
        self.parts = [SimpleNamespace(rate=rate) for rate in rates]

    def __call__(self, x):
        return self.parts[0].rate * x + self.parts[1].rate


twice = Twice(0.5, 0.25)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.5, 0.25)])
def test_a_pickled_program_tells_apart_what_has_one_name(rates, place):
    compiled = jit(Twice(*rates))
    compiled(2.0)
    again = pickle.loads(pickle.dumps(compiled))  # noqa: S301 — our own
    assert len(again.variants) == 1
    again.f.parts[place].rate = 7.0
    assert again(2.0) == again.f(2.0)


rows, helper = np.array([1.0, 2.0]), abs


def by_twice(x):
    return twice(x)


def by_rows(x):
    return x * rows[1] + helper(x) * twice.rows[0][0]


CHANGES = {
    "an array": lambda: globals().update(rows=rows + 1.0),
    "an array in place": lambda: rows.__setitem__(1, 7.0),
    "an array in a list": lambda: twice.rows.__setitem__(0, np.array([7.0])),
    "a function": lambda: globals().update(helper=lambda x: x * 3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_pickled_program_is_traced_anew_where_what_it_holds_is_another(change):
    global helper
    twice.rows, helper = [np.array([1.0])], lambda x: x * 2
    compiled = jit(by_rows)
    compiled(2.0)
    packed = pickle.dumps(compiled)
    assert len(pickle.loads(packed).variants) == 1  # noqa: S301 — our own
    CHANGES[change]()
    assert pickle.loads(packed)(2.0) == by_rows(2.0)  # noqa: S301 — our own


def test_a_pickled_program_is_traced_anew_where_two_are_swapped():
    compiled = jit(by_twice)
    compiled(2.0)
    packed = pickle.dumps(compiled)
    twice.parts.reverse()
    assert pickle.loads(packed)(2.0) == by_twice(2.0)  # noqa: S301 — our own


class Switched(Module):
    """One that only a test has."""

    def __init__(self):
        self.w, self.is_on = Value(2.0), True

    def __call__(self, x):
        return x * self.w if self.is_on else x


def test_the_layers_of_a_list_are_seen():
    layers = [Switched(), Switched()]

    def f(x):
        for layer in layers:
            x = layer(x)
        return x

    compiled = jit(f)
    assert compiled(3.0) == 12.0
    layers[1].is_on = False
    assert compiled(3.0) == 6.0
    layers.append(Switched())
    assert compiled(3.0) == 12.0
