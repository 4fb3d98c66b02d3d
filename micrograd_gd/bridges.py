"""Functions of ours inside of PyTorch, JAX and PyTensor; weights from PyTorch and to it.

A library calls the function with its arrays, and asks for the cotangents of the arguments when it
goes backward. These are a function of ours again, which crosses by the same bridge: so derivatives
have any order.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from micrograd_gd.compiler.jit import jit
from micrograd_gd.errors import ArgumentError, ShapeError
from micrograd_gd.names import missing_package
from micrograd_gd.nn import MLP
from micrograd_gd.table.numbers import shorten
from micrograd_gd.transforms.derivatives import vjp
from micrograd_gd.transforms.recording import require_function

__all__ = ["from_torch_state", "to_jax", "to_pytensor", "to_torch", "to_torch_state"]

Function = Callable[..., Any]


def to_torch(f: Function) -> Function:
    """The function for tensors of PyTorch: autograd goes backward through it, to any order.

    f takes numbers and arrays of numbers, and gives one of these, or a tuple of them. It is
    compiled, and computes in 64-bit floats on the processor; the result has the type and the device
    of the first tensor.

    Raises ImportError without PyTorch, and what `jit` raises.

    >>> import torch  # doctest: +SKIP
    >>> x = torch.tensor(3.0, requires_grad=True)  # doctest: +SKIP
    >>> to_torch(lambda x: x**2)(x).backward()  # doctest: +SKIP
    >>> x.grad  # doctest: +SKIP
    tensor(6.)
    """
    bridged, torch = _Bridged(f), _import("torch", "to_torch")

    def call(*xs: Any) -> Any:
        tensors = [x for x in xs if isinstance(x, torch.Tensor) and x.is_floating_point()]
        like = tensors[0] if tensors else torch.zeros((), dtype=torch.float64)
        xs = tuple([torch.as_tensor(x, dtype=_kind(x, torch), device=like.device) for x in xs])
        return _torch_operation().apply(bridged, like, *xs)

    return call


def to_jax(f: Function) -> Function:
    """The function for arrays of JAX, also inside of `jax.jit`, `jax.grad` and `jax.vmap`.

    f is as for `to_torch`. JAX calls it back on the processor; the shapes of its results are those
    for arguments of ones. Derivatives are by reverse sweeps: use `jax.jacrev` for second ones.

    Raises ImportError without JAX, and what `jit` raises.

    >>> import jax  # doctest: +SKIP
    >>> jax.grad(to_jax(lambda x: x**2))(3.0)  # doctest: +SKIP
    Array(6., dtype=float32, weak_type=True)
    """
    bridged, jax = _Bridged(f), _import("jax", "to_jax")

    def call(*xs: Any) -> Any:
        kind = jax.numpy.result_type(float, *xs)
        return _jax_operation()(bridged, *[jax.numpy.asarray(x, kind) for x in xs])

    return call


def to_pytensor(f: Function) -> Function:
    """The function for variables of PyTensor, as models of PyMC have them; f gives one number.

    Raises ImportError without PyTensor, and what `jit` raises.
    """
    bridged, pytensor = _Bridged(f), _import("pytensor", "to_pytensor")

    def call(*xs: Any) -> Any:
        variables = [pytensor.tensor.as_tensor_variable(x).astype("float64") for x in xs]
        operation = _pytensor_operation()(bridged, [pytensor.tensor.dscalar])
        return operation(*variables)

    return call


class _Bridged:
    """A compiled function of arrays, which gives an array or a tuple of them."""

    def __init__(self, f: Function) -> None:
        require_function(f)
        self.f, self._compiled = f, jit(f)
        self._of_cotangents: dict[int, _Bridged] = {}
        self._examples: dict[Any, Any] = {}

    def __call__(self, arrays: Sequence[Any]) -> Any:
        import numpy as np  # noqa: PLC0415 — which each of the libraries brings

        arrays = [np.asarray(x, float) for x in arrays]
        result = self._compiled(*[x if x.ndim else float(x) for x in arrays])
        return _map(partial(np.asarray, dtype=float), result)

    def pull_back(self, count: int) -> "_Bridged":
        """The function of so many arguments, then of cotangents, that gives the arguments'."""

        def pull(*both: Any) -> Any:
            y, pull_back = vjp(self.f, *both[:count])
            return pull_back(both[count:] if isinstance(y, tuple) else both[count])

        if count not in self._of_cotangents:
            self._of_cotangents[count] = _Bridged(pull)
        return self._of_cotangents[count]

    def example(self, *shapes: tuple[int, ...]) -> Any:
        """The results for ones in arrays of these shapes."""
        import numpy as np  # noqa: PLC0415 — as above

        if shapes not in self._examples:
            self._examples[shapes] = self([*map(np.ones, shapes)])
        return self._examples[shapes]


def _map(g: Function, result: Any) -> Any:
    return tuple(map(g, result)) if isinstance(result, tuple) else g(result)


def _kind(x: Any, torch: Any) -> Any:
    return x.dtype if isinstance(x, torch.Tensor) and x.is_floating_point() else torch.float64


@cache
def _torch_operation() -> Any:
    import torch  # noqa: PLC0415 — an extra, for this alone

    class Bridge(torch.autograd.Function):  # type: ignore[misc]  # seen without its types
        @staticmethod
        def forward(bridged: _Bridged, like: Any, *tensors: Any) -> Any:
            results = bridged([x.detach().cpu().double().numpy() for x in tensors])
            return _map(lambda y: torch.tensor(y, dtype=like.dtype, device=like.device), results)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 — as it is called
            ctx.bridged, _, *tensors = inputs
            ctx.save_for_backward(*tensors)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            tensors = ctx.saved_tensors
            exact = torch.zeros((), dtype=torch.float64, device=tensors[0].device)
            pull_back = ctx.bridged.pull_back(len(tensors))
            return None, None, *Bridge.apply(pull_back, exact, *tensors, *cotangents)

    return Bridge


