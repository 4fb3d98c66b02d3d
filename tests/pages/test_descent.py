"""Gradient descent in JavaScript beside Python's, and by hand in a browser."""

import base64
import contextlib
import json
import math
import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import (
    Value,
    critical_learning_rate,
    find_learning_rate,
    live,
    minimize,
    optim,
    parse,
    sweep_learning_rates,
)
from micrograd_gd.errors import ArgumentError, DivergedError
from micrograd_gd.pages import write_engine
from micrograd_gd.pages.descent.formula import read_descent, read_function
from micrograd_gd.transforms import trees

pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is not installed")

import javascript

WALK = """
const matchMedia = () => ({ matches: true });
function sweep(text, start, rates, maxSteps, tolerance) {
    const f = parse(text);
    const courses = rates.map((rate) => descend(f, start, rate, maxSteps, tolerance));
    const lowest = Math.min(...courses.flatMap(({ steps }) => steps.map((step) => step.value)));
    return JSON.stringify(courses.map((course) => ({
        status: course.status, verdict: judgeRate(course, lowest), message: course.message,
        points: course.steps.map(({ point }) => point.map(print)),
    })));
}
function walk(text, start, rate, maxSteps, method) {
    const { steps } = descend(parse(text), start, rate, maxSteps, -1, METHODS[method]);
    return JSON.stringify(steps.map(({ point }) => point.map(print)));
}
function valley(text, start) {
    const { point, isLevel, critical } = findValley(parse(text), start);
    return JSON.stringify([isLevel, point.map(print), print(critical)]);
}
function search(text, start) {
    try {
        const { rate, reason, rates, values } = findRate(parse(text), start);
        return JSON.stringify([rate, reason, rates, values]);
    } catch (error) {
        return JSON.stringify([error.message]);
    }
}
function trace(text, level) {
    const f = parse(text);
    const places = Array.from({ length: 41 }, (_, i) => -2 + i / 10);
    const values = places.map((y) => places.map((x) => f.evaluate(x, y)));
    return JSON.stringify(contour(values, places, places, level));
}
function critical(text, point) {
    return print(criticalRate(parse(text), point));
}
"""


@pytest.fixture(scope="module")
def v8():
    pages = resources.files("micrograd_gd.pages")
    files = [*(pages / "frame").iterdir(), *(pages / "descent").iterdir()]
    scripts = [file.read_text(encoding="utf-8") for file in files if file.name.endswith(".js")]
    with javascript.start(write_engine(), WALK, *scripts) as v8:
        yield v8


# Arithmetic, whose numbers are equal to the last bit. All endings are among them.
GROUNDS = """
(x - 3)**2 + 1;  x**4 - 3*x**3 + 2;  x**3;  -x;  -x**2;  abs(x);  1/x;  0*x + 1;  x**2*1e-30
sqrt(x);  relu(x - 1)**2;  x*y;  (x - y)**2 + 10*y**2;  (1 - x)**2 + 100*(y - x**2)**2;  x - y
"""
RATES = [1e-20, 1e-4, 0.01, 0.1, 0.4, 0.5, 0.9, 0.95, 1.0, 1.1, 2.0, 1e3, 1e160]


FORMULAS = st.sampled_from(
    [text.strip() for text in GROUNDS.replace("\n", ";").split(";") if text.strip()]
)
STARTS = st.lists(st.sampled_from([-2.0, 0.0, 0.25, 1.0, 2.0, 3.0, 4.5]), min_size=2, max_size=2)


@given(
    FORMULAS,
    STARTS,
    st.lists(st.sampled_from(RATES), min_size=1, max_size=3, unique=True),
    st.integers(1, 60),
    st.sampled_from([1e-6, 0.1]),
)
def test_a_descent_has_the_points_the_ending_and_the_verdict_of_python(
    v8, text, start, rates, max_steps, tolerance
):
    f = parse(text)
    start = tuple(start[: len(f.names)])
    sweep = sweep_learning_rates(f, start, rates, max_steps=max_steps, tolerance=tolerance)
    arguments = json.dumps([text, start, rates, max_steps, tolerance])
    found = json.loads(v8.eval(f"sweep(...{arguments})"))
    for there, expected in zip(found, sweep, strict=True):
        descent = expected.descent
        assert (there["status"], there["verdict"]) == (descent.status, expected.verdict)
        points = [[*map(float, point)] for point in there["points"]]
        assert points == [[*step.parameters] for step in descent.trajectory]
        assert there["message"].endswith(".")


