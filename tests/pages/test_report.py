"""The report of a training: what it says, in a browser, of what the training was."""

import math

import pytest

from micrograd_gd import MLP, Layer, Module, fit, live
from micrograd_gd.data import Dataset, moons
from micrograd_gd.errors import ArgumentError
from micrograd_gd.pages.report import Background, write_report
from micrograd_gd.training.evaluation import Regression, evaluate_training
from micrograd_gd.training.history import History

HOSTILE = "</script><script>done=1</script><img src=x onerror='done=1'>"


def part(name):
    return f".report [data-part={name}]"


def train(data, widths, loss, **settings):
    model = MLP(2, widths, "tanh", seed=0)
    return fit(model, *data, loss=loss, epochs=9, seed=0, **settings)


def cells(page, selector):
    return page.eval_on_selector_all(f"{selector} tr", """rows =>
        rows.map(row => [...row.cells].map(cell => cell.textContent))""")  # fmt: skip


def test_a_report_on_classes_says_what_python_says(visit):
    data = moons(60, seed=0)
    history = train(data, [4, 1], "binary_cross_entropy", validation=moons(20, seed=1))
    names = [f"{HOSTILE} {i}" for i in range(2)]
    names = Dataset(*data, feature_names=(HOSTILE, "x2"), target_name=HOSTILE, class_names=names)
    background = Background(HOSTILE, [(HOSTILE, HOSTILE)], [(HOSTILE, HOSTILE)], [HOSTILE], HOSTILE)
    page = visit(write_report(history, names, background=background))
    assert page.evaluate("typeof done") == "undefined"
    assert page.locator("img").count() == 0
    for name in ("changes", "warnings", "facts", "settings", "command"):
        assert HOSTILE in page.text_content(part(name))
    evaluations = evaluate_training(history.training)
    columns = [["20" if name == "test" else "60", *evaluation.figures().values()]
               for name, evaluation in evaluations.items()]  # fmt: skip
    rows = cells(page, part("figures"))[1:]
    assert [row[1:] for row in rows] == [[*row] for row in zip(*columns, strict=True)]
    for name in ("test", "train"):
        shown = [[*map(int, row[1:])] for row in cells(page, ".report .counts")[1:]]
        assert shown == [[*row] for row in evaluations[name].counts]
        page.locator(part("choice")).get_by_text("Training").press("Enter")
    page.press(part("epoch"), "ArrowLeft")
    row = history.rows[-2]
    expected = f"Epoch 8. Loss: training {row['loss']:.4g}, test {row['validation_loss']:.4g}."
    assert expected in page.text_content(part("row"))
    assert page.text_content("section.network [data-part=epoch]") == "9"


def test_a_report_on_numbers_draws_the_residuals(visit):
    inputs = [[i / 20, (i % 7) / 7] for i in range(30)]
    targets = [x - y for x, y in inputs]
    history = train((inputs, targets), [1], "mse")
    page = visit(live(history))
    assert "No rows were kept to test it" in page.text_content(part("lead"))
    assert page.locator(".report .point").count() == 30
    evaluation = evaluate_training(history.training)["train"]
    first = evaluation.largest[0]
    shown = cells(page, part("details"))[1]
    assert [float(x.replace("−", "-")) for x in shown] == pytest.approx(
        [evaluation.truth[first], evaluation.answers[first], evaluation.residuals[first]], rel=1e-4
    )
    wild = {"test": Regression.compare([1.0, 2.0, 1e308], [math.inf, 2.0, -1e308])}
    page = visit(write_report(history, evaluations={**wild, "train": wild["test"]}))
    assert page.locator(".report .point").count() == 1


def test_a_report_says_why_there_is_no_network_to_play_on_with(visit):
    class Own(Module):
        def __init__(self):
            self.layer = Layer(2, 2, seed=0)

        def __call__(self, row):
            return sum(self.layer(row))

        def __repr__(self):
            return HOSTILE

    history = fit(Own(), [[1.0, 2.0], [2.0, 1.0]], [1.0, 0.0], loss=lambda p, _: sum(p) / 2)
    page = visit(live(history))
    assert "expected an MLP" in page.text_content("main > p")
    assert page.locator(".network, img").count() == 0
    assert page.locator(part("answers")).is_hidden()  # a loss of one's own says nothing of them
    with pytest.raises(ArgumentError, match="no training beside it"):
        live(History([{"epoch": 0, "loss": 1.0}]))


def test_rows_that_a_training_stopped_on_are_called_validation_everywhere(visit):
    data, validation = moons(60, seed=0), moons(20, seed=1)
    history = train(data, [2, 1], "binary_cross_entropy", validation=validation)
    evaluations = evaluate_training(history.training)
    parts = {"train": evaluations["train"], "validation": evaluations["test"]}
    text = visit(write_report(history, evaluations=parts)).text_content("main")
    assert "60 to learn from, 20 for validation" in text
    assert "for validation, not to learn from" in text
    assert "Validation" in text
    assert not {"Test", "undefined"} & {*text.split()}
