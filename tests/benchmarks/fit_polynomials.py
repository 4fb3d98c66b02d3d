"""The coefficients of elementary functions: `python tests/benchmarks/fit_polynomials.py`.

A fit by least squares at 80 Chebyshev nodes, weighted by what a coefficient's error does to the
function, in 50 digits. The coefficients are rounded to doubles one after the other, and the others
fitted again. Prints them, and the largest error that is left, as a power of two.
"""

from mpmath import lu_solve, matrix, mp, mpf

mp.dps = 50
NODES = 80
TINY = mpf(10) ** -12


def scaled_erfc(s):
    """(x + 1) exp(x²) erfc x, where s is 1 - 4 / (x + 1)."""
    above = 4 / (1 - s)
    return above * mp.exp((above - 1) ** 2) * mp.erfc(above - 1)


# Name: the function, its weight, the degree, the interval.
FITS = {
    "EXP": (
        lambda r: (mp.exp(r) - 1 - r - r * r / 2) / r**3 if r else mpf(1) / 6,
        lambda r: r**3,
        9,
        (-mp.ln2 / 2, mp.ln2 / 2),
    ),
    "LOG": (
        lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z,
        lambda z: z / 2,
        6,
        (TINY, (3 - mp.sqrt(8)) ** 2),
    ),
    "COSH": (lambda z: (mp.cosh(mp.sqrt(z)) - 1) / z, lambda z: z, 6, (TINY, mpf(1) / 2)),
    "SINH": (lambda z: (mp.sinh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, lambda z: z, 5, (TINY, 0.5)),
    "SIN": (
        lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
        lambda z: z,
        6,
        (TINY, (mp.pi / 4) ** 2),
    ),
    "COS": (
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2,
        lambda z: z**2,
        5,
        (TINY, (mp.pi / 4) ** 2),
    ),
    "ERF": (lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, lambda _: 1, 11, (TINY, 0.75**2)),
    # But for its first coefficient; and that of what is left is written in two parts.
    "ERFC": (
        lambda s: (scaled_erfc(s) - scaled_erfc(0)) / s,
        lambda s: s / scaled_erfc(s),
        24,
        (1 - 4 / mpf("1.75"), 1 - 4 / mpf("28.3")),
    ),
}


def fit(f, weight, degree, interval, known):
    """The coefficients, the first of which are known."""
    low, high = map(mpf, interval)
    size = degree + 1 - len(known)
    a, b = matrix(size, size), matrix(size, 1)
    for i in range(NODES):
        x = (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / NODES)
        rest = f(x) - mp.polyval(known[::-1], x) if known else f(x)
        powers = [(x / high) ** j * x ** len(known) for j in range(size)]
        for j, power in enumerate(powers):
            b[j] += weight(x) ** 2 * power * rest
            for k, other in enumerate(powers):
                a[j, k] += weight(x) ** 2 * power * other
    return known + [c / high**j for j, c in enumerate(lu_solve(a, b))]


def main():
    """Print them all."""
    for name, (f, weight, degree, interval) in FITS.items():
        known = []
        for i in range(degree + 1):
            known.append(mpf(float(fit(f, weight, degree, interval, known)[i])))
        low, high = map(mpf, interval)
        points = [low + (high - low) * i / 400 for i in range(401)]
        error = max(abs(weight(x) * (f(x) - mp.polyval(known[::-1], x))) for x in points)
        coefficients = ", ".join(repr(float(c)) for c in known)
        print(f"{name}, 2**{float(mp.log(error, 2)):.1f}: {coefficients}")  # noqa: T201 — a command


if __name__ == "__main__":
    main()