@given(
    FORMULAS,
    STARTS,
    st.sampled_from([1e-20, 1e-4, 0.01, 0.1, 0.4, 1.0]),
    st.integers(1, 40),
    st.sampled_from([optim.Momentum, optim.Adam]),
)
def test_momentum_and_adam_go_as_in_python(v8, text, start, rate, max_steps, method):
    f = parse(text)
    leaves = [Value(x) for x in start[: len(f.names)]]
    optimizer = method(leaves, rate)
    points = []
    with contextlib.suppress(DivergedError):
        while len(points) <= max_steps:
            optimizer.zero_grad()
            root = f(*leaves)
            point = [leaf.data for leaf in leaves]
            if points and (point == points[-1] or not math.isfinite(root.data)):
                break  # as a page does
            points.append(point)
            root.backward()
            optimizer.step()
    arguments = json.dumps([text, start[: len(f.names)], rate, max_steps, method.__name__.lower()])
    found = [[*map(float, point)] for point in json.loads(v8.eval(f"walk(...{arguments})"))]
    assert len(found) == len(points)
    for there, expected in zip(found, points, strict=True):
        assert there == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("(x - 3)**2", [0.0]),
        ("x**4 - 3*x**3 + 2", [2.25]),
        ("-x**2", [1.0]),
        ("exp(x) + 1/x", [0.5]),
        ("(x - y)**2 + 10*y**2", [1.0, -2.0]),
        ("(1 - x)**2 + 100*(y - x**2)**2", [1.0, 1.0]),
    ],
)
def test_the_critical_rate_is_that_of_python(v8, text, point):
    f = parse(text)
    expected = critical_learning_rate(f, tuple(point))
    assert float(v8.eval(f"critical(...{json.dumps([text, point])})")) == pytest.approx(
        expected, rel=1e-7
    )


@pytest.mark.parametrize(
    ("text", "start", "bottom"),
    [
        ("(x - 3)**2", [0.0], [3.0]),
        ("x**4 - 3*x**3 + 2", [4.0], [2.25]),
        ("(x - y)**2 + 10*y**2", [1.0, -2.0], [0.0, 0.0]),
        ("(1 - x)**2 + 100*(y - x**2)**2", [-1.2, 1.0], [1.0, 1.0]),
        ("x**3", [1.0], None),
        ("-x", [1.0], None),
        ("exp(-x)", [1.0], None),
    ],
)
def test_the_valley_below_a_start_is_found(v8, text, start, bottom):
    is_level, point, critical = json.loads(v8.eval(f"valley(...{json.dumps([text, start])})"))
    if bottom is None:
        return
    assert is_level
    assert [*map(float, point)] == pytest.approx(bottom, abs=1e-4)
    expected = critical_learning_rate(parse(text), tuple(bottom))
    assert float(critical) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("(x - 3)**2 + 1", [0.0]),
        ("x**4 - 3*x**3 + 2", [4.0]),
        ("abs(x)", [1.3]),
        ("tanh(x)", [1.0]),
        ("-x", [1.0]),
        ("exp(-x) + x", [-3.0]),
        ("(x - y)**2 + 10*y**2", [1.0, -2.0]),
        ("(1 - x)**2 + 100*(y - x**2)**2", [-1.2, 1.0]),
        ("0*x", [1.0]),
        ("sqrt(x)", [-1.0]),
    ],
)
def test_a_rate_is_found_as_in_python(v8, text, start):
    rate, *found = json.loads(v8.eval(f"search(...{json.dumps([text, start])})"))
    try:
        curve = find_learning_rate(parse(text), tuple(start))
    except ArgumentError:
        assert not found, rate
        return
    reason, rates, values = found
    assert rate == pytest.approx(curve.suggestion, rel=1e-6)
    assert reason == curve.reason.replace(" of the loss", "")
    assert rates == pytest.approx(curve.rates, rel=1e-12)
    # An explosion makes the last digits of exp large.
    assert values[:-10] == pytest.approx(curve.losses[:-10], rel=1e-6)
    assert len(values) == len(curve.losses)


