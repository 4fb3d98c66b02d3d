"""Numbers and arrays of other libraries: taken as the numbers that they are, or refused by name."""

import platform
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

from micrograd_gd import MLP, Value, fit, grad, jit, value_and_grad, vmap
from micrograd_gd.errors import NotANumberError, NumberRangeError


class Tensor:
    """An array as other libraries make them: it becomes one of NumPy when it is asked."""

    def __init__(self, array, *, refuses=False):
        self.array, self.refuses = np.asarray(array), refuses

    ndim = property(lambda self: self.array.ndim)
    shape = property(lambda self: self.array.shape)

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        if self.refuses:
            raise RuntimeError("call x.detach() first")
        return self.array


def square(x):
    return sum(each * each for each in (x if hasattr(x, "__len__") else [x]))


def train_on(rows):
    return fit(MLP(2, 1, seed=0), rows, [0.0, 1.0], epochs=1)


DOORS = {
    "grad": grad(square),
    "value_and_grad": value_and_grad(square),
    "jit": jit(square),
    "jit of grad": jit(grad(square)),
    "vmap": vmap(lambda x: x * x),
    "MLP": lambda x: MLP(2, 1, seed=0)(x).data,
}
door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@door
def test_an_array_of_another_library_is_the_numbers_that_it_holds(door):
    plain = np.array([1.0, 2.0])
    assert repr(door(Tensor(plain))) == repr(door(plain))
    assert repr(door(Tensor([1, 2]))) == repr(door(plain))


@door
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ma.masked_array([1.0, 2.0], [False, True]), "MaskedArray, is masked"),
        (np.ma.masked_array([1.0, 2.0]), "MaskedArray, is masked"),
        (scipy.sparse.csr_array([[1.0, 2.0]]), "csr_array, is sparse: give it as x.toarray()"),
        (Tensor([1.0, 2.0], refuses=True), "Tensor, does not become .*call x.detach"),
    ],
    ids=["masked", "masked nowhere", "sparse", "refuses"],
)
def test_what_is_no_array_of_numbers_is_refused_by_name(door, array, message):
    door(np.array([1.0, 2.0]))  # also where a program is there already
    with pytest.raises(NotANumberError, match=message):
        door(array)


@pytest.mark.parametrize("x", [np.array(2.0), np.array(2), Tensor(2.0), np.float32(2)])
def test_an_array_without_dimensions_is_one_number(x):
    assert Value(x).data == 2.0
    assert grad(square)(x) == 4.0
    assert jit(square)(x) == 4.0
    assert (Value(3.0) + Value(x)).data == 5.0


class Hostile:
    """Its number of dimensions is no number that an array has, or raises."""

    def __init__(self, ndim):
        self.dimensions = ndim

    @property
    def ndim(self):
        if isinstance(self.dimensions, BaseException):
            raise self.dimensions
        return self.dimensions


@pytest.mark.parametrize("ndim", [2**70, -(2**70), 1.5, "0", None, AttributeError("ndim")])
def test_a_comparison_looks_for_dimensions_and_leaves_no_error_behind(ndim):
    with pytest.raises(TypeError, match="not supported between instances"):
        Value(1.0) < Hostile(ndim)  # noqa: B015 — it raises
    assert Value(1.0) != Hostile(ndim)


def test_an_error_while_looking_for_dimensions_is_raised():
    for error in (KeyboardInterrupt(), ValueError("ndim")):
        with pytest.raises(type(error)):
            Value(1.0) < Hostile(error)  # noqa: B015 — it raises


def test_a_masked_operand_leaves_the_graph_as_it_is():
    x = Value(2.0)
    masked = np.ma.masked_array([1.0, 3.0], [False, True])
    for y in (x * masked, masked * x):
        assert type(y[0]) is Value
        assert y.mask.tolist() == [False, True]
        y[0].backward()
    assert x.grad == 2.0


def test_training_takes_tables_and_refuses_masks():
    rows = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert repr(train_on(Tensor(rows))) == repr(train_on(rows))
    with pytest.raises(NotANumberError, match="the training inputs, of type MaskedArray"):
        train_on(np.ma.masked_array(rows, rows == 0))


@pytest.mark.parametrize(
    "x", [10**400, Fraction(10**400), Decimal("1e999"), Decimal("-1e999"), np.longdouble("1e4000")]
)
def test_a_number_too_large_for_a_float_is_refused(x):
    if isinstance(x, np.longdouble) and np.isinf(x):
        pytest.skip("long doubles are doubles here")
    for use in (
        Value,
        lambda x: Value(1.0) + x,
        grad(square),
        jit(square),
        lambda x: grad(square)([x]),
    ):
        with pytest.raises(NumberRangeError, match="too large for a float"):
            use(x)


@pytest.mark.parametrize(
    "x", [float("inf"), Decimal("-inf"), np.longdouble("inf"), np.float32("inf")]
)
def test_an_infinity_stays_one(x):
    assert Value(x).data == x


def test_a_value_is_rounded_to_digits_as_a_float_is():
    loss = Value(2.34567, label="loss")
    assert (round(loss, 2).data, round(loss, 2).label) == (2.35, "loss")
    assert round(loss * 1).data == 2.0
    assert round(loss, 2).operands == ()


def test_an_import_of_all_functions_leaves_pythons_own():
    names = {}
    exec("from micrograd_gd.functional import *", names)  # noqa: S102 — what users write
    assert names["tanh"](0.0) == 0.0
    assert not {"abs", "pow", "round"} & {*names}


FLUSH = """
import ctypes, mmap, warnings
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes([0x0F, 0xAE, 0x17, 0xC3]))  # ldmxcsr [rdi]; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)(ctypes.byref(ctypes.c_uint32(0x1F80 | {bits})))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import micrograd_gd
    micrograd_gd.{name}
print(*[str(each.message) for each in caught])
"""


@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="machine code of x86 on Linux"
)
@pytest.mark.parametrize("name", ["jit", "check_gradients"])
@pytest.mark.parametrize("bits", [0x8000, 0x0040, 0])
def test_a_processor_that_flushes_small_numbers_is_noticed(python, name, bits):
    printed = python("-c", FLUSH.format(bits=bits, name=name)).stdout
    assert ("FTZ or DAZ" in printed) == bool(bits)
