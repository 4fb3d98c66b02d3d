"""Dataclasses and None are containers, as dicts are: in every transform, in programs and batches.

The reference is the same function of the same numbers in a dict.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from compiled import AVAILABLE, bits

from micrograd_gd import (
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    linearize,
    value_and_grad,
    vjp,
    vmap,
)
from micrograd_gd.errors import NotANumberError, ShapeError
from micrograd_gd.transforms.trees import flatten, unflatten


@dataclass
class Plain:
    w: Any
    b: Any
    rest: Any = None
    name: str = field(default="line", metadata={"static": True})


@dataclass(frozen=True, slots=True)
class Frozen:
    w: Any
    b: Any
    rest: Any = None


@dataclass
class Derived:
    w: Any
    b: Any
    rest: Any = None
    total: Any = field(init=False)

    def __post_init__(self):
        self.total = self.w[0] + self.b


def energy(p):
    get = p.get if isinstance(p, dict) else lambda name: getattr(p, name)
    w, b = get("w"), get("b")
    return w[0] * w[1] * b * b + b * b * b


TRANSFORMS = {
    "value": lambda f, x, t: f(x),
    "grad": lambda f, x, t: grad(f)(x),
    "value_and_grad": lambda f, x, t: value_and_grad(f)(x),
    "hessian": lambda f, x, t: hessian(f)(x),
    "jacobian of grad": lambda f, x, t: jacobian(grad(f))(x),
    "jvp": lambda f, x, t: jvp(f, (x,), (t,)),
    "hvp": hvp,
    "vjp": lambda f, x, t: vjp(f, x)[1](1.0),
    "linearize": lambda f, x, t: linearize(f, x)[1](t),
}


@pytest.mark.parametrize("kind", [Plain, Frozen, dict])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_takes_and_gives_them(name, kind):
    run = TRANSFORMS[name]
    point, tangent = {"w": [1.5, 2.0], "b": 0.5}, {"w": [1.0, -1.0], "b": 2.0}
    expected = bits(run(energy, point, tangent))
    x, t = kind(**point, rest=None), kind(**tangent, rest=None)
    found = run(energy, x, t)
    assert bits(found) == expected
    for backend in AVAILABLE:
        compiled = jit(lambda x, t: run(energy, x, t), backend=backend)
        assert bits(compiled(x, t)) == bits(compiled(x, t)) == expected
        assert flatten(compiled(x, t))[1] == flatten(found)[1]


def test_a_gradient_is_of_the_class_of_its_argument():
    slope = grad(energy)(Plain([1.5, 2.0], 0.5, name="mine"))
    assert slope == Plain([0.5, 0.375], 3.75, None, "mine")
    assert jit(grad(energy))(Plain([1.5, 2.0], 0.5, name="mine")) == slope


def test_what_is_static_has_a_program_of_its_own():
    f = jit(lambda p: p.w * (2 if p.name == "double" else 1))
    assert [f(Plain(3.0, 0.0, name=name)) for name in ("double", "line", "double")] == [6, 3, 6]
    assert len(f.variants) == 2


def test_fields_that_are_derived_come_back():
    found = jit(lambda p: p)(Derived([1.0, 2.0], 3.0))
    assert found == Derived([1.0, 2.0], 3.0)
    assert found.total == 4.0


@pytest.mark.parametrize("backend", AVAILABLE)
def test_batches_of_them(backend):
    batch = Frozen(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, 1.0, 2.0]))
    expected = [grad(energy)(Frozen([*w], b)) for w, b in zip(batch.w, batch.b, strict=True)]
    for f in (vmap(grad(energy)), jit(vmap(grad(energy)), backend=backend)):
        found = f(batch)
        assert (type(found), found.rest) == (Frozen, None)
        assert found.w.tolist() == [each.w for each in expected]
        assert found.b.tolist() == [each.b for each in expected]


def test_none_is_an_argument_and_a_result():
    f = lambda x, y: (x * 2, y, None)  # noqa: E731 — short
    assert jit(f)(1.0, None) == jit(f)(1.0, None) == (2.0, None, None)
    assert grad(lambda x: x["a"] ** 2)({"a": 3.0, "b": None}) == {"a": 6.0, "b": None}
    leaves, structure = flatten([None, {"a": None}, ()])
    assert (leaves, unflatten(structure, [])) == ([], [None, {"a": None}, ()])


def test_errors_name_the_field():
    with pytest.raises(NotANumberError, match=r"argument 0\.b"):
        grad(energy)(Plain([1.0, 2.0], "text"))
    with pytest.raises(ShapeError, match="Plain"):
        jvp(energy, (Plain([1.0, 2.0], 1.0),), ({"w": [1.0, 2.0], "b": 1.0},))
