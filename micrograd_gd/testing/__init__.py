"""Trust in gradients: a checker that knows its own error, for this library's functions and others.

Its names are loaded when they are first used, so that the plugin for pytest costs nothing.

>>> from micrograd_gd import check_gradients
>>> from micrograd_gd.functional import exp
>>> report = check_gradients(lambda x: exp(x) * x, 1.0)
>>> len(report.comparisons), len(report.wrong)
(2, 0)
"""

from typing import TYPE_CHECKING

from micrograd_gd.names import load_when_used

if TYPE_CHECKING:
    from micrograd_gd.testing.check import check_gradients as check_gradients
    from micrograd_gd.testing.report import Comparison as Comparison
    from micrograd_gd.testing.report import Condition as Condition
    from micrograd_gd.testing.report import GradientReport as GradientReport
else:
    HOMES = {"check": "check_gradients", "report": "Comparison Condition GradientReport"}
    load_when_used(__name__, HOMES)
