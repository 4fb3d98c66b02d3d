"""A scalar autodiff engine to learn gradient descent from, to trust, and to run.

>>> from micrograd_gd import Value
>>> a, b = Value(2.0), Value(-3.0)
>>> (a * b + b**2).backward()
>>> a.grad, b.grad
(-3.0, -4.0)

Every name below is loaded when it is first used (PEP 562), so that the import stays quick.
"""

import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from micrograd_gd._version import __version__

if TYPE_CHECKING:
    from micrograd_gd import data, errors, functional, losses, nn, optim, testing, viz
    from micrograd_gd.compiler.jit import jit, trace
    from micrograd_gd.compiler.source import to_c
    from micrograd_gd.compiler.vmap import vmap
    from micrograd_gd.core.blocks import detect_anomaly, no_grad, scope
    from micrograd_gd.descent.learning_rate import (
        critical_learning_rate,
        find_learning_rate,
        sweep_learning_rates,
    )
    from micrograd_gd.descent.minimize import minimize
    from micrograd_gd.descent.objective import Objective
    from micrograd_gd.engine import Value, engine_name
    from micrograd_gd.nn import MLP, Layer, Module, Neuron
    from micrograd_gd.notation.formula import formula
    from micrograd_gd.notation.parse import parse
    from micrograd_gd.notation.paths import explain
    from micrograd_gd.persist import load, save
    from micrograd_gd.table.ops import primitive
    from micrograd_gd.testing import check_gradients
    from micrograd_gd.training.diagnosis import diagnose
    from micrograd_gd.training.fit import fit
    from micrograd_gd.transforms.custom import custom_vjp
    from micrograd_gd.transforms.derivatives import (
        derivative,
        grad,
        hessian,
        hvp,
        jacobian,
        jvp,
        linearize,
        scipy_objective,
        stop_gradient,
        value_and_grad,
        vjp,
    )
    from micrograd_gd.viz import draw_dot, graph

# Where each name is to be found; a name without a place is a module of its own.
_HOMES = {
    "": "data errors functional losses nn optim testing viz",
    "engine": "Value engine_name",
    "core.blocks": "detect_anomaly no_grad scope",
    "table.ops": "primitive",
    "transforms.derivatives": "derivative grad hessian hvp jacobian jvp linearize scipy_objective "
    "stop_gradient value_and_grad vjp",
    "transforms.custom": "custom_vjp",
    "compiler.jit": "jit trace",
    "compiler.vmap": "vmap",
    "compiler.source": "to_c",
    "nn": "MLP Layer Module Neuron",
    "descent.minimize": "minimize",
    "descent.learning_rate": "critical_learning_rate find_learning_rate sweep_learning_rates",
    "descent.objective": "Objective",
    "training.diagnosis": "diagnose",
    "training.fit": "fit",
    "notation.formula": "formula",
    "notation.parse": "parse",
    "notation.paths": "explain",
    "viz": "draw_dot graph",
    "persist": "load save",
    "testing": "check_gradients",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "Objective",
    "Value",
    "__version__",
    "check_gradients",
    "critical_learning_rate",
    "custom_vjp",
    "data",
    "derivative",
    "detect_anomaly",
    "diagnose",
    "draw_dot",
    "engine_name",
    "errors",
    "explain",
    "find_learning_rate",
    "fit",
    "formula",
    "functional",
    "grad",
    "graph",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "linearize",
    "load",
    "losses",
    "minimize",
    "nn",
    "no_grad",
    "optim",
    "parse",
    "primitive",
    "save",
    "scipy_objective",
    "scope",
    "stop_gradient",
    "sweep_learning_rates",
    "testing",
    "to_c",
    "trace",
    "value_and_grad",
    "viz",
    "vjp",
    "vmap",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'micrograd_gd' has no attribute {name!r}")
    home = _HOME_OF[name]
    if home:
        found: object = getattr(_import_module(f"micrograd_gd.{home}"), name)
    else:
        found = _import_module(f"micrograd_gd.{name}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__


if "IPython" in _sys.modules:
    from micrograd_gd import notebook as _notebook  # noqa: F401 — values and models show themselves
