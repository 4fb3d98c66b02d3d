"""Names: those that are loaded when first used, and those that people bring from elsewhere."""

import sys
from collections.abc import Collection, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Never

from micrograd_gd import errors
from micrograd_gd.keywords import check_keywords, find_similar

# Names of PyTorch, JAX, optax and scikit-learn, and what is written here.
ELSEWHERE = {
    **dict.fromkeys(("tensor", "Tensor", "Variable", "Parameter", "array"), "Value"),
    **dict.fromkeys(("autograd", "gradient"), "grad"),
    "pmap": "vmap",
    "compile": "jit",
    "make_jaxpr": "trace",
    **dict.fromkeys(("gradcheck", "check_grads"), "check_gradients"),
    **dict.fromkeys(("jnp", "numpy"), "functional"),
    **dict.fromkeys(("manual_seed", "random"), "seed=, or random.seed"),
    **dict.fromkeys(("gradient_descent", "descend"), "minimize"),
    **dict.fromkeys(("find_lr", "lr_finder"), "find_learning_rate"),
    "train": "fit",
    "enable_grad": "nothing: results are recorded wherever no no_grad is open",
    "backward": "y.backward()",
    "state_dict": "model.state_dict()",
    "plot": "viz",
    **dict.fromkeys(("sum", "cumsum"), "functional.total"),
    "power": "functional.pow",
    **dict.fromkeys(("max", "amax"), "functional.maximum"),
    **dict.fromkeys(("min", "amin"), "functional.minimum"),
    **dict.fromkeys(("matmul", "inner"), "functional.dot"),
    "expit": "functional.sigmoid",
    **dict.fromkeys(("gammaln", "loggamma"), "functional.lgamma"),
    "psi": "functional.digamma",
    "rel_entr": "functional.kl_div",
    **dict.fromkeys(("beta", "betaln"), "exp and lgamma(a) + lgamma(b) - lgamma(a + b)"),
    **dict.fromkeys(
        ("gammainc", "gammaincc", "betainc", "zeta", "i0", "i0e", "i1", "i1e", "j0", "j1", "jv"),
        "custom_vjp around the function of scipy.special, as docs/guide/with-scipy.md shows",
    ),
    **dict.fromkeys(("Linear", "linear", "Dense"), "nn.Layer(nin, nout, activation=None)"),
    "Sequential": "nn.MLP(nin, [nout, ...])",
    "ReLU": 'activation="relu"',
    "Tanh": 'activation="tanh"',
    "Sigmoid": 'activation="sigmoid"',
    "init": 'init="he" of Neuron, Layer and MLP',
    **dict.fromkeys(("MSELoss", "mse_loss", "squared_error", "mean_squared_error"), "losses.mse"),
    **dict.fromkeys(("L1Loss", "l1_loss", "l1"), "losses.mae"),
    **dict.fromkeys(("HuberLoss", "SmoothL1Loss", "huber_loss"), "losses.huber"),
    **dict.fromkeys(("HingeEmbeddingLoss", "hinge_loss"), "losses.hinge"),
    **dict.fromkeys(("CrossEntropyLoss", "NLLLoss", "nll_loss"), "losses.cross_entropy"),
    "cross_entropy": "losses.cross_entropy",
    **dict.fromkeys(("BCELoss", "BCEWithLogitsLoss", "bce"), "losses.binary_cross_entropy"),
    "binary_cross_entropy": "losses.binary_cross_entropy",
    "sgd": "optim.SGD",
    **dict.fromkeys(("adam", "AdamW", "RMSprop", "Adagrad"), "optim.Adam"),
    "lr_scheduler": "a schedule as the learning rate, such as optim.cosine(0.1, steps=1000)",
    "LambdaLR": "a function of the step's number as the learning rate",
    "StepLR": "optim.step_decay",
    "ExponentialLR": "optim.exponential_decay",
    **dict.fromkeys(("CosineAnnealingLR", "cosine_decay_schedule"), "optim.cosine"),
    "LinearLR": "optim.warmup",
    **dict.fromkeys(("DataLoader", "TensorDataset"), "fit(model, *dataset, batch_size=8)"),
    "make_blobs": "data.blobs",
    "make_circles": "data.circles",
    "make_moons": "data.moons",
    "load_iris": "data.iris",
    "StandardScaler": "data.standardize",
}

EXTRAS = {  # packages, and the extra of this one that brings each
    "hypothesis": "testing",
    "jax": "jax",
    "mpmath": "check",
    "numpy": "jit",
    "polars": "tables",
    "pytensor": "pymc",
    "scipy": "scipy",
    "sklearn": "sklearn",
    "torch": "torch",
    "tqdm": "progress",
    "typer": "cli",
}