@pytest.mark.parametrize("level", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    "text", ["x**2 + y**2", "x*y + 0.3*x", "exp(x) + y**2", "x**2 + y**2 + 0*sqrt(x)"]
)
def test_contours_are_where_the_function_has_their_level(v8, text, level):
    lines = json.loads(v8.eval(f"trace({json.dumps(text)}, {level})"))
    assert len(lines) > 5
    f = parse(text)
    assert all(abs(f(x, y) - level) < 0.05 for line in lines for x, y in line)


def part(name):
    return f"[data-part={name}]"


def settle(page):
    page.evaluate("new Promise(requestAnimationFrame)")


def test_by_the_keyboard_across_the_critical_rate_and_back(visit):
    page = visit(live(parse("(x - 3)**2 + 1"), start={"x": 0.0}, learning_rate=0.3))
    descent = minimize(lambda x: (x - 3) ** 2 + 1, 0.0, learning_rate=0.3, max_steps=100)
    assert page.text_content(".mark") == "critical 1"
    page.focus(part("next"))
    for step in descent.trajectory[1:]:
        page.keyboard.press("Enter")
        shown = page.text_content(f"{part('telling')} .equation .data")
        assert float(shown.replace("−", "-")) == float(f"{step.parameters:.6g}")
    assert f"level after {len(descent.trajectory) - 1} steps" in page.text_content(part("telling"))
    page.focus(part("slider"))
    page.keyboard.press("Home")
    assert page.text_content(f"{part('telling')} .equation") == "x = 0"
    rate = page.locator("input[aria-label='Learning rate']")
    for typed, word in [
        ("0.001", "slow"),
        ("0.9", "overshoots"),
        ("1", "oscillates"),
        ("2", "diverges"),
        ("0.5", "converges"),
    ]:
        rate.fill(typed)
        settle(page)
        assert page.text_content(f"{part('judgement')} strong") == word
    page.focus(part("find"))
    page.keyboard.press("Enter")
    assert "0.5 is half the smallest critical rate that was met" in page.text_content(part("found"))
    assert rate.input_value() == "0.5"
    rate.press("ArrowUp")
    assert float(rate.input_value()) == 0.561


def test_the_start_is_dragged_pressed_and_moved_by_keys(visit):
    page = visit(live(parse("x**2"), start={"x": 2.0}))
    field = page.locator("input[aria-label='x']")
    box = page.locator(".start .ring").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y, steps=4)
    page.mouse.up()
    settle(page)
    dragged = float(field.input_value())
    assert 0.5 < dragged < 1.8
    page.keyboard.press("ArrowRight")
    settle(page)
    moved = float(field.input_value())
    assert dragged < moved < dragged + 0.5
    assert page.get_attribute(".start", "aria-valuetext") == f"x = {moved:g}"
    page.click(part("next"))
    assert f"x ← {moved:g} − 0.1 × {2 * moved:g} = " in page.text_content(part("telling"))


