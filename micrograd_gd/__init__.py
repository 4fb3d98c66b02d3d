"""A scalar autodiff engine to learn gradient descent from, to trust, and to run.

>>> from micrograd_gd import Value
>>> a, b = Value(2.0), Value(-3.0)
>>> (a * b + b**2).backward()
>>> a.grad, b.grad
(-3.0, -4.0)

All names, each with a `help` of its own, such as `help(mg.minimize)`:

compute        Value no_grad detect_anomaly scope engine_name primitive functional errors
differentiate  grad value_and_grad derivative vjp jvp linearize jacobian jacfwd jacrev hessian hvp
               stop_gradient custom_vjp solve scipy_objective check_gradients testing
compile        jit vmap trace to_c to_js to_torch to_jax
learn          MLP Layer Neuron Module nn losses optim data fit Objective diagnose save load
               exercises
descend        minimize curve_fit positive between free
               find_learning_rate sweep_learning_rates critical_learning_rate
look           graph draw_dot viz formula parse explain live
"""
# Every name is loaded when it is first used (PEP 562), so that the import stays quick.

import sys
from typing import TYPE_CHECKING

from micrograd_gd._version import __version__ as __version__
from micrograd_gd.names import load_when_used

if TYPE_CHECKING:  # what type checkers and editors see
    from micrograd_gd import data as data
    from micrograd_gd import errors as errors
    from micrograd_gd import exercises as exercises
    from micrograd_gd import functional as functional
    from micrograd_gd import losses as losses
    from micrograd_gd import nn as nn
    from micrograd_gd import optim as optim
    from micrograd_gd import testing as testing
    from micrograd_gd import viz as viz
    from micrograd_gd.bridges import to_jax as to_jax
    from micrograd_gd.bridges import to_torch as to_torch
    from micrograd_gd.compiler.c_source import to_c as to_c
    from micrograd_gd.compiler.jit import jit as jit
    from micrograd_gd.compiler.jit import trace as trace
    from micrograd_gd.compiler.js_source import to_js as to_js
    from micrograd_gd.compiler.vmap import vmap as vmap
    from micrograd_gd.core.blocks import detect_anomaly as detect_anomaly
    from micrograd_gd.core.blocks import no_grad as no_grad
    from micrograd_gd.core.blocks import scope as scope
    from micrograd_gd.descent.bounds import between as between
    from micrograd_gd.descent.bounds import free as free
    from micrograd_gd.descent.bounds import positive as positive
    from micrograd_gd.descent.curve_fit import curve_fit as curve_fit
    from micrograd_gd.descent.learning_rate import critical_learning_rate as critical_learning_rate
    from micrograd_gd.descent.learning_rate import find_learning_rate as find_learning_rate
    from micrograd_gd.descent.learning_rate import sweep_learning_rates as sweep_learning_rates
    from micrograd_gd.descent.minimize import minimize as minimize
    from micrograd_gd.descent.objective import Objective as Objective
    from micrograd_gd.engine import Value as Value
    from micrograd_gd.engine import engine_name as engine_name
    from micrograd_gd.nn import MLP as MLP
    from micrograd_gd.nn import Layer as Layer
    from micrograd_gd.nn import Module as Module
    from micrograd_gd.nn import Neuron as Neuron
    from micrograd_gd.notation.formula import formula as formula
    from micrograd_gd.notation.parse import parse as parse
    from micrograd_gd.notation.paths import explain as explain
    from micrograd_gd.pages import live as live
    from micrograd_gd.persist import load as load
    from micrograd_gd.persist import save as save
    from micrograd_gd.table.ops import primitive as primitive
    from micrograd_gd.testing import check_gradients as check_gradients
    from micrograd_gd.training.diagnosis import diagnose as diagnose
    from micrograd_gd.training.fit import fit as fit
    from micrograd_gd.transforms.custom import custom_vjp as custom_vjp
    from micrograd_gd.transforms.derivatives import derivative as derivative
    from micrograd_gd.transforms.derivatives import grad as grad
    from micrograd_gd.transforms.derivatives import hessian as hessian
    from micrograd_gd.transforms.derivatives import hvp as hvp
    from micrograd_gd.transforms.derivatives import jacfwd as jacfwd
    from micrograd_gd.transforms.derivatives import jacobian as jacobian
    from micrograd_gd.transforms.derivatives import jacrev as jacrev
    from micrograd_gd.transforms.derivatives import jvp as jvp
    from micrograd_gd.transforms.derivatives import linearize as linearize
    from micrograd_gd.transforms.derivatives import scipy_objective as scipy_objective
    from micrograd_gd.transforms.derivatives import stop_gradient as stop_gradient
    from micrograd_gd.transforms.derivatives import value_and_grad as value_and_grad
    from micrograd_gd.transforms.derivatives import vjp as vjp
    from micrograd_gd.transforms.implicit import solve as solve
    from micrograd_gd.viz import draw_dot as draw_dot
    from micrograd_gd.viz import graph as graph
else:
    HOMES = {
        "": "data errors exercises functional losses nn optim testing viz",  # modules
        "bridges": "to_jax to_torch",
        "compiler.c_source": "to_c",
        "compiler.jit": "jit trace",
        "compiler.js_source": "to_js",
        "compiler.vmap": "vmap",
        "core.blocks": "detect_anomaly no_grad scope",
        "descent.bounds": "between free positive",
        "descent.curve_fit": "curve_fit",
        "descent.learning_rate": "critical_learning_rate find_learning_rate sweep_learning_rates",
        "descent.minimize": "minimize",
        "descent.objective": "Objective",
        "engine": "Value engine_name",
        "nn": "MLP Layer Module Neuron",
        "notation.formula": "formula",
        "notation.parse": "parse",
        "notation.paths": "explain",
        "pages": "live",
        "persist": "load save",
        "table.ops": "primitive",
        "testing": "check_gradients",
        "training.diagnosis": "diagnose",
        "training.fit": "fit",
        "transforms.custom": "custom_vjp",
        "transforms.derivatives": "derivative grad hessian hvp jacfwd jacobian jacrev jvp "
        "linearize scipy_objective stop_gradient value_and_grad vjp",
        "transforms.implicit": "solve",
        "viz": "draw_dot graph",
    }
    load_when_used(__name__, HOMES)


if "IPython" in sys.modules:
    from micrograd_gd import notebook  # noqa: F401 — values and models show themselves
