"""The figures of the tutorial, which `python docs/generate.py` writes.

The descents in them are computed, not sketched.
"""  # noqa: INP001 — a script, no package

from collections.abc import Callable, Iterable
from html import escape
from itertools import pairwise
from math import cos, log10, pi, sin, sqrt
from random import Random

from micrograd_gd import critical_learning_rate, find_learning_rate, minimize, sweep_learning_rates

Point = tuple[float, float]

INK, GRAY, PALE = "#222", "#888", "#ddd"
BLUE, RED, GREEN = "#2a6fbb", "#c8442d", "#2c8a57"


class Plot:
    """A rectangle of an SVG page with the coordinates of a graph."""

    def __init__(self, left: float, size: Point, x: Point, y: Point, top: float = 10) -> None:
        self.left, self.top = left, top
        self.width, self.height = size
        self.x, self.y = x, y
        self.marks: list[str] = []

    def at(self, point: Point) -> Point:
        """Where on the page a point of the graph lies."""
        across = (point[0] - self.x[0]) / (self.x[1] - self.x[0])
        up = (point[1] - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def line(self, points: Iterable[Point], color: str = INK, width: float = 1.5) -> None:
        """A line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, points))
        self.marks.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'
        )

    def curve(self, f: Callable[[float], float]) -> None:
        """The graph of a function."""
        xs = [self.x[0] + i / 80 * (self.x[1] - self.x[0]) for i in range(81)]
        self.line([(x, f(x)) for x in xs if f(x) <= self.y[1]], GRAY)

    def arrow(self, begin: Point, end: Point, color: str = RED) -> None:
        """A line with a head at its end."""
        self.line([begin, end], color, 1.8)
        (x0, y0), (x1, y1) = self.at(begin), self.at(end)
        length = sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        head = [(x1, y1), *((x1 - 8 * dx + s * dy, y1 - 8 * dy - s * dx) for s in (3.5, -3.5))]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in head)
        self.marks.append(f'<polygon points="{corners}" fill="{color}"/>')

    def dots(self, points: Iterable[Point], color: str = RED, radius: float = 3) -> None:
        """A dot at each point."""
        for x, y in map(self.at, points):
            self.marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"/>')

    def text(self, point: Point, words: str, color: str = INK, anchor: str = "middle") -> None:
        """Words at a point."""
        x, y = self.at(point)
        self.marks.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )

    def axes(self, across: str, up: str) -> None:
        """The two axes and their names."""
        (x0, x1), (y0, y1) = self.x, self.y
        self.line([(x0, y1), (x0, y0), (x1, y0)], INK, 1)
        middle = self.at(((x0 + x1) / 2, y0))
        self.marks.append(
            f'<text x="{middle[0]:.1f}" y="{middle[1] + 18:.1f}" text-anchor="middle">'
            f"{escape(across)}</text>"
        )
        # Beside the end of the axis, or above it where the curve passes.
        place = (x0 + 0.02 * (x1 - x0), y1 - 0.05 * (y1 - y0)) if self.top < 30 else (x0, y1 + 1.5)
        self.text(place, up, anchor="start" if self.top < 30 else "middle")


def page(width: float, height: float, title: str, *plots: Plot) -> str:
    """The SVG text of one picture."""
    marks = "\n".join(mark for plot in plots for mark in plot.marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n{marks}\n</svg>\n'
    )


def parabola(w: float) -> float:
    """The cost of chapter 1."""
    return (w - 3) ** 2 + 1


def slope() -> str:
    """The tangent at the start, and the way down."""
    start = Random(6).uniform(-5, 10)  # noqa: S311 — the start that the chapter shows
    steepness = 2 * (start - 3)
    height = parabola(start)
    plot = Plot(40, (400, 240), x=(-1.5, 8.5), y=(0, 26))
    plot.axes("w", "J(w)")
    plot.curve(parabola)
    plot.line([(w, height + steepness * (w - start)) for w in (start - 1.6, start + 1.1)], BLUE)
    plot.text((start + 0.5, height - 1.2), f"slope {steepness:.1f}", BLUE, "start")
    plot.arrow((start, 1.2), (start - 1.8, 1.2))
    plot.line([(start, height), (start, 1.2)], PALE, 1)
    plot.text((start - 0.9, 2.2), "down is this way", RED)
    plot.dots([(start, height)])
    plot.dots([(3, 1)], GREEN)
    plot.text((3, 5), "minimum: slope 0", GREEN)
    return page(460, 285, "The slope at the start points uphill, so the step goes against it", plot)


def learning_rate() -> str:
    """Three descents with three rates."""
    plots = []
    choices = [
        (0.05, "small, creeps", 8),
        (0.9, "large, overshoots", 6),
        (1.1, "too large, diverges", 5),
    ]
    for i, (rate, words, steps) in enumerate(choices):
        plot = Plot(25 + 225 * i, (200, 190), x=(-5, 11), y=(0, 65), top=40)
        plot.axes("w", "J(w)")
        plot.curve(parabola)
        (verdict,) = sweep_learning_rates(parabola, 0.0, [rate], max_steps=steps)
        points = [(step.parameters, step.value) for step in verdict.descent.trajectory]
        plot.line(points, RED, 1.2)
        plot.dots(points, RED, 2.6)
        plot.dots(points[:1], BLUE, 4)
        plot.text((3, 71), f"{rate}: {words}")
        plots.append(plot)
    return page(690, 260, "Small, large and too large a learning rate", *plots)


def distance(a: float, b: float) -> float:
    """The cost of a line in chapter 1."""
    points = [(-2, -2.9), (-1, -1.2), (0, 1.1), (1, 2.8), (2, 5.2)]
    return sum((a * x + b - y) ** 2 for x, y in points) / len(points)


def valley(x: float, y: float) -> float:
    """The long, narrow valley of the chapter on the learning rate."""
    return (x - 1) ** 2 + 10 * (y - 1) ** 2


def finding_a_rate() -> str:
    """The cost as the learning rate rises from step to step."""
    curve = find_learning_rate(valley, (0.0, 0.0))
    critical = critical_learning_rate(valley, (0.0, 0.0))
    points = [(log10(r), y) for r, y in zip(curve.rates, curve.losses, strict=True) if r > 1e-4]
    points = [(x, y) for x, y in points if y < 13]
    plot = Plot(40, (480, 220), x=(-4, 0.8), y=(-0.3, 13), top=20)
    plot.axes("", "cost after the step")
    plot.text((-1.6, -2.3), "learning rate, rising by a tenth with every step")
    for power in range(-4, 1):
        plot.text((power, -1.1), f"{10.0**power:g}", GRAY)
    for rate, color, words, side in [
        (curve.suggestion, GREEN, "suggestion ", "end"), (critical, RED, " critical rate", "start"),
    ]:  # fmt: skip
        plot.line([(log10(rate), -0.3), (log10(rate), 12)], color, 1)
        plot.text((log10(rate), 11.5), words, color, side)
    plot.line(points, BLUE, 2)
    return page(560, 285, "Start with something small and slowly increase it", plot)


def landscape() -> str:
    """The path of a descent across the contour lines of a cost of two weights."""
    plot = Plot(40, (400, 250), x=(-0.5, 4.2), y=(-0.6, 2.4))
    plot.axes("a", "b")
    for level in (0.1, 0.5, 1.5, 3, 5, 8):  # the cost is 2 (a - 2.02)² + (b - 1)² + 0.0272
        turns = [2 * pi * i / 90 for i in range(91)]
        ring = [(2.02 + sqrt(level / 2) * cos(t), 1 + sqrt(level) * sin(t)) for t in turns]
        inside = [plot.x[0] <= a <= plot.x[1] and plot.y[0] <= b <= plot.y[1] for a, b in ring]
        stretch: list[Point] = []
        for point, is_inside in [*zip(ring, inside, strict=True), ((0.0, 0.0), False)]:
            if is_inside:
                stretch.append(point)
            elif stretch:
                plot.line(stretch, PALE, 1.2)
                stretch = []
    descent = minimize(distance, (0.0, 0.0), learning_rate=0.1, max_steps=24)
    path = [step.parameters for step in descent.trajectory]
    plot.line(path, RED, 1.2)
    plot.dots(path, RED, 2.6)
    plot.dots(path[:1], BLUE, 4)
    plot.text((0.05, -0.22), "start", BLUE, "start")
    plot.text((2.02, 1.12), "minimum", GREEN)
    plot.dots([(2.02, 1)], GREEN, 4)
    return page(460, 290, "Gradient descent on a cost of two weights", plot)


def neuron() -> str:
    """What one neuron computes."""
    plot = Plot(0, (600, 220), x=(0, 600), y=(220, 0), top=0)
    for y, i in ((40, 1), (100, 2), (160, 3)):
        plot.dots([(60, y)], PALE, 18)
        plot.text((60, y + 5), f"x{'₁₂₃'[i - 1]}")
        plot.arrow((80, y), (238, 100 + (y - 100) / 5), GRAY)
        plot.text((150, y + (100 - y) * 0.36 - 6), f"· w{'₁₂₃'[i - 1]}", BLUE)
    plot.dots([(270, 100)], PALE, 30)
    plot.text((270, 105), "add up")
    plot.arrow((270, 180), (270, 134), GRAY)
    plot.text((270, 197), "bias b", BLUE)
    plot.arrow((302, 100), (398, 100), GRAY)
    plot.text((350, 92), "z")
    plot.dots([(440, 100)], PALE, 38)
    curve = [
        (440 + 24 * t, 100 - 16 * (2 / (1 + 2.718281828 ** (-5 * t)) - 1))
        for t in [i / 10 - 1 for i in range(21)]
    ]
    plot.line(curve, RED, 2)
    plot.text((440, 160), "non-linearity", RED)
    plot.arrow((480, 100), (545, 100), GRAY)
    plot.text((565, 105), "y")
    return page(600, 220, "A neuron: inputs times weights plus bias, then a non-linearity", plot)


def layers() -> str:
    """Two inputs, three neurons, one neuron: a weight on every line."""
    plot = Plot(0, (460, 240), x=(0, 460), y=(240, 0), top=0)
    columns = [[(70, 80), (70, 150)], [(230, 45), (230, 115), (230, 185)], [(390, 115)]]
    for before, after in pairwise(columns):
        for begin in before:
            for end in after:
                plot.line([begin, end], BLUE, 1.2)
    for column, names in zip(columns, (["x₁", "x₂"], ["h₁", "h₂", "h₃"], ["y"]), strict=True):
        plot.dots(column, PALE, 20)
        for (x, y), name in zip(column, names, strict=True):
            plot.text((x, y + 5), name)
    plot.text((150, 228), "2 · 3 weights", BLUE)
    plot.text((310, 228), "3 · 1 weights", BLUE)
    plot.text((70, 25), "inputs")
    plot.text((230, 18), "hidden layer")
    plot.text((390, 25), "output")
    return page(460, 240, "Several weights between the layers: one on every line", plot)


FIGURES = {
    "slope": slope,
    "landscape": landscape,
    "learning-rate": learning_rate,
    "finding-a-rate": finding_a_rate,
    "neuron": neuron,
    "layers": layers,
}
