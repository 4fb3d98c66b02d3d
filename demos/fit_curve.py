"""Fit a curve to measurements: SciPy's optimizers, with exact derivatives of plain Python code.

How easily electrons move through silicon, by the logarithm of their density (R. Thurber, published
by NIST as a reference problem for fitting, of its higher level of difficulty). NIST certifies the
seven parameters and their standard errors; they stand beside what is found here.

https://www.itl.nist.gov/div898/strd/nls/data/thurber.shtml
"""

import numpy as np
from scipy.optimize import least_squares, minimize

from micrograd_gd import jacobian, scipy_objective

density = np.array([
    -3.067, -2.981, -2.921, -2.912, -2.840, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363, -2.322,
    -1.501, -1.460, -1.274, -1.212, -1.100, -1.046, -0.915, -0.714, -0.566, -0.545, -0.400, -0.309,
    -0.109, -0.103, 0.010, 0.119, 0.377, 0.790, 0.963, 1.006, 1.115, 1.572, 1.841, 2.047, 2.200,
])  # fmt: skip
mobility = np.array([
    80.574, 84.248, 87.264, 87.195, 89.076, 89.608, 89.868, 90.101, 92.405, 95.854, 100.696,
    101.060, 401.672, 390.724, 567.534, 635.316, 733.054, 759.087, 894.206, 990.785, 1090.109,
    1080.914, 1122.643, 1178.351, 1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509,
    1425.208, 1421.384, 1442.962, 1464.350, 1468.705, 1447.894, 1457.628,
])  # fmt: skip

start = np.array([1000, 1000, 400, 40, 0.7, 0.3, 0.03])
certified = [
    (1288.1396800, 4.6647963344),  # a parameter and its standard error
    (1491.0792535, 39.571156086),
    (583.23836877, 28.698696102),
    (75.416644291, 5.5675370270),
    (0.96629502864, 0.031333340687),
    (0.39797285797, 0.014984928198),
    (0.049727297349, 0.0065842344623),
]


def model(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A cubic over a cubic."""
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (
        1 + b[4] * x + b[5] * x**2 + b[6] * x**3
    )


def residuals(b: np.ndarray) -> np.ndarray:
    """What the curve misses, point by point."""
    return mobility - model(b, density)


# Least squares: SciPy asks for the Jacobian of the residuals.
slopes = jacobian(residuals)
fit = least_squares(residuals, start, jac=slopes, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15)

freedom = len(mobility) - len(start)
variance = np.sum(fit.fun**2) / freedom
errors = np.sqrt(variance * np.diag(np.linalg.inv(fit.jac.T @ fit.jac)))

print(f"{'':2}{'fitted':>13}{'standard error':>17}{'certified':>17}{'standard error':>17}")
for i, row in enumerate(zip(fit.x, errors, certified, strict=True), 1):
    b, error, (sure, sure_error) = row
    print(f"b{i}{b:#13.8g}{error:#17.8g}{sure:#17.8g}{sure_error:#17.8g}")
print(f"least_squares: {fit.nfev} steps, sum of squares {np.sum(fit.fun**2):.4f}")


# The same by minimisers of any function: they ask for the gradient and the Hessian of the sum.
def sum_of_squares(scaled: np.ndarray) -> float:
    """In parameters that are 1 at the start, since these minimisers have one measure for all."""
    return np.sum(residuals(scaled * start) ** 2)


f, gradient, hessian, hessian_times_vector = scipy_objective(sum_of_squares)
ones = np.ones(len(start))
exact = minimize(f, ones, jac=gradient, hess=hessian, method="trust-exact")
conjugate = minimize(
    f, ones, jac=gradient, hessp=hessian_times_vector, method="Newton-CG", options={"xtol": 1e-10}
)
for name, found in (("trust-exact", exact), ("Newton-CG", conjugate)):
    print(f"{name}: {found.nit} steps, sum of squares {found.fun:.4f}")
