"""A scalar autodiff engine to learn gradient descent from, to trust, and to run."""

from micrograd_gd._version import __version__
from micrograd_gd.engine import Value
from micrograd_gd.modes import detect_anomaly, no_grad

__all__ = ["Value", "__version__", "detect_anomaly", "no_grad"]
