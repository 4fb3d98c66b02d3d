"""A network that learns on a page: its numbers and its diagnosis beside Python's, and the page."""

import json
import math
import re
from importlib import resources
from random import Random

import pytest

from micrograd_gd import MLP, Objective, Value, critical_learning_rate, diagnose, fit, live, losses
from micrograd_gd.data import Dataset, moons, read_csv
from micrograd_gd.errors import ArgumentError
from micrograd_gd.pages import write_engine
from micrograd_gd.pages.lesson import write_lesson
from micrograd_gd.pages.network import show_network
from micrograd_gd.table.ops import OPERATIONS
from micrograd_gd.training.findings import WORDS

pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is not installed")

import javascript

HOSTILE = ["</script><script>done=1</script>", "<img src=x onerror='done=1'>"]
ACTIVATIONS = ["tanh", "relu", "leaky_relu", "sigmoid", "gelu", "sin", "linear", "softplus"]
FOLDER = resources.files("micrograd_gd.pages.network")
SOURCES = [
    (FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("learning", "diagnosis")
]
HELPERS = """
const { ROWS } = micrograd;
const write = String;
const nameAll = ({ starts }) => ({
    input: (i) => `x[${i}]`,
    layer: (i) => `layers.${i}`,
    neuron: (i) => {
        const layer = starts.findLastIndex((start) => start <= i);
        return `layers.${layer - 1}.neurons.${i - starts[layer]}`;
    },
});
"""


@pytest.fixture(scope="module")
def v8():
    pytest.importorskip("py_mini_racer", reason="mini-racer, which runs JavaScript, is missing")
    import javascript

    with javascript.start(write_engine(), HELPERS, *SOURCES) as v8:
        yield v8


def part(name):
    return f"[data-part={name}]"


def draw(loss, random):
    """A network and data that suit a loss."""
    outputs = {"mse": 2, "cross_entropy": 3}.get(loss, 1)
    activation = random.choice(ACTIVATIONS)
    model = MLP(2, [4, 3, outputs], activation, seed=random)
    inputs = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(10)]
    target = {
        "hinge": lambda: random.choice([-1.0, 1.0]),
        "binary_cross_entropy": lambda: random.choice([0.0, 1.0]),
        "cross_entropy": lambda: random.randrange(3),
        "mse": lambda: [random.gauss(0, 1), random.gauss(0, 1)],
    }.get(loss, lambda: random.gauss(0, 2))
    return model, inputs, [target() for _ in inputs]


def build(model, inputs, targets, loss):
    """The same in JavaScript, as `network` and `samples`."""
    given = show_network(model, (inputs, targets), loss=loss).data
    train = given["sets"][0]["train"]
    arguments = ", ".join(json.dumps(given[x]) for x in ("widths", "activations", "parameters"))
    return (
        f"const network = new Network({arguments}); const train = {json.dumps(train)};"
        f"const samples = new Samples(train.inputs, train.targets, '{loss}');"
    )


def evaluate(v8, setup, expression):
    return json.loads(v8.eval(f"(() => {{ {setup} return JSON.stringify({expression}); }})()"))


@pytest.mark.parametrize("loss", losses.LOSSES)
def test_steps_have_the_losses_of_fit(v8, loss):
    random = Random(loss)
    for size in (None, 4, None, 3):
        model, inputs, targets = draw(loss, random)
        setup = build(model, inputs, targets, loss)
        epochs, count = 8, len(inputs)
        found = evaluate(
            v8,
            setup,
            f"""Array.from({{ length: {epochs} }}, () => {{
                for (let i = 0; i < {count}; i += {size or count}) {{
                    const end = Math.min(i + {size or count}, {count});
                    network.descend(0.05, samples, samples.rows, i, end);
                }}
                return network.measure(samples);
            }})""",
        )
        history = fit(model, inputs, targets, loss=loss, learning_rate=0.05, epochs=epochs,
                      batch_size=size, shuffle=False)  # fmt: skip
        assert [x["loss"] for x in found] == pytest.approx(history.column("loss")[1:], rel=1e-9)
        if "accuracy" in history.rows[0]:
            assert [x["right"] / count for x in found] == history.column("accuracy")[1:]