def test_a_landscape_has_numbers_on_its_contours_and_a_start_to_drag(visit):
    text = "(x - 1)**2 + 4*(y + 0.5)**2"
    page = visit(live(parse(text), start={"x": -1.0, "y": 1.0}, learning_rate=0.1))
    assert page.text_content(".mark") == "critical 0.25"
    heights = {*map(float, page.locator(".height").all_text_contents())}
    assert len(heights) >= 4
    page.focus(".start")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
        settle(page)
    x, y = (
        float(page.locator(f"input[aria-label='{name}']").input_value().replace("−", "-"))
        for name in "xy"
    )
    assert x > -1
    assert y < 1
    descent = minimize(lambda x, y: (x - 1) ** 2 + 4 * (y + 0.5) ** 2, (x, y), max_steps=100)
    page.focus(part("next"))
    for step in descent.trajectory[1:4]:
        page.keyboard.press("Enter")
        shown = page.locator(f"{part('telling')} .equation .data").all_text_contents()
        numbers = [float(number.replace("−", "-")) for number in shown]
        assert numbers == [float(f"{each:.6g}") for each in step.parameters]
    box = page.locator(".start .ring").bounding_box()
    page.mouse.move(box["x"] + 11, box["y"] + 11)
    page.mouse.down()
    page.mouse.move(box["x"] + 61, box["y"] + 31, steps=3)
    page.mouse.up()
    settle(page)
    assert float(page.locator("input[aria-label='x']").input_value().replace("−", "-")) > x + 0.1


@pytest.mark.parametrize("text", ["x**4 - 2*x**2 + 0.3*x", "(x**2 - 1)**2 + y**2 + 0.3*x"])
def test_several_starts_descend_at_once(visit, text):
    names = parse(text).names
    page = visit(live(parse(text), start=dict.fromkeys(names, 0.5), learning_rate=0.05))
    page.focus(part("add"))
    page.keyboard.press("Enter")
    settle(page)
    field = page.locator("input[aria-label='x']")
    assert field.input_value() != "0.5"
    page.click(part("last"))
    assert page.locator(".now").count() == 3  # two in the picture, one in that of the values
    outer = page.locator(f"{part('scene')} svg").bounding_box()
    for point in page.locator(f"{part('scene')} .now").all():
        inner = point.bounding_box()
        assert outer["x"] < inner["x"] < outer["x"] + outer["width"] - inner["width"]
        assert outer["y"] < inner["y"] < outer["y"] + outer["height"] - inner["height"]
    count = page.text_content("output")
    starts = [(float(field.input_value().replace("−", "-")), *[0.5] * (len(names) - 1))]
    starts.append((0.5,) * len(names))
    descents = [minimize(parse(text), start, learning_rate=0.05, max_steps=100) for start in starts]
    steps = max(len(descent.trajectory) for descent in descents) - 1
    assert count == f"{steps} of {steps}"
    page.click(part("only"))
    settle(page)
    assert page.locator(".now").count() == 2
    assert page.locator(part("only")).is_hidden()


def test_functions_are_typed_and_what_is_none_stays_text(visit):
    page = visit(live(parse("x**2")))
    for text, said in [
        ("x**3 - k*y", "3 names"),
        ("log(x*y - 99)", "type a start"),
        ("log(x - 9)", "type a start"),
        ("1 + 1", "0 names"),
        ("<img src=x onerror='done=1'>", "has no meaning here"),
    ]:
        page.fill(part("formula"), text)
        page.keyboard.press("Enter")
        assert said in page.text_content(part("problem"))
    assert page.evaluate("typeof done") == "undefined"
    for text in ("exp(x) - 3*x", "-x", "0*x", "1e200*x**2", "0*x*y", "log(x) + y**2", "1e300*x*y"):
        page.fill(part("formula"), text)
        page.keyboard.press("Enter")
        assert page.text_content(part("problem")) == ""
        for button in ("last", "smaller", "larger", "fit"):
            page.locator(part(button)).dispatch_event("click")
        assert page.text_content(f"{part('judgement')} strong")
    assert page.locator("svg [d*=NaN], svg [d*=Infinity]").count() == 0


FUNCTIONS = [
    (lambda x: (x - 3) ** 2, 0.0, {"x": 0.0}),
    (lambda a, b: a * b + 1, (1.0, 2.0), {"a": 1.0, "b": 2.0}),
    (lambda w: sum((w[0] * i - w[1]) ** 2 for i in range(5)), [1.0, 2.0], {"w_0": 1.0, "w_1": 2.0}),
    (lambda p: p["u"] ** 2 + p["v"], {"u": 1.0, "v": 2.0}, {"u": 1.0, "v": 2.0}),
    (parse("p*q**2"), [1.0, 2.0], {"p": 1.0, "q": 2.0}),
    (parse("p*q**2"), {"q": 2.0, "p": 1.0}, {"p": 1.0, "q": 2.0}),
]


