"""Trust in gradients: a checker that knows its own error, for this library's functions and others.

>>> from micrograd_gd.functional import exp
>>> report = check_gradients(lambda x: exp(x) * x, 1.0)
>>> len(report.comparisons), len(report.wrong)
(2, 0)
"""

from micrograd_gd.testing.check import check_gradients
from micrograd_gd.testing.report import Comparison, Condition, GradientReport

__all__ = ["Comparison", "Condition", "GradientReport", "check_gradients"]