HISTORIES = {
    "falls": [1.0 / (1 + k) for k in range(30)],
    "flat": [1.0] + [0.9] * 30,
    "turns": [1.0 + 0.3 * (-1) ** k for k in range(30)],
    "rises": [1.0 + 0.1 * k for k in range(30)],
    "bursts": [1.0, 2.0, math.inf],
    "short": [1.0, 0.9],
}
RULES = {words.name for words in WORDS.values()} - {"stale gradients"}  # a page leaves none


def draw_history(random):
    """Losses that fall more or less, with more or less noise around them."""
    fall, noise = random.choice([0, 1e-4, 0.01, 0.5]), random.choice([0, 1e-4, 0.01, 0.2])
    turning = random.choice([0, 1])
    return [
        1 - fall * k / 30 + noise * ((-1) ** k if turning else random.gauss(0, 1))
        for k in range(30)
    ]


CASES = [*HISTORIES.values(), *[draw_history(Random(seed)) for seed in range(8)]]


def draw_ill(random):
    """A network and data of which something may keep the loss up."""
    activation = random.choice(["relu", "leaky_relu", "tanh", "sigmoid"])
    model = MLP(2, random.choice([[4, 1], [4, 3, 1], [4] * 8 + [1]]), activation, seed=random)
    size, center = random.choice([0.3, 1, 5]), random.choice([0, 0, -20, 3, 50])
    for parameter in model.parameters():
        parameter.data *= size
    for neuron in model.layers[0].neurons[:3]:
        neuron.b.data = random.uniform(center - 2, center + 2)
    scale = random.choice([1, 1, 90, 110])
    inputs = [[random.uniform(0.9, 1), scale * random.choice([-1, 1])] for _ in range(10)]
    return model, inputs, [random.gauss(0, 2) for _ in inputs]


def split(text):
    """The words, and the numbers between them."""
    number = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|-?Infinity|-?inf"
    return re.split(number, text), [float(x) for x in re.findall(number, text)]


def test_the_diagnosis_is_that_of_python_word_for_word(v8):
    seen = set()
    for case, history in enumerate(CASES):
        random = Random(case)
        model, inputs, targets = draw_ill(random)
        critical = critical_learning_rate(Objective(model, inputs, targets))
        rate = min(critical * random.choice([0.5, 2]), 1e9)
        python = diagnose(model, history, inputs, targets, learning_rate=rate).findings
        written = json.dumps([*history, rate, critical]).replace("Infinity", "1e999")
        found = evaluate(
            v8,
            build(model, inputs, targets, "mse") + f"const losses = {written};"
            "const [rate, critical] = losses.splice(-2);",
            "diagnose(network, samples, losses, rate, critical, nameAll(network))"
            f".map(({{ kind, ...facts }}) => describe({json.dumps(WORDS)}[kind], facts))",
        )
        expected = [each for each in python if each.name in RULES]
        assert [each["name"] for each in found] == [each.name for each in expected]
        for there, here in zip(found, expected, strict=True):
            words, numbers = split(f"{there['evidence']}. {there['remedy']}")
            others, same = split(f"{here.evidence}. {here.remedy}")
            assert words[:-1] == [x.replace("steps the", "epochs the") for x in others[:-1]]
            assert others[-1].startswith(words[-1])  # and what helps in Python
            assert numbers == pytest.approx(same, rel=1e-3)
        seen |= {each.name for each in expected}
    assert seen == RULES


def test_the_critical_rate_is_that_of_python(v8):
    random = Random(5)
    for loss in ("mse", "cross_entropy", "binary_cross_entropy"):
        model, inputs, targets = draw(loss, random)
        expected = critical_learning_rate(Objective(model, inputs, targets, loss))
        setup = build(model, inputs, targets, loss)
        found = evaluate(v8, setup, "new Curvature().critical(network, samples, 100)")
        assert found == pytest.approx(expected, rel=0.01)


