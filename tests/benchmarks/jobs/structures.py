"""Work that grows with its data: reductions, neighbors, sparse rows, inner slopes."""

from functools import partial, reduce

import numpy as np
from job import Job
from timing import MILLI, NANO

from micrograd_gd import grad, hvp, jacobian, jit, value_and_grad, vmap
from micrograd_gd.functional import erfc, exp, log, logsumexp, mean, minimum, sin, sqrt, total

DRAWN = np.random.default_rng(0)
JOBS = []


def add(name, unit, count=1, **options):
    JOBS.append(Job(name, unit, count=count, **options))
    return JOBS[-1]


def on_jax(jax, f, *args):
    """A step of the compiled function, on arrays of its own."""
    run, given = jax.jit(f), [jax.numpy.array(x) for x in args]
    return lambda: jax.block_until_ready(run(*given))


def ask_array(name, n, ours, theirs):
    """The value and the gradient of a function of n numbers."""
    job = add(f"{name}, value and gradient, each", NANO, n)
    x = DRAWN.normal(size=n)
    job.by("micrograd_gd, jit", warm=1.0)(lambda _: partial(jit(value_and_grad(ours)), x))

    @job.by("jax.jit", "jax")
    def jax(jax):
        return on_jax(jax, jax.value_and_grad(theirs(jax)), x)


def ask_logsumexp(n):
    ask_array(f"logsumexp of {n:,} numbers", n, logsumexp, lambda jax: jax.scipy.special.logsumexp)


def rosenbrock(x, sum=sum):  # noqa: A002 — Python's, or that of a peer
    """The function of as many variables as there are, as SciPy writes it."""
    return sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1.0 - x[:-1]) ** 2.0)


def ask_rosenbrock(n):
    name = f"Rosenbrock of {n:,} variables"
    ask_array(name, n, rosenbrock, lambda jax: partial(rosenbrock, sum=jax.numpy.sum))


def ask_k_means(n, centers=8, size=4):
    job = add(f"k-means, {n:,} points: the cost, and its Hessian times a direction", NANO, n)
    args = [DRAWN.normal(size=shape) for shape in [(centers, size), (centers, size), (n, size)]]

    @job.by("micrograd_gd, jit of vmap", warm=2.0)
    def ours(_):
        def nearest(centers, point):
            distances = [
                sum((c - x) ** 2 for c, x in zip(row, point, strict=True)) for row in centers
            ]
            return reduce(minimum, distances)

        def cost(centers, points):
            return mean(vmap(nearest, in_axes=(None, 0))(centers, points))

        def both(centers, direction, points):
            return cost(centers, points), hvp(lambda x: cost(x, points), centers, direction)

        return partial(jit(both), *args)

    @job.by("jax.jit, vectorized by hand", "jax")
    def jax(jax):
        def cost(centers, points):
            return ((points[:, None] - centers) ** 2).sum(-1).min(1).mean()

        def both(centers, direction, points):
            slopes = jax.grad(lambda x: cost(x, points))
            return cost(centers, points), jax.jvp(slopes, (centers,), (direction,))[1]

        return on_jax(jax, both, *args)


def ask_mixture(n=1_000, parts=100, size=64):
    job = add(f"A mixture of {parts} Gaussians in {size} dimensions, {n:,} points", MILLI)
    shapes = [(parts,), (parts, size), (parts, size), (n, size)]
    weights, means, spread, points = (DRAWN.normal(size=shape) for shape in shapes)
    args = weights, means, np.exp(0.2 * spread), points

    @job.by("micrograd_gd, jit of vmap", warm=20.0)
    def ours(_):
        def score(weights, means, scales, point):
            each = []
            for weight, mean_, scale in zip(weights, means, scales, strict=True):
                z = [(x - a) * b for x, a, b in zip(point, mean_, scale, strict=True)]
                each.append(
                    weight - 0.5 * total([e * e for e in z]) + total([log(b) for b in scale])
                )
            return logsumexp(each) - logsumexp([*weights])

        def loss(weights, means, scales, points):
            scores = vmap(score, in_axes=(None, None, None, 0))
            return -mean(scores(weights, means, scales, points))

        return partial(jit(value_and_grad(loss, (0, 1, 2))), *args)

    @job.by("jax.jit, vectorized by hand", "jax")
    def jax(jax):
        sum_up = jax.scipy.special.logsumexp

        def loss(weights, means, scales, points):
            z = (points[:, None] - means) * scales
            each = weights - 0.5 * (z * z).sum(-1) + jax.numpy.log(scales).sum(-1)
            return -(sum_up(each, axis=1) - sum_up(weights)).mean()

        return on_jax(jax, jax.value_and_grad(loss, (0, 1, 2)), *args)