@cache
def _jax_operation() -> Any:
    import jax  # noqa: PLC0415 — an extra, for this alone
    import numpy as np  # noqa: PLC0415 — which it brings

    @partial(jax.custom_vjp, nondiff_argnums=(0,))
    def bridge(bridged: _Bridged, *xs: Any) -> Any:
        kind, example = xs[0].dtype, bridged.example(*[x.shape for x in xs])
        like = _map(lambda y: jax.ShapeDtypeStruct(y.shape, kind), example)

        def compute(*xs: Any) -> Any:
            return _map(lambda y: np.asarray(y, kind), bridged(xs))

        return jax.pure_callback(compute, like, *xs, vmap_method="sequential")

    def forward(bridged: _Bridged, *xs: Any) -> Any:
        return bridge(bridged, *xs), xs

    def backward(bridged: _Bridged, xs: Any, cotangents: Any) -> Any:
        cotangents = cotangents if isinstance(cotangents, tuple) else (cotangents,)
        return bridge(bridged.pull_back(len(xs)), *xs, *cotangents)

    bridge.defvjp(forward, backward)
    return bridge


@cache
def _pytensor_operation() -> Any:
    from pytensor.gradient import DisconnectedType  # noqa: PLC0415 — an extra, for this alone
    from pytensor.graph import Apply, Op  # noqa: PLC0415 — the same

    class Bridge(Op):  # type: ignore[misc]  # seen without its types
        def __init__(self, bridged: _Bridged, kinds: Sequence[Any]) -> None:
            self.bridged, self.kinds = bridged, kinds

        def make_node(self, *xs: Any) -> Any:
            return Apply(self, xs, [kind() for kind in self.kinds])

        def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:  # noqa: ARG002 — as it is called
            results = self.bridged(inputs)
            results = results if isinstance(results, tuple) else (results,)
            for storage, y in zip(output_storage, results, strict=True):
                storage[0] = y

        def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
            pull_back = self.bridged.pull_back(len(inputs))
            cotangents = [
                y.zeros_like() if isinstance(g.type, DisconnectedType) else g
                for y, g in zip(outputs, cotangents, strict=True)
            ]
            return Bridge(pull_back, [x.type for x in inputs])(
                *inputs, *cotangents, return_list=True
            )

        L_op = pullback  # its name before PyTensor 3

    return Bridge


def from_torch_state(state: Mapping[str, Any]) -> dict[str, float]:
    """The state of an `MLP` from that of a PyTorch network of linear layers, in their order.

    `model.load_state_dict(from_torch_state(net.state_dict()))`. PyTorch's weight of a layer has a
    row for each neuron, as the MLP has; where there is no bias, it is 0.

    Raises ArgumentError for anything but weights and biases of linear layers.

    >>> from_torch_state({"0.weight": [[1.0, 2.0]], "0.bias": [3.0]})
    {'layers.0.neurons.0.w.0': 1.0, 'layers.0.neurons.0.w.1': 2.0, 'layers.0.neurons.0.b': 3.0}
    """
    tables = {name: x.tolist() if hasattr(x, "tolist") else x for name, x in state.items()}
    weights = {name: x for name, x in tables.items() if name.rpartition(".")[2] == "weight"}
    known = {name.removesuffix("weight") + part for name in weights for part in ("weight", "bias")}
    odd = [name for name in tables if name not in known]
    odd += [name for name, rows in weights.items() if not isinstance(rows[0], list)]
    if odd or not weights:
        raise ArgumentError(
            f"the state has {shorten(odd or [*state])}; expected weight and bias of linear layers"
        )
    numbers: dict[str, float] = {}
    for i, (name, rows) in enumerate(weights.items()):
        biases = tables.get(name.removesuffix("weight") + "bias", [0.0] * len(rows))
        for j, (row, bias) in enumerate(zip(rows, biases, strict=True)):
            place = f"layers.{i}.neurons.{j}"
            numbers |= {f"{place}.w.{k}": x for k, x in enumerate(row)} | {f"{place}.b": bias}
    return numbers


def to_torch_state(model: MLP, names: Sequence[str] | None = None) -> dict[str, Any]:
    """The state of an `MLP` for a PyTorch network, as `net.load_state_dict` takes it.

    `names` are those of the network's linear layers. Without them they are those of a `Sequential`
    in which a layer and an activation alternate: 0, 2, 4, …

    Raises ShapeError for another number of names, ImportError without PyTorch.
    """
    torch = _import("torch", "to_torch_state")
    names = [str(2 * i) for i in range(len(model.layers))] if names is None else names
    if len(names) != len(model.layers):
        raise ShapeError(
            f"{len(names)} names for {len(model.layers)} layers; expected one for each"
        )
    state = {}
    for name, layer in zip(names, model.layers, strict=True):
        rows = [[w.data for w in neuron.w] for neuron in layer.neurons]
        state[f"{name}.weight"] = torch.tensor(rows, dtype=torch.float64)
        biases = [neuron.b.data for neuron in layer.neurons]
        state[f"{name}.bias"] = torch.tensor(biases, dtype=torch.float64)
    return state


def _import(package: str, what: str) -> Any:
    try:
        return __import__(package)
    except ModuleNotFoundError as error:
        raise missing_package(error.name, what) from None