def train(page):
    """Press play until all training samples are right, for at most ten seconds of the page."""
    page.click(part("play"))
    page.locator(f"{part('figures')} dd:first-of-type", has_text="100 %").wait_for()
    page.click(part("play"))


def test_a_network_learns_moons_and_is_changed_while_it_runs(visit):
    data = moons(100, seed=0)
    model = MLP(2, [16, 16, 1], "tanh", seed=1)
    page = visit(live(model, data=data, validation=moons(50, seed=1), learning_rate=0.3))
    page.focus(part("next"))
    for _ in range(3):
        page.keyboard.press("Enter")
    history = fit(model, *data, loss="binary_cross_entropy", learning_rate=0.3, epochs=3)
    assert f"loss {history.rows[-1]['loss']:.6g}" in page.text_content(part("figures"))
    page.select_option(part("pace"), "most")
    train(page)
    assert "Nothing keeps it from learning" in page.text_content(part("diagnosis"))
    page.focus(part("play"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    for label in ("Hidden layers: one more", "Neurons of layer 1: one fewer"):
        page.locator(f"[aria-label='{label}']").press("Enter")
    assert page.locator(".wires button").count() == 2 + 15 + 16 + 16 + 1
    for name, choice in [("activation", "relu"), ("batch", "10"), ("set", "spiral"), ("pace", "1")]:
        page.locator(part(name)).select_option(label=choice)
    assert "arm 0" in page.text_content(part("key"))
    assert page.text_content(part("epoch")) == "0"
    page.locator(".wires button").nth(0).press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.text_content(part("caption")).startswith("Layer 1, neuron 1: relu(")
    page.click(part("open"))
    assert page.evaluate("document.activeElement.ariaLabel").startswith("neuron = relu(")
    page.set_viewport_size({"width": 380, "height": 844})
    page.evaluate("new Promise(requestAnimationFrame)")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.locator(".neuron .node").count() == 10
    assert page.locator(".wires button[aria-pressed=true]").count() == 1
    page.locator(part("first")).first.click()
    assert page.text_content(part("caption")) == "What the network says"
    assert page.locator(".neuron .node").count() == 0


def test_the_lesson_ends_with_a_network(visit):
    network = visit(write_lesson()).locator("section.network")
    network.locator(part("next")).click()
    assert network.locator(part("epoch")).text_content() == "1"


def test_of_a_single_input_the_answer_is_a_curve(visit):
    inputs = [[x / 10] for x in range(21)]
    page = visit(live(MLP(1, [4, 1], "tanh", seed=0), data=(inputs, [x * x for (x,) in inputs])))
    assert page.text_content(part("axis-y")) == "↑ target"
    heights = page.evaluate("""() => {
        const map = document.querySelector('[data-part=map]');
        const { width, height } = map;
        const { data } = map.getContext('2d').getImageData(0, 0, width, height);
        const isInk = (x, y) => data[4 * (y * width + x)] + data[4 * (y * width + x) + 2] < 100;
        return [0.25, 0.5, 0.75].map((share) => Array.from({ length: height }, (_, y) => y)
            .filter((y) => isInk(Math.round(share * width), y)).map((y) => 1 - y / height));
    }""")
    model = MLP(1, [4, 1], "tanh", seed=0)
    for share, found in zip((0.25, 0.5, 0.75), heights, strict=True):
        answer = model([-0.24 + 2.48 * share]).data
        assert sum(found) / len(found) == pytest.approx((answer + 0.48) / 4.96, abs=0.02)


def test_the_page_says_why_a_network_does_not_learn(visit):
    model = MLP(2, [3, 1], "relu", seed=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -50.0
    page = visit(live(model, data=moons(40, seed=0)))
    assert "3 of 3 units have slope 0 on all 40 samples" in page.text_content(part("diagnosis"))
    assert page.locator(".wires .ill").count() == 3
    page.locator("input[aria-label='Learning rate']").fill("2000")
    assert "Learning rate above the critical one" in page.text_content(part("diagnosis"))
    page.locator("input[aria-label='Learning rate']").fill("0.001")
    assert "critical" not in page.text_content(part("diagnosis"))
    inputs, classes = moons(40, seed=0)
    incomes = [[x, 50_000 * (2 + y)] for x, y in inputs]
    page = visit(live(model, data=Dataset(incomes, classes, ("age", HOSTILE[0]), "kind")))
    said = page.text_content(part("diagnosis"))
    largest = float(f"{max(income for _, income in incomes):.3g}")
    assert f"numbers of {HOSTILE[0]} go up to {largest:.0f} in size, those of age" in said
    assert "Scale the inputs: one learning rate has to suit the weights of all." in said


def test_a_file_a_history_and_foreign_text(visit, tmp_path):
    rows = [[i, i % 3, -i, f"{HOSTILE[0]} {i % 3}"] for i in range(12)]
    header = [HOSTILE[1], "wide", "deep", "kind"]
    lines = [",".join(f'"{cell}"' for cell in row) for row in [header, *rows]]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    data = read_csv(tmp_path / "rows.csv")
    about = {"name": HOSTILE[0], "remarks": [HOSTILE]}
    page = visit(live(MLP(3, [4, 3], "tanh", seed=0), data=data, **about))
    assert HOSTILE[0] in page.text_content(part("key"))
    assert [page.text_content(f".facts {tag}") for tag in ("dt", "dd")] == HOSTILE
    assert "other input stands at its median" in page.text_content(part("others"))
    assert page.locator("[aria-label='Upward']").input_value() == "2"  # wide has 3 numbers only
    page.locator("[aria-label='Upward']").select_option(label="wide")
    assert HOSTILE[1] in page.text_content(part("axis-x"))
    page.click(part("next"))
    assert page.evaluate("typeof done") == "undefined"
    assert page.locator("main img").count() == 0
    model, held_out = MLP(2, [4, 1], "tanh", seed=0), moons(9, seed=1)
    settings = {"epochs": 7, "validation": held_out, "loss": "binary_cross_entropy"}
    history = fit(model, *moons(20, seed=0), **settings)
    assert "data:image/svg+xml;base64," in live(history)._repr_html_()
    network = visit(live(history)).locator("section.network")
    assert network.locator(part("epoch")).text_content() == "7"
    for name, row in (("Training", "loss"), ("Test", "validation_loss")):
        figures = network.locator(part("figures")).text_content()
        assert name in figures
        assert f"loss {history.rows[-1][row]:.6g}" in figures


def test_what_cannot_be_shown_is_refused():
    model, data = MLP(2, 1, seed=0), moons(5, seed=0)
    with pytest.raises(ArgumentError, match="expected its data, too"):
        live(model)
    with pytest.raises(ArgumentError, match="rows of width 2"):
        live(model, data=([[1.0]], [1.0]))
    with pytest.raises(ArgumentError, match="do not suit the loss hinge"):
        live(model, data=data, loss="hinge")
    with pytest.raises(ArgumentError, match="no such loss"):
        live(model, data=data, loss="nll")
    with pytest.raises(ArgumentError, match="expected an activation of the table"):
        live(MLP(2, [2, 1], lambda x: x * x), data=data)
    with pytest.raises(ArgumentError, match="not finite"):
        live(model, data=([[math.inf, 1.0]], [1.0]))


def test_all_rows_of_one_operand_are_activations(v8):
    """Those, too, that have further operands with a default."""
    for row in OPERATIONS.values():
        if row.is_unary:
            numbers = "[row.compute(1.375), row.slopes[0](1.375, row.compute(1.375)) ?? 0]"
            call = f"(() => {{ const row = ofOne(ROWS.{row.name}); return [{numbers}]; }})()"
            found = javascript.run(v8, call)[0]
            node = Value.record(row, Value(1.375), *row.defaults)
            expected = [node.data, node.partials[0] or 0.0]
            assert found == pytest.approx(expected, rel=1e-13, nan_ok=True)
