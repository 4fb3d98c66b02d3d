"""A scalar autodiff engine to learn gradient descent from, to trust, and to run.

>>> a, b = Value(2.0), Value(-3.0)
>>> (a * b + b**2).backward()
>>> a.grad, b.grad
(-3.0, -4.0)
"""

from micrograd_gd import functional, losses, nn, optim
from micrograd_gd._version import __version__
from micrograd_gd.engine import Value, engine_name
from micrograd_gd.modes import detect_anomaly, no_grad
from micrograd_gd.nn import MLP, Layer, Module, Neuron
from micrograd_gd.transforms import grad, hessian, jacobian, value_and_grad

__all__ = [
    "MLP",
    "Layer",
    "Module",
    "Neuron",
    "Value",
    "__version__",
    "detect_anomaly",
    "engine_name",
    "functional",
    "grad",
    "hessian",
    "jacobian",
    "losses",
    "nn",
    "no_grad",
    "optim",
    "value_and_grad",
]
