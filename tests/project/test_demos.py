"""All demos run without a warning, and what they find is right."""

import io
import json
import re
import runpy
import sys
from contextlib import chdir, redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest

DEMOS = Path(__file__).parents[2] / "demos"


@pytest.fixture
def thurber(cases):
    return json.loads((cases / "nist" / "Thurber.json").read_text())


def numbers(line):
    return [float(x) for x in re.findall(r"-?\d+\.\d+", line)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Runs a demo, once: gives its names, and the lines that it printed."""

    @cache
    def ran(demo):
        folder = tmp_path_factory.mktemp("demo")
        with (
            chdir(folder),
            redirect_stdout(io.StringIO()) as printed,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr(sys, "argv", [demo, *(["--steps", "100"] if demo == "gpt.py" else [])])
            names = runpy.run_path(str(DEMOS / demo), run_name="__main__")
        assert not list(folder.iterdir())
        return names, printed.getvalue().splitlines()

    return ran


@pytest.mark.parametrize("demo", [path.name for path in sorted(DEMOS.glob("*.py"))])
def test_every_demo_runs_and_prints_something(demo, ran):
    assert ran(demo)[1]


def test_the_fitted_curve_has_the_certified_parameters(ran):
    found, printed = ran("fit_curve.py")
    certified = np.array(found["certified"])
    assert found["fit"].x == pytest.approx(certified[:, 0], rel=1e-7)
    assert found["errors"] == pytest.approx(certified[:, 1], rel=1e-6)
    for other in ("exact", "conjugate"):
        assert found[other].x * found["start"] == pytest.approx(certified[:, 0], rel=1e-4), other
    shown = [numbers(line) for line in printed if line[0] == "b"]
    assert len(shown) == 7
    for b, error, sure, sure_error in shown:
        assert (b, error) == pytest.approx((sure, sure_error), rel=1e-6)


def test_the_curve_is_the_one_that_nist_publishes(thurber, ran):
    found, _ = ran("fit_curve.py")
    rows = zip(found["mobility"].tolist(), found["density"].tolist(), strict=True)
    assert [*map(list, rows)] == thurber["data"]
    assert found["start"].tolist() == thurber["start1"]
    known = zip(thurber["certified"], thurber["certified_sd"], strict=True)
    assert found["certified"] == [(float(b), float(error)) for b, error in known]


def test_the_descent_in_a_descent_ends_at_the_saddle_point(ran):
    found, printed = ran("saddle_point.py")
    x, y = found["x"], found["answer"](found["x"])
    assert (x, y) == pytest.approx((1.0, 2.0), abs=1e-10)
    lines = [*map(numbers, printed)]
    assert lines[0][0] == -3.0
    assert lines[-1] == [1.0, 2.0, found["f"](1.0, 2.0)]


def test_the_comet_is_as_fast_as_its_energy_says(ran):
    found, printed = ran("comet.py")
    axis, period = found["AXIS"], found["PERIOD"]
    attraction = 4 * np.pi**2 * axis**3 / period**2
    speed = np.sqrt(attraction * (2 / found["distance"] - 1 / axis)) * found["KM_PER_SECOND"]
    assert found["speed"] == pytest.approx(speed, rel=1e-9)
    assert numbers(printed[0])[1] == pytest.approx(axis * (1 - found["ECCENTRICITY"]), abs=5e-4)
    assert len(found["places"].variants) == 1


@pytest.fixture(scope="module")
def gpt():
    names = runpy.run_path(str(DEMOS / "gpt.py"))
    return names["main"].__globals__  # the dictionary that its functions look into


def surprise(letters, positions, weights, tokens):
    """The loss of the GPT, written with matrices, for real and for complex parameters."""
    heads, before, after = 4, tokens[:-1], tokens[1:]
    n = len(before)

    def normalize(x):
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)

    def log_softmax(x):
        x = x - x.real.max(axis=-1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))

    def split(matrix):  # into (head, position, number)
        return (normalize(x) @ matrix.T).reshape(n, heads, -1).transpose(1, 0, 2)

    x = letters[before] + positions[:n]
    query, key, value = (split(weights[name]) for name in ("query", "key", "value"))
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(key.shape[2])
    scores[:, np.triu(np.ones((n, n), dtype=bool), 1)] = -1e300  # nobody looks ahead
    seen = (np.exp(log_softmax(scores)) @ value).transpose(1, 0, 2).reshape(n, -1)
    x = x + seen @ weights["project"].T
    hidden = normalize(x) @ weights["widen"].T
    x = x + (hidden * (hidden.real > 0)) @ weights["narrow"].T
    return -log_softmax(normalize(x) @ weights["read"].T)[range(n), after].mean()


def test_the_gpt_is_the_model_that_matrices_compute(gpt):
    model = gpt["Model"]("abcdef", 3, eager=True)
    model.parameters[:] = model.rng.normal(0, 0.5, model.parameters.size)
    model.learn("fade", rate=0.0)  # of which nothing may be left
    tokens = [0, 2, 1, 3, 3, 6, 0]  # the word "baccf": a letter twice, and 0 at both ends
    found = model.learn("baccf", rate=0.0)
    assert found == pytest.approx(surprise(*model.parts(model.parameters), tokens), rel=1e-12)
    tiny = 1e-200  # f(x + i·h) = f(x) + i·h·f'(x), to the last digit
    slopes = np.empty(model.parameters.size)
    for i in range(len(slopes)):
        shifted = model.parameters.astype(complex)
        shifted[i] += tiny * 1j
        slopes[i] = surprise(*model.parts(shifted), tokens).imag / tiny
    assert np.count_nonzero(slopes) > 3000
    assert np.abs(model.slopes - slopes).max() < 1e-9 * np.abs(slopes).max()


def test_the_gpt_learns_the_same_to_the_last_bit_compiled_and_recorded(gpt, monkeypatch):
    monkeypatch.setitem(gpt, "WIDTH", 8)  # fast to compile
    compiled, recorded = (gpt["Model"]("abc", 1, eager=eager) for eager in (False, True))
    for word in ("abc", "ba", "cab", "aaa", "cc"):
        assert compiled.learn(word, rate=0.01) == recorded.learn(word, rate=0.01)
        assert compiled.parameters.tobytes() == recorded.parameters.tobytes()
    assert len(compiled.value_and_slopes.variants) == 2  # one for each length


def test_the_recorded_gpt_and_the_transform_of_its_loss_agree(gpt):
    from micrograd_gd import value_and_grad

    model = gpt["Model"]("ab", 1, eager=True)
    letters, _, weights = model.views
    targets = np.eye(3)[[1, 0]]
    height, slopes = value_and_grad(gpt["loss"], (0, 1))(weights, letters[:2], targets)
    again, others = model.value_and_slopes(weights, letters[:2], targets)
    assert height == again
    assert np.array_equal(slopes[1], others[1])
    assert all(np.array_equal(slopes[0][name], others[0][name]) for name in weights)


def test_the_gpt_remembers_a_word(gpt, monkeypatch):
    model = gpt["Model"]("ehlo", 1, eager=True)
    losses = [model.learn("hello", rate=0.01) for _ in range(40)]
    assert losses[0] == pytest.approx(np.log(5), abs=0.3)  # nothing is known of five letters
    assert losses[-1] < 0.05
    monkeypatch.setitem(gpt, "TEMPERATURE", 0.01)
    assert model.invent() == "hello"


def test_the_gpt_does_not_look_ahead_and_reads_no_more_than_its_context(gpt):
    model = gpt["Model"]("ab", 1, eager=True)
    _, positions, weights = model.views
    weights = {name: matrix.tolist() for name, matrix in weights.items()}
    rows = positions[:4].tolist()
    assert gpt["logits"](weights, rows)[:3] == gpt["logits"](weights, rows[:3])
    longest = "ab" * 8  # as many letters as positions: its end is not seen
    assert model.learn(longest, rate=0.0) == model.learn(longest + "aaa", rate=0.0)


def test_a_word_that_the_gpt_does_not_end_is_as_long_as_its_context(gpt):
    model = gpt["Model"]("ab", 1, eager=True)
    model.logits = lambda weights, rows: [[-1e3, 0.0, 0.0]] * len(rows)
    assert re.fullmatch("[ab]{16}", model.invent())


def test_the_words_that_come_with_the_gpt_fit_it():
    words = (DEMOS / "words.txt").read_text(encoding="ascii").splitlines()
    assert len(words) > 1000
    assert words == sorted({*words})
    assert all(re.fullmatch("[a-z]{3,15}", word) for word in words)


def ask(monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["gpt.py", *map(str, options)])
    runpy.run_path(str(DEMOS / "gpt.py"), run_name="__main__")


def test_the_gpt_tells_how_it_goes_and_what_it_invents(monkeypatch, capsys, tmp_path):
    text = tmp_path / "text"
    text.write_text("Aß aß,\naß\n", encoding="utf-8")
    ask(monkeypatch, "--eager", "--steps", 101, "--samples", 2, "--text", text)
    heading, half, last, times, *words = capsys.readouterr().out.splitlines()
    assert heading == "3 words, 3 letters, 3456 parameters"
    assert re.fullmatch(r"step   100   loss \d\.\d{3}", half)
    assert re.fullmatch(r"step   101   loss 0\.\d{3}", last)
    assert re.fullmatch(
        r"101 steps in \d+\.\d s: the first of each length took \d+\.\d s in all, "
        r"the others \d+\.\d\d ms each",
        times,
    )
    assert len(words) == 2
    assert {*"".join(words)} <= {*"aß,"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "-1"], "--steps, --samples and --seed are at least 0"),
        (["--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["--text", "absent"], "--text cannot be read: [Errno 2] No such file or directory"),
        (["--text", "."], "--text cannot be read: "),
        (["--text", "bytes"], "--text cannot be read: 'utf-8' codec can't decode byte 0xff"),
        (["--text", "empty"], "--text has 0 different letters, not 1 to 200"),
        (["--text", "many"], "--text has 1000 different letters, not 1 to 200"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_the_gpt_names_what_is_wrong_with_its_options(
    options, message, monkeypatch, capsys, tmp_path
):
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "many").write_text("".join(map(chr, range(0x4E00, 0x4E00 + 1000))), "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        ask(monkeypatch, *options)
    assert stop.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage == "usage: gpt.py [options]"
    assert error.startswith(f"gpt.py: error: {message}")