@pytest.mark.parametrize(("f", "start", "expected"), FUNCTIONS)
def test_a_function_is_written_down_with_the_names_of_its_arguments(f, start, expected):
    expression, numbers = read_function(f, start)
    assert numbers == expected
    arguments = start if type(start) is tuple else (start,)
    if not hasattr(f, "text"):
        assert expression(**numbers) == f(*arguments)


@pytest.mark.parametrize(("f", "start", "_"), FUNCTIONS[:4])
def test_a_descent_is_shown_from_its_start_with_its_rate(f, start, _):
    expression, numbers, rate = read_descent(minimize(f, start, learning_rate=0.03, max_steps=3))
    assert rate == 0.03
    assert [*numbers.values()] == [*trees.leaves(start)]
    assert expression(**numbers) == f(*(start if type(start) is tuple else (start,)))


def test_what_cannot_be_descended_on_by_hand_is_refused():
    held = Value(2.0)
    for f, start, said in [
        (parse("a*b*c"), None, "depends on a, b, c; a page shows one or two"),
        (parse("x**2"), {"y": 1.0}, "expected a number for x"),
        (parse("x**2"), [1.0, 2.0], "expected a number for x"),
        (parse("x**2"), float("inf"), "expected finite numbers"),
        (lambda x: x**2, None, "no place to start from"),
        (lambda x: x if x > 0 else -x, 1.0, "decides by its numbers"),
        (lambda x: held * x, 1.0, "holds 1 values beside its arguments"),
        (lambda x: x[0] * x[1] * x[2], [1.0, 2.0, 3.0], "the start has 3 numbers"),
        (lambda _: 1.0, 1.0, "depends on none of its numbers"),
        (2, None, "live was given 2; expected a Value"),
    ]:
        with pytest.raises(ArgumentError, match=re.escape(said)):
            live(f, start=start)


def test_a_notebook_that_is_not_trusted_shows_the_picture_of_a_descent():
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    page = live(parse("x*y"), start={"x": 1.0, "y": 2.0}, max_steps=3, learning_rate=0.2)
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page._repr_html_())[1]
    assert "max_steps" in base64.b64decode(picture).decode()


def test_a_descent_has_a_page(visit):
    page = visit(live(minimize(lambda w: (w - 3) ** 2, 0.0, learning_rate=0.9, max_steps=3)))
    assert page.locator("input[aria-label='Learning rate']").input_value() == "0.9"
    assert page.text_content(f"{part('telling')} .equation") == "x = 0"


def test_momentum_and_adam_descend_beside(visit):
    page = visit(live(parse("(x - 3)**2 + 1"), start={"x": 0.0}, learning_rate=0.1))
    assert page.text_content(f"{part('history')} svg") == "step 0: 10step 70: 1"
    for name in ("Momentum", "Adam"):
        page.get_by_role("button", name=name).press("Enter")
        assert "1 after" in page.text_content(part("methods"))
        assert page.text_content(f"{part('history')} svg").endswith("Momentum, step 100: 1")
    for _ in range(2):
        page.click(part("next"))
    told = page.locator(".rival p").all_text_contents()
    assert told[0] == "x ← 0.6 − 0.1 × (−10.2) = 1.62 velocity = 0.9 × (−6) + (−4.8) = −10.2"
    assert told[1].startswith("x ← 0.1 − 0.1 × (−5.895) / 5.901 = 0.199")
    assert page.locator(f"{part('scene')} .now").count() == 3
    page.get_by_role("button", name="Adam").press("Enter")
    assert page.locator(".rival").count() == 1
    page.locator("input[aria-label='Learning rate']").fill("1.5")
    settle(page)
    assert page.text_content(f"{part('judgement')} strong") == "diverges"
    assert "diverges" not in page.text_content(part("methods"))