def ask_residuals(n=30_000, unknowns=15):
    job = add(f"{n:,} residuals of {unknowns} unknowns: the Jacobian", MILLI)
    args = DRAWN.normal(size=unknowns), np.linspace(0, 1, n)

    def residual(w, t, exp=exp, sin=sin):
        chain = sum(w[i] * w[i + 1] for i in range(5, unknowns - 1))
        return w[0] * exp(-w[1] * t) + w[2] * sin(w[3] * t + w[4]) + chain * t - w[unknowns - 1]

    @job.by("micrograd_gd, jit of vmap(grad)", warm=1.0)
    def ours(_):
        return partial(jit(vmap(grad(residual), in_axes=(None, 0))), *args)

    @job.by("micrograd_gd, jit of jacobian(sparse=True)", warm=1.0)
    def ours_sparse(_):
        rows = jit(jacobian(vmap(residual, in_axes=(None, 0)), sparse=True))
        return lambda: rows(*args).entries[0]

    @job.by("jax.jit of vmap(grad)", "jax")
    def jax(jax):
        of_jax = partial(residual, exp=jax.numpy.exp, sin=jax.numpy.sin)
        return on_jax(jax, jax.vmap(jax.grad(of_jax), in_axes=(None, 0)), *args)


def ask_descent(steps):
    job = add(
        f"A loop of {steps:,} steps with an inner gradient, value and slopes, a step", NANO, steps
    )

    @job.by("micrograd_gd, jit", warm=8.0)
    def ours(_):
        def descent(x, a):
            i = 0
            while i < steps:
                y = x
                x = x - 0.01 * grad(lambda w, y=y: (w * w - a) ** 2 + sin(w * y))(x)
                i += 1
            return x

        return partial(jit(value_and_grad(descent, (0, 1))), 1.0, 2.0)

    @job.by("jax.jit, by lax.scan", "jax")
    def jax(jax):
        def descent(x, a):
            def step(x, _):
                slope = jax.grad(lambda w: (w * w - a) ** 2 + jax.numpy.sin(w * x))(x)
                return x - 0.01 * slope, None

            return jax.lax.scan(step, x, None, length=steps)[0]

        return on_jax(jax, jax.value_and_grad(descent, (0, 1)), 1.0, 2.0)


def price(spot, strike, rate, volatility, time, exp=exp, log=log, sqrt=sqrt, erfc=erfc):
    """Black and Scholes's, of a call."""
    deviation = volatility * sqrt(time)
    d = (log(spot / strike) + (rate + 0.5 * volatility * volatility) * time) / deviation
    below = [0.5 * erfc(-x * 0.5**0.5) for x in (d, d - deviation)]
    return spot * below[0] - strike * exp(-rate * time) * below[1]


def ask_options(n=20_000):
    job = add(f"Black and Scholes: {n:,} prices with their five slopes, an option", NANO, n)
    ranges = [(80, 120), (80, 120), (0.0, 0.1), (0.1, 0.5), (0.2, 2.0)]
    args = [DRAWN.uniform(*each, size=n) for each in ranges]

    @job.by("micrograd_gd, jit of vmap", warm=2.0)
    def ours(_):
        return partial(jit(vmap(value_and_grad(price, range(5)))), *args)

    @job.by("heyoka, cfunc", "heyoka")
    def heyoka(hy):
        x = hy.make_vars("spot", "strike", "rate", "volatility", "time")
        functions = {"exp": hy.exp, "log": hy.log, "sqrt": hy.sqrt}
        y = price(*x, **functions, erfc=lambda x: 1.0 - hy.erf(x))
        run, rows = hy.cfunc([y, *[hy.diff(y, each) for each in x]], vars=x), np.array(args)
        return lambda: run(rows)

    @job.by("Dr.Jit, LLVM, frozen", "drjit")
    def drjit(dr):
        if not dr.has_backend(dr.JitBackend.LLVM):
            return None
        functions = {"exp": dr.exp, "log": dr.log, "sqrt": dr.sqrt}
        dr.set_thread_count(0)  # beside the one that calls

        @dr.freeze
        def both(x):
            dr.enable_grad(*x)
            y = price(*x, **functions, erfc=lambda x: 1.0 - dr.erf(x))
            dr.backward(y)
            return dr.detach(y), dr.grad(x)

        given = [dr.llvm.ad.Float64(x) for x in args]

        def step():
            result = both(given)
            dr.eval(result)
            dr.sync_thread()
            return result

        return step

    @job.by("jax.jit of vmap", "jax")
    def jax(jax):
        np_, special = jax.numpy, jax.scipy.special
        of_jax = partial(price, exp=np_.exp, log=np_.log, sqrt=np_.sqrt, erfc=special.erfc)
        return on_jax(jax, jax.vmap(jax.value_and_grad(of_jax, range(5))), *args)


for size in (1_000, 10_000, 100_000, 1_000_000):
    ask_logsumexp(size)
for size in (1_000, 100_000, 1_000_000):
    ask_rosenbrock(size)
for size in (1_000, 100_000):
    ask_k_means(size)
ask_mixture()
ask_residuals()
ask_descent(10_000)
ask_options()