def load_when_used(face: str, homes: Mapping[str, str]) -> None:
    """Give a package the names in `homes`, each loaded from its home when it is first used.

    Under "" stand modules of the package itself. A name that is not there is answered with one
    that is.
    """
    package = sys.modules[face]
    home_of = {name: home for home, names in homes.items() for name in names.split()}

    def load(name: str) -> Any:
        if name in home_of:
            path = ".".join(filter(None, (face, home_of[name] or name)))
            try:
                home = import_module(path)
            except ModuleNotFoundError as error:
                if error.name not in EXTRAS:
                    raise
                return _stand_in(name, error.name)
            found = _offer(home, name) if home_of[name] else home
            setattr(package, name, found)
            return found
        modules = () if name.startswith("_") else homes.get("", "").split()
        within = {x: f"{module}.{x}" for module in modules for x in dir(load(module))}
        raise make_name_error(face, name, {**within, **{x: x for x in home_of}})

    names = sorted({*home_of} | {"__version__"} & {*vars(package)})
    vars(package).update(__all__=names, __dir__=lambda: names, __getattr__=load)


def _stand_in(name: str, needed: str) -> Any:
    """What is there, so that the face can be listed, for a name whose home needs a package."""

    def refuse(*_: Any, **__: Any) -> Never:
        raise missing_package(needed, name)

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


def missing_package(needed: str | None, what: str) -> ImportError:
    """The error for `what`, which says how to install the package that it needs.

    >>> print(missing_package("mpmath", "check_gradients"))
    check_gradients needs mpmath, which is not installed: run pip install 'micrograd_gd[check]'
    """
    extra = EXTRAS[(needed or "").partition(".")[0]]
    install = f"run pip install 'micrograd_gd[{extra}]'"
    return ImportError(f"{what} needs {needed}, which is not installed: {install}", name=needed)


def close_module(name: str, quick: Collection[str] = ()) -> None:
    """Let a module list its `__all__` alone, and answer a name or keyword that it does not have.

    The functions named in `quick` are too short for that: looking at keywords would slow them.
    """
    module = sys.modules[name]

    def refuse(name: str) -> Any:
        raise make_name_error(module.__name__, name, {x: x for x in module.__all__})

    for each in {*module.__all__}.difference(quick):
        setattr(module, each, _offer(module, each))
    vars(module).update(__dir__=lambda: module.__all__, __getattr__=refuse)


def _offer(home: ModuleType, name: str) -> Any:
    """What stands in a module, such that it answers wrong keywords, there and where it is from."""
    found = getattr(home, name)
    checked = check_keywords(found)
    origin = sys.modules.get(getattr(found, "__module__", ""), home)
    if vars(origin).get(name) is found:
        setattr(origin, name, checked)  # so that it can be pickled by its name
    return checked


class Absent:
    """A name that a class does not have: asking for it raises an error that says what to use."""

    def __init__(self, owner: str, name: str, use: str) -> None:
        self.owner, self.name, self.use = owner, name, use
        self.__doc__ = f"Not there: use {use}"

    def __get__(self, instance: Any, _kind: Any = None) -> Any:
        if self.name in getattr(instance, "__dict__", ()):  # of a subclass
            return vars(instance)[self.name]
        raise AttributeError(f"{self.owner} has no {self.name!r}: use {self.use}", name=self.name)

    def __set__(self, instance: Any, x: Any) -> None:
        if not hasattr(instance, "__dict__"):
            self.__get__(instance)
        vars(instance)[self.name] = x


def refuse_names(kind: Any, owner: str, uses: Mapping[str, str]) -> None:
    """Let a class answer these names, which it does not have, with what to use instead.

    Its own names are found as fast as ever; `__getattr__` would slow every access. `dir` leaves
    these names out.

    >>> class Pair: pass
    >>> refuse_names(Pair, "a pair", {"first": "[0]"})
    >>> Pair().first
    Traceback (most recent call last):
    AttributeError: a pair has no 'first': use [0]
    """
    for name, use in uses.items():
        setattr(kind, name, Absent(owner, name, use))
    own = kind.__dir__
    kind.__dir__ = lambda self: [x for x in own(self) if x not in uses]


def make_name_error(owner: str, name: str, known: Mapping[str, str]) -> AttributeError:
    """The error for a name that `owner` does not have; it says which one is meant.

    `known` says under which name to reach each of those that are there.

    >>> make_name_error("nn", "Layre", {"Layer": "Layer", "MLP": "MLP"})
    AttributeError("nn has no 'Layre': did you mean 'Layer'?")
    >>> make_name_error("losses", "MSELoss", {})
    AttributeError("losses has no 'MSELoss': use losses.mse")
    """
    uses = {**ELSEWHERE, **known}
    hint = ""
    if name in uses:
        hint = f": use {uses[name]}"
    elif close := find_similar(name, uses):
        hint = f": did you mean {known[close]!r}?" if close in known else f": use {uses[close]}"
    # With its name set, Python adds no suggestion of its own.
    return AttributeError(f"{owner} has no {name!r}{hint}", name=name)


close_module(errors.__name__)  # which stands below
