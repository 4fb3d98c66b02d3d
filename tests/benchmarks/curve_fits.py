"""Digits that `curve_fit` reaches on NIST's 27 problems, and its time, beside SciPy's and lmfit's.

`python tests/benchmarks/curve_fits.py FOLDER`, of the problems' JSON files. For each of both
starts: the fewest certified digits of the parameters, of their errors, and milliseconds of the
processor, the least of three. lmfit is there where it is installed.
"""

import math
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import scipy.optimize

try:
    import lmfit
except ModuleNotFoundError:
    lmfit = None
from job import tell

from micrograd_gd import curve_fit

sys.path.append(str(Path(__file__).parents[1] / "references"))

import nist  # what the tests compare with

NUMPY = {
    "pi": math.pi,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "atan": np.arctan,
}


def digits(found, certified):
    pairs = zip(found, map(float, certified), strict=True)
    errors = [abs(a / b - 1) if math.isfinite(a) else math.inf for a, b in pairs]
    return max(0.0, min(11.0, -math.log10(max(*errors, 1e-16))))


def fit_ours(problem, y, start):
    curve, _ = nist.as_functions(problem)
    fit = curve_fit(curve, problem["data"], y, start)
    return fit.parameters, fit.errors


def fit_scipy(problem, y, start):
    curve, _ = nist.as_functions(problem, NUMPY)
    columns = np.transpose(problem["data"])
    found, covariance = scipy.optimize.curve_fit(curve, columns, y, start, maxfev=20_000)
    return found, np.sqrt(np.diag(covariance))


def fit_lmfit(problem, y, start):
    curve, _ = nist.as_functions(problem, NUMPY)
    columns = np.transpose(problem["data"])
    names = [f"b{i}" for i in range(len(start))]

    def residuals(parameters):
        return curve(columns, *(parameters[name].value for name in names)) - y

    given = lmfit.Parameters()
    for name, value in zip(names, start, strict=True):
        given.add(name, value)
    found = lmfit.minimize(residuals, given, max_nfev=20_000, nan_policy="propagate").params
    return [found[name].value for name in names], [found[name].stderr or 0.0 for name in names]


FITS = {"curve_fit": fit_ours, "scipy.optimize.curve_fit": fit_scipy}
if lmfit is not None:
    FITS["lmfit"] = fit_lmfit


def measure(fit, problem, start):
    _, y = nist.as_functions(problem)
    times = []
    for _ in range(3):
        began = time.process_time()
        try:
            parameters, errors = fit(problem, y, problem[start])
        except (RuntimeError, ValueError):  # SciPy's and lmfit's
            return 0.0, 0.0, math.nan
        times.append(time.process_time() - began)
    return (
        digits(parameters, problem["certified"]),
        digits(errors, problem["certified_sd"]),
        1e3 * min(times),
    )


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    tell(f"{'':12}" + "".join(f"{name:^44}" for name in FITS))
    tell(f"{'':12}" + f"{'start 1':^22}{'start 2':^22}" * len(FITS))
    sums = []
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        problem = nist.read(path.parent, path.stem)
        cells = [
            measure(fit, problem, start) for fit in FITS.values() for start in ("start1", "start2")
        ]
        sums.append(cells)
        text = "".join(f"{b:6.1f}{sd:6.1f}{ms:8.1f}  " for b, sd, ms in cells)
        tell(f"{problem['name']:12}{text}")
    for i, name in enumerate(FITS):
        both = [cell for cells in sums for cell in cells[2 * i : 2 * i + 2]]
        right = sum(b > 9.9 for b, _, _ in both), sum(sd > 9.9 for _, sd, _ in both)
        near = sum(b > 4 for b, _, _ in both)
        ms = statistics.median(ms for _, _, ms in both if ms == ms)
        tell(
            f"{name}: {right[0]} of {len(both)} with 10 digits, their errors {right[1]}; "
            f"{near} with 4 digits; median {ms:.1f} ms"
        )


if __name__ == "__main__":
    main()
