"""Every command does what it says, and every wrong input is one clear line."""

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

import micrograd_gd
from micrograd_gd import __version__, cli, load
from micrograd_gd.cli.experiment import Experiment, Settings
from micrograd_gd.cli.options import DEFAULT
from micrograd_gd.cli.run import _Progress
from micrograd_gd.data import iris
from micrograd_gd.table.ops import OPERATIONS

IRIS = Path(micrograd_gd.__file__).parent / "data" / "iris.csv"
PICTURES = ["graph.svg", "loss.svg"]
FILES = ["graph.svg", "history.csv", "loss.svg", "model.json", "report.html", "training.json"]
QUICK = ["--epochs", "3", "--hidden", "3"]


@pytest.fixture
def launch(start, tmp_path):
    """The command line in a process of its own, in an empty folder."""

    def launch(*arguments, **options):
        command = [sys.executable, "-m", "micrograd_gd", *map(str, arguments)]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return start(command, cwd=tmp_path, env=env, text=True, **pipes)

    return launch


def table(out):
    """The figures of the final table by name: train, test."""
    rows = re.findall(r"^(\S.*?)\s{2,}(\S+(?: %)?)\s{2,}(\S+(?: %)?)$", out, re.MULTILINE)
    return {name: (train, test) for name, train, test in rows}


def files(folder):
    return sorted(entry.name for entry in Path(folder).iterdir())


def numbers_csv(path="line.csv", rows=40):
    lines = [f"{i / 10},{i % 7},{3 * i / 10 + 100}" for i in range(rows)]
    Path(path).write_text("\n".join(["x,noise,y", *lines]))
    return path


@pytest.mark.parametrize("seed", range(2))
def test_iris_reaches_93_percent_with_the_defaults(seed):
    experiment = Experiment(iris(), Settings(seed=seed))
    experiment.run()
    assert experiment.evaluate()["test"].accuracy >= 0.93


def test_the_defaults_are_those_of_the_example():
    assert DEFAULT.hidden == (8,)
    assert (DEFAULT.learning_rate, DEFAULT.epochs, DEFAULT.seed) == (0.1, 200, 0)


def test_train_writes_a_model_a_history_and_two_pictures(run):
    done = run("train", "iris", *QUICK, "--out", "run/")
    assert (done.status, done.err) == (0, "")
    assert files("run") == FILES
    assert "MLP(4 -> 3 relu -> 3 linear, 27 parameters), cross_entropy" in done.out
    assert "3 epochs, gradient descent, learning rate 0.1, batches of 16, seed 0" in done.out
    assert (
        "wrote into run: model.json, history.csv, training.json, loss.svg, graph.svg (one "
        "prediction), report.html" in done.out
    )
    assert table(done.out)["rows"] == ("114", "36")
    history = [*csv.DictReader(io.StringIO(Path("run/history.csv").read_text()))]
    assert [row["epoch"] for row in history] == ["0", "1", "2", "3"]
    assert "petal_length" in Path("run/graph.svg").read_text()
    assert f"{float(history[-1]['loss']):.4g}" == table(done.out)["loss"][0]


@pytest.mark.parametrize(
    "options",
    [
        "iris",
        "iris --optimizer adam --seed 3 --hidden none",
        "iris --drop sepal_width,petal_width --hidden 3,2 --test-fraction 0 --batch-size 7",
        "'a b.csv' --target=-y --task numbers --loss mae --features x --lr 0.01 --early-stopping 1",
    ],
)
def test_the_report_has_the_command_that_trains_the_same_again(options, run):
    Path("a b.csv").write_text(
        "x,-y,z\n" + "".join(f"{i * i},{i % 7},{i % 3}\n" for i in range(20))
    )
    words = shlex.split(options)
    done = run("train", *words, "--epochs", "2", "--out", "one")
    assert done.status == 0
    page = Path("one/report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script id="data" [^>]*>(.*?)</script>', page)[1])
    program, *again = shlex.split(data[0]["command"])
    assert program == "micrograd-gd"
    assert run(*again, "--out", "two").out == done.out.replace("into one", "into two")
    assert Path("one/model.json").read_bytes() == Path("two/model.json").read_bytes()
    for name, text in data[0]["parts"][-1]["figures"]:
        assert re.search(rf"^{name} .* {re.escape(text)}$", done.out, re.MULTILINE)


def test_the_same_seed_gives_the_same_bytes(run):
    for out in ("one", "two"):
        assert run("train", "iris", *QUICK, "--out", out).status == 0
    for name in FILES:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    run("train", "iris", *QUICK, "--out", "three", "--seed", "1")
    assert Path("one/model.json").read_bytes() != Path("three/model.json").read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_predict_answers_what_the_table_promised(run):
    done = run("train", "iris", "--epochs", "20", "--out", "run")
    predicted = run("predict", "run/model.json", IRIS)
    header, *answers = predicted.out.splitlines()
    assert (header, len(answers)) == ("species", 150)
    truth = [row["species"] for row in csv.DictReader(io.StringIO(IRIS.read_text()))]
    right = sum(map(str.__eq__, truth, answers))
    share = f"{right / 1.5:.1f} %"
    assert predicted.err.endswith(
        f": accuracy {share}, of 150 predictions beside species in the file\n"
    )
    train, test = (float(x.removesuffix(" %")) / 100 for x in table(done.out)["accuracy"])
    assert right == round(train * 114) + round(test * 36)


@pytest.mark.usefixtures("undrawn")
def test_a_target_of_numbers_is_regression_in_its_own_units(run):
    done = run("train", numbers_csv(), "--target", "y", "--epochs", "100")
    assert "mse" in done.out
    assert float(table(done.out)["R²"][1]) > 0.95
    assert float(table(done.out)["RMSE"][1]) < 1
    shares = run("predict", "run/model.json", "line.csv", "--probabilities")
    assert "--probabilities, while y is a number; expected a model of classes" in shares.err
    predicted = run("predict", "run/model.json", "line.csv")
    name, *answers = predicted.out.splitlines()
    assert name == "y"
    truth = [3 * i / 10 + 100 for i in range(40)]
    errors = [float(y) - t for y, t in zip(answers, truth, strict=True)]
    assert max(map(abs, errors)) < 2
    mae = sum(map(abs, errors)) / 40
    said = re.escape(f"MAE {mae:.4g}, R² 0.99") + r"\d\d, of 40 predictions beside y in the file"
    assert re.search(f": RMSE .*, {said}$", predicted.err)


@pytest.mark.usefixtures("undrawn")
def test_a_few_whole_numbers_are_classes_unless_they_are_to_be_numbers(run):
    Path("two.csv").write_text("x,y\n" + "".join(f"{i},{int(i > 9)}\n" for i in range(20)))
    assert "mse" in run("train", "two.csv", *QUICK, "--task", "numbers").out
    assert "y       2 whole numbers, taken as classes" in run("train", "two.csv", *QUICK).out
    for options in (["--task", "classes"], [], ["--loss", "hinge"], ["--loss", "cross_entropy"],
                    ["--loss", "binary_cross_entropy"]):  # fmt: skip
        done = run("train", "two.csv", "--epochs", "60", *options, "--out", "run", "--force")
        assert (done.status, done.err) == (0, "")
        assert float(table(done.out)["accuracy"][0].removesuffix(" %")) >= 90
        assert set(run("predict", "run/model.json", "two.csv").out.split()) == {"y", "0", "1"}


@pytest.mark.usefixtures("undrawn")
def test_hidden_layers_are_given_as_a_list_or_again_and_again(run):
    for options in (["--hidden", "4,3"], ["--hidden", "4", "--hidden", "3"]):
        done = run("train", "iris", "--epochs", "1", "--activation", "tanh", *options)
        assert "MLP(4 -> 4 tanh -> 3 tanh -> 3 linear, 47 parameters)" in done.out


def test_a_large_network_is_drawn_as_one_neuron(run):
    done = run("train", "iris", "--epochs", "1", "--hidden", "30")
    assert "graph.svg (one neuron)" in done.out


@pytest.mark.usefixtures("undrawn")
def test_a_batch_as_large_as_the_data_is_full_batch(run):
    assert "full batch" in run("train", "iris", *QUICK, "--batch-size", "1000").out


def test_demo_reaches_100_percent_and_says_what_it_wrote(run):
    done = run("demo")
    assert (done.status, done.err) == (0, "")
    assert table(done.out)["accuracy"] == ("100.0 %", "100.0 %")
    assert "wrote into run/demo: model.json, history.csv, loss.svg, graph.svg" in done.out
    assert files("run/demo") == ["boundary.svg", *FILES[:5]]
    assert "wrote into run/demo-2: " in run("demo").out


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge"])
def test_two_features_are_drawn_as_a_plane_with_the_border_between_the_classes(loss, run):
    rows = [(a, b) for a in range(7) for b in range(7) if a != b]
    lines = [f"{10 * a},{b},{'low' if a > b else 'top'}" for a, b in rows]
    Path("plane.csv").write_text("\n".join(["a,b,kind", *lines, "0,6,low"]))  # the last is wrong
    done = run("train", "plane.csv", "--loss", loss, "--hidden", "none", "--epochs", "30")
    assert (done.status, Path("run/boundary.svg").exists()) == (0, True)
    head, *picture = done.out.partition("b over a: ")[2].partition("\n\n")[0].split("\n")
    assert head == "o on . low, x on : top; wrong answers in capitals"
    for i, line in enumerate(reversed(picture)):
        for j, mark in enumerate(line):
            height = (i / 19 - j / 59) * 6.6  # over the border a = b
            assert abs(height) < 1 or mark in (":xO" if height > 0 else ".o")
    assert "".join(picture).count("O") == 1
    assert sum(map("".join(picture).count, "ox")) == len(rows) - 1  # one lies under the capital


def test_ops_lists_every_operation_in_aligned_columns(run):
    done = run("ops")
    head, *rows, blank, count = done.out.splitlines()
    assert [row.partition("(")[0] for row in rows] == [*OPERATIONS]
    column = head.index("what it is")
    assert all(row[column - 2 : column] == "  " for row in rows)
    assert [row[column:] for row in rows] == [op.doc for op in OPERATIONS.values()]
    assert (blank, count) == (
        "",
        f"{len(OPERATIONS)} operations; micrograd-gd ops NAME shows one in full.",
    )


def test_ops_shows_one_in_full(run):
    lines = run("ops", "leaky_relu").out.splitlines()
    shown = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in lines)
    assert shown["operation"] == "leaky_relu(x, slope=0.01)"
    assert shown["value"] == OPERATIONS["leaky_relu"].value
    assert shown["d/dslope"] == OPERATIONS["leaky_relu"].partials[1]
    assert shown["except where"] == "x = 0"
    assert run("ops", "dot").out.startswith("operation     dot(s, *w, *x)\n")


def test_version_and_help(run):
    assert run("--version").out == run("-V").out == f"micrograd-gd {__version__}\n"
    assert run("--help").out == run("-h").out
    done = run("train", "--help")
    assert (done.status, done.out) == (0, run("train", "-h").out)
    assert "--learning-rate" in done.out
    assert "─" not in done.out  # no boxes
    assert done.out.endswith("  micrograd-gd train --resume run --epochs 400\n")


CSV = {
    "empty.csv": "",
    "header.csv": "a,b\n",
    "text.csv": "a,b,kind\n1,x,u\n2,3,v\n",
    "one.csv": "a,kind\n1,u\n2,u\n",
    "flat.csv": "a,y\n1,5\n2,5\n",
    "ragged.csv": "a,kind\n1,u\n2\n",
    "nan.csv": "a,kind\n1,u\nnan,v\n",
    "few.csv": "a,kind\n1,u\n2,v\n",
    "good.csv": "a,kind\n1,u\n2,v\n3,u\n4,v\n",
}
RATE = "expected a finite number above 0, such as 0.1"
WHOLE = "expected a whole number, at least 1"
OUT = "expected a folder that can be written to: choose another --out"
WRONG = [
    ("train none.csv", "none.csv: no such file; expected a CSV file"),
    ("train .", "a folder; expected a CSV file"),
    ("train empty.csv", "empty.csv: the file is empty"),
    ("train header.csv", "header.csv, line 1: nothing below the header"),
    ("train text.csv", "text.csv, line 2, column 'b': the text 'x'; expected a number"),
    ("train good.csv --target kid", "good.csv, line 1: no column 'kid'; expected one of 'a', 'k"),
    ("train good.csv --task numbers", "good.csv, line 2, column 'kind': the text 'u'; expected a"),
    ("train one.csv", "the target 'kind' holds the class 'u' only, in all 2 rows; expected two"),
    ("train flat.csv", "the target 'y' holds the number 5.0 only, in all 2 rows; expected two"),
    ("train ragged.csv", "ragged.csv, line 3: 1 cell"),
    ("train nan.csv", "nan.csv: no column is left to learn from ('a': the same in all rows)"),
    ("train few.csv", "--test-fraction 0.25 leaves one of the two parts of 2 rows empty; expected"),
    (
        "train good.csv --test-fraction 0 --task numbers --target a --early-stopping 3",
        "--early-stopping, which holds a tenth out, leaves one of the two parts of 4 rows empty",
    ),
    ("train iris --target petal", "no column 'petal'; expected one of 'sepal_length', 'sep"),
    ("find-lr iris --largest nan", f"--largest is nan; {RATE}"),
    ("find-lr iris --out x.bmp", "x.bmp: the suffix '.bmp'; expected one of .svg, .png, .pdf"),
    ("descend x**2 --out no/x.svg", "no/x.svg: No such file or directory; expected a folder"),
    ("predict model.json good.csv --sep no", "--sep is 'no'; expected one character, such as ;"),
    ("train iris --missing no", "--missing is 'no'; expected one of fill, drop"),
    ("train iris --decimal no", "--decimal is 'no'; expected one of auto, ., ,"),
    ("train iris --sep no", "--sep is 'no'; expected one character, such as ;"),
    ("train iris --learning-rate -1", f"--learning-rate is -1; {RATE}"),
    ("train iris --learning-rate 0", f"--learning-rate is 0; {RATE}"),
    ("train iris --learning-rate nan", f"--learning-rate is nan; {RATE}"),
    ("train iris --learning-rate inf", f"--learning-rate is inf; {RATE}"),
    ("train iris --learning-rate fast", "Invalid value for '--learning-rate' / '--lr': "),
    ("train iris --epochs 0", f"--epochs is 0; {WHOLE}"),
    ("train iris --epochs 1.5", "Invalid value for '--epochs': "),
    ("train iris --batch-size 0", f"--batch-size is 0; {WHOLE}"),
    ("train iris --test-fraction 1", "--test-fraction is 1; expected a number from 0 to below 1"),
    ("train iris --hidden 8,x", "--hidden is '8,x'; expected whole numbers above 0, such as 16,8"),
    ("train iris --hidden 0", "--hidden is '0'; expected whole numbers above 0"),
    (
        "train iris --optimizer no",
        "--optimizer is 'no'; expected one of gradient_descent, momentum",
    ),
    ("train iris --weight-decay -1", "--weight-decay is -1; expected a number, at least 0"),
    ("train iris --early-stopping -1", "--early-stopping is -1; expected a whole number, at least"),
    ("train iris --activation no", "no activation is called 'no'"),
    ("train iris --task no", "--task is 'no'; expected one of auto, classes, numbers"),
    ("train iris --loss no", "--loss is 'no'; expected one of cross_entropy, binary_cross_entr"),
    ("train iris --loss hinge", "the loss hinge and 3 classes in 'species'; expected two, or"),
    ("train good.csv --loss mse --task classes", "the loss mse, while 'kind' holds classes; exp"),
    ("train good.csv --out good.csv", f"good.csv: File exists; {OUT}"),
    ("train good.csv --out good.csv/run", f"good.csv/run: Not a directory; {OUT}"),
    ("train good.csv --out /proc/none", f"/proc/none: No such file or directory; {OUT}"),
    ("predict none.json good.csv", "none.json: no such file; expected a saved model"),
    ("predict . good.csv", "a folder; expected a saved model, such as model.json in it"),
    ("predict good.csv good.csv", "good.csv: no valid JSON ("),
    ("predict cut.json good.csv", "cut.json: no valid JSON ("),
    ("predict other.json good.csv", "other.json: JSON of another kind; expected a saved model"),
    ("predict nan.json good.csv", "nan.json: the number NaN; expected finite numbers"),
    ("predict model.json good.csv", "good.csv, line 1: no column 'sepal_length'"),
    ("predict model.json none.csv", "none.csv: no such file"),
    ("ops no", "no operation is called 'no'"),
    ("train", "Missing argument"),
    ("predict", "Missing argument 'model' (see micrograd-gd predict --help)"),
    ("", "Missing command"),
    ("fly", "No such command 'fly' (see micrograd-gd --help)"),
    ("train iris --speed 1", "No such option"),
    ("demo --out good.csv", f"good.csv: File exists; {OUT}"),
]


@pytest.fixture(scope="module")
def model_text(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "run"
    with pytest.raises(SystemExit):
        cli.main(["train", "iris", *QUICK, "--out", str(path)])
    return (path / "model.json").read_text()


@pytest.mark.parametrize(("command", "message"), WRONG, ids=[command for command, _ in WRONG])
def test_wrong_input_is_one_clear_line_and_status_2(command, message, run, model_text):
    for name, text in CSV.items():
        Path(name).write_text(text)
    Path("model.json").write_text(model_text)
    Path("cut.json").write_text(model_text[:-100])
    Path("other.json").write_text('{"name": "other"}')
    Path("nan.json").write_text(re.sub(r'(neurons.0.b": )[^,]*', r"\1NaN", model_text, count=1))
    before = files(".")
    done = run(*command.split())
    assert done.status == 2
    assert done.err.startswith("micrograd-gd: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert files(".") == before


def test_a_diverging_run_says_when_and_what_to_try_and_keeps_its_history(run):
    done = run("train", numbers_csv(), "--learning-rate", "1000")
    assert done.status == 1
    found = re.fullmatch(
        r"micrograd-gd: diverged in epoch (\d+): the .*; "
        r"try a smaller step, such as --learning-rate 100 instead of 1000\n",
        done.err,
    )
    epochs = int(found[1])
    assert len(Path("run/history.csv").read_text().splitlines()) == 1 + epochs
    assert files("run") == ["history.csv", "loss.svg"]


@pytest.mark.usefixtures("undrawn")
def test_a_loss_that_grew_is_warned_of(run):
    done = run("train", "iris", "--learning-rate", "6", "--epochs", "2")
    assert done.status == 0
    assert "the loss ended above where it began; try a smaller --learning-rate" in done.err


def test_training_is_not_lost_for_a_picture(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setenv("PATH", "")
    done = run("train", "iris", *QUICK)
    assert done.status == 0
    assert files("run") == ["history.csv", "model.json", "report.html", "training.json"]
    assert "wrote into run: model.json, history.csv, training.json, report.html\n" in done.out
    warnings = done.err.splitlines()
    assert len(warnings) == 2
    for warning, picture in zip(warnings, reversed(PICTURES), strict=True):
        assert warning.startswith(f"micrograd-gd: warning: {picture} was not drawn: ")
        assert "pip install 'micrograd_gd[viz]'" in warning


def test_the_module_runs_as_a_program(launch):
    program = launch("--version")
    assert program.communicate() == (f"micrograd-gd {__version__}\n", "")
    assert program.returncode == 0
    program = launch("train", "none.csv")
    out, err = program.communicate()
    assert (out, program.returncode) == ("", 2)
    assert err.startswith("micrograd-gd: none.csv: no such file")


def test_a_reader_that_has_enough_is_no_error(launch, tmp_path, model_text):
    (tmp_path / "model.json").write_text(model_text)
    rows = "\n".join(["5.1,3.5,1.4,0.2"] * 20_000)
    names = "sepal_length,sepal_width,petal_length,petal_width"
    (tmp_path / "many.csv").write_text(f"{names}\n{rows}\n")
    program = launch("predict", "model.json", "many.csv")
    assert program.stdout.readline() == "species\n"
    program.stdout.close()
    assert program.stderr.read() == ""
    program.stderr.close()
    assert program.wait() in (0, 1)  # 1 is click's word for it, where click meets it first


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process of its own on POSIX")
def test_ctrl_c_keeps_the_best_model_so_far(launch, tmp_path):
    endless = ["--epochs", "100000", "--checkpoint-seconds", "0"]
    program = launch("train", "iris", *endless, "--out", "run")
    while not (tmp_path / "run" / "checkpoint.json").exists():
        assert program.poll() is None
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate()
    assert program.returncode == 130
    found = re.fullmatch(
        r"micrograd-gd: interrupted in epoch \d+ of 100000; "
        r"the model written is the best so far, of epoch (\d+); "
        r"to go on: micrograd-gd train --resume run\n",
        err,
    )
    assert files(tmp_path / "run") == ["checkpoint.json", *FILES[:5]]
    rows = [*csv.DictReader(io.StringIO((tmp_path / "run" / "history.csv").read_text()))]
    best = min(rows, key=lambda row: float(row["loss"]))
    assert best["epoch"] == found[1]
    assert table(out)["loss"][0] == f"{float(best['loss']):.4g}"
    assert load(tmp_path / "run" / "model.json").class_names == iris().class_names


INTERRUPTED = """
import signal, sys
from micrograd_gd.__main__ import run

class Finder:
    left = int(sys.argv.pop(1))

    def find_spec(self, *_):
        Finder.left -= 1
        if Finder.left == 0:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder())
run()
"""


@pytest.mark.parametrize("place", [1, 20, 150])
def test_ctrl_c_while_the_command_loads_is_no_error(python, place, tmp_path):
    ended = python("-c", INTERRUPTED, place, "train", "iris", check=False, cwd=tmp_path)
    expected = 130, "", "micrograd-gd: interrupted; nothing more was written\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == expected
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(os.name != "posix", reason="files are closed by a shell of POSIX")
@pytest.mark.parametrize(
    ("closed", "status", "said"),
    [
        (">&-", 1, "micrograd-gd: standard output is closed; write to /dev/null for no answer\n"),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
    ],
)
def test_a_closed_stream_is_no_bug(start, closed, status, said):
    command = f'"{sys.executable}" -m micrograd_gd ops tanh {closed}'
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    program = start(["sh", "-c", command], **pipes, cwd=Path(micrograd_gd.__file__).parents[1])
    out, err = program.communicate()
    assert (program.returncode, err) == (status, said)
    assert out.startswith("operation") == (closed != ">&-")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a file without an end")
def test_what_has_no_end_is_no_data_file(run, monkeypatch):
    for command in (["train", "/dev/zero"], ["find-lr", "/dev/zero"]):
        found = run(*command)
        assert found.status == 2
        assert "/dev/zero: a device, which may have no end; expected a CSV file" in found.err
    monkeypatch.setattr("micrograd_gd.data.csv_files.LARGEST", 3)
    read, write = os.pipe()
    os.write(write, b"a,b\n1,2\n")
    os.close(write)
    found = run("train", f"/dev/fd/{read}")
    os.close(read)
    assert "more than 3 bytes; expected a CSV file up to that" in found.err


@pytest.mark.skipif(os.name != "posix", reason="a terminal is a pair of files on POSIX")
def test_a_real_terminal_sees_the_progress(launch):
    import pty

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 33))
    program = launch("train", "iris", *QUICK, stderr=theirs)
    os.close(theirs)
    program.communicate()
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert program.returncode == 0
    assert re.match(r"\repoch 0/3   loss [\d.]+   accura\x1b\[K\r", seen)
    last = re.search(r"\r(epoch 3/3   loss [\d.]+   accura)\x1b\[K\r\n$", seen)
    assert len(last[1]) <= 32


def test_the_progress_says_what_time_is_left():
    progress = _Progress(10)
    times = [progress._estimate(epoch, now) for epoch, now in [(4, 0.0), (5, 15.0), (10, 90.0)]]
    assert times == [[], ["1:15 left"], []]


def test_a_long_training_runs_in_programs_with_the_same_figures(monkeypatch):
    pytest.importorskip("numpy")
    pytest.importorskip("llvmlite")
    losses = {}
    for most in (0, 20_000):
        monkeypatch.setattr("micrograd_gd.cli.experiment.LARGEST_COMPILED", most)
        experiment = Experiment(iris(), Settings(hidden=(3,), epochs=9))
        assert experiment._pays_to_compile() == (most > 0)
        losses[most] = experiment.run().column("loss")
    assert losses[0] == pytest.approx(losses[20_000], rel=1e-9)
    assert not Experiment(iris(), Settings(epochs=3))._pays_to_compile()


def test_the_model_file_is_what_the_documentation_says(model_text):
    content = json.loads(model_text)
    assert list(content) == [
        "format", "version", "architecture", "feature_names", "target_name", "class_names",
        "scaling", "target_scaling", "recipe", "parameters",
    ]  # fmt: skip
    assert content["class_names"] == ["setosa", "versicolor", "virginica"]


def test_a_network_beyond_reason_is_refused_before_it_is_built(run):
    done = run("train", "iris", "--hidden", "100000,100000")
    assert done.status == 2
    assert "parameters, and 1,000,000 are as many as" in done.err
    assert files(".") == []


def test_a_loss_that_is_nan_before_the_first_step_is_not_blamed_on_the_steps(run):
    done = run("train", "iris", "--activation", "log")
    assert done.status == 1
    assert "no step was taken yet: try another --activation" in done.err
    assert "warning" not in done.err


# Interrupted, and resumed.


def interrupt(run, *arguments, epoch=7):
    """A training of the command line that Ctrl-C ends after so many epochs."""
    from micrograd_gd.persist.checkpoints import Checkpoint

    def stop(self, history, save=Checkpoint.__call__):
        save(self, history)
        if len(history) == epoch + 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "__call__", stop)
        return run("train", *arguments, "--checkpoint-seconds", "0")


# Stopped in epoch 9 for what was best in epoch 3; it is interrupted after epoch 7.
STOPPING = ["--optimizer", "adam", "--weight-decay", "0.1", "--early-stopping", "6", "--lr", "1"]


@pytest.mark.parametrize("options", [[], ["--batch-size", "1000"], STOPPING])
def test_a_resumed_training_leaves_the_bytes_of_one_that_was_not_interrupted(run, options):
    Path("two.csv").write_text("x,y\n" + "".join(f"{i},{int(i > 9)}\n" for i in range(20)))
    arguments = ["two.csv", "--epochs", "20", *options]
    assert run("train", *arguments, "--out", "whole").status == 0
    cut = interrupt(run, *arguments)
    assert cut.status == 130
    assert cut.err.splitlines()[-1].endswith("; to go on: micrograd-gd train --resume run")
    Path("run", ".micrograd_gd-0123456789abcdef.part").write_bytes(b"{")  # of a killed process
    Path("run", ".foreign.1.part").write_bytes(b"{")
    done = run("train", "--resume", "run")
    assert done.status == 0
    assert "resumed   after epoch 7\n" in done.out
    assert files("run") == [".foreign.1.part", *FILES]
    for name in FILES:
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.parametrize("options", [[], ["--optimizer", "momentum", "--weight-decay", "0.1"]])
def test_more_epochs_for_a_finished_model_are_as_if_they_had_been_asked_for_at_first(run, options):
    Path("two.csv").write_text("x,y\n" + "".join(f"{i},{int(i > 9)}\n" for i in range(20)))
    assert run("train", "two.csv", "--epochs", "9", *options, "--out", "whole").status == 0
    assert run("train", "two.csv", "--epochs", "4", *options).status == 0
    for arguments, message in [
        ([], "run: the training has ended, after 4 epochs; add --epochs 204 to go on until so"),
        (["--epochs", "4"], "--epochs is 4, and 4 are done; expected more"),
    ]:
        done = run("train", "--resume", "run", *arguments)
        assert (done.status, message in done.err) == (2, True)
    assert run("train", "--resume", "run", "--epochs", "9").status == 0
    assert files("run") == FILES
    assert [*contents("run").values()] == [*contents("whole").values()]


def test_a_training_that_stopped_early_goes_on_with_more_patience(run):
    Path("two.csv").write_text("x,y\n" + "".join(f"{i},{int(i > 9)}\n" for i in range(20)))
    more = [*STOPPING[:5], "8", *STOPPING[6:]]
    assert run("train", "two.csv", "--epochs", "20", *more, "--out", "whole").status == 0
    assert run("train", "two.csv", "--epochs", "20", *STOPPING).status == 0
    for arguments in ([], ["--epochs", "99"], ["--early-stopping", "6"]):
        done = run("train", "--resume", "run", *arguments)
        message = "run: the training stopped early, after 9 epochs; add --early-stopping 12, which"
        assert (done.status, message in done.err) == (2, True)
    assert run("train", "--resume", "run", "--early-stopping", "8").status == 0
    assert [*contents("run").values()] == [*contents("whole").values()]


def test_a_training_is_resumed_from_another_folder(run, monkeypatch):
    Path("two.csv").write_text(CSV["good.csv"])
    assert interrupt(run, "two.csv", "--epochs", "9", "--out", "out/run").status == 130
    monkeypatch.chdir("out")
    Path("two.csv").write_text("x,y\n1,2\n2,4\n3,5\n4,8\n5,9\n")  # another file of that name
    assert interrupt(run, "--resume", "run", epoch=8).status == 130
    Path("run").rename("../moved")
    monkeypatch.chdir("..")
    assert run("train", "--resume", "moved").status == 0
    assert files("moved") == FILES


def test_a_training_and_its_data_may_be_moved_together(run, monkeypatch):
    Path("old").mkdir()
    monkeypatch.chdir("old")
    Path("two.csv").write_text(CSV["good.csv"])
    assert interrupt(run, "two.csv", "--epochs", "9").status == 130
    monkeypatch.chdir("..")
    Path("old").rename("new")
    monkeypatch.chdir("new")
    assert interrupt(run, "--resume", "run", epoch=8).status == 130
    assert run("train", "--resume", "run").status == 0


@pytest.mark.parametrize("name", ["model.json", "history.csv"])
def test_what_cannot_be_written_loses_no_training(run, name):
    Path("two.csv").write_text(CSV["good.csv"])
    assert interrupt(run, "two.csv", "--epochs", "9").status == 130
    Path("run", name).unlink()
    Path("run", name).mkdir()  # where no file can be put
    done = run("train", "--resume", "run")
    assert done.status == 2
    assert f"run/{name}" in done.err
    assert ".part" not in done.err
    assert Path("run/checkpoint.json").exists()
    assert name == "model.json" or load("run/model.json")
    Path("run", name).rmdir()
    assert run("train", "--resume", "run").status == 0
    assert files("run") == FILES


def test_a_training_that_ends_while_it_draws_is_completed_by_resume(run):
    Path("two.csv").write_text(CSV["good.csv"])
    arguments = ["two.csv", "--epochs", "2", "--checkpoint-seconds", "0"]
    assert run("train", *arguments, "--out", "whole").status == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("micrograd_gd.cli.run._draw", Mock(side_effect=KeyboardInterrupt))
        assert run("train", *arguments).status == 130
    assert files("run") == ["checkpoint.json", "history.csv", "model.json"]
    assert run("train", "--resume", "run").status == 0
    assert [*contents("run").values()] == [*contents("whole").values()]


def test_an_interrupted_training_is_not_overwritten(run):
    Path("two.csv").write_text(CSV["good.csv"])
    assert interrupt(run, "two.csv", "--epochs", "9").status == 130
    before = Path("run/checkpoint.json").read_bytes()
    done = run("train", "two.csv")
    assert (done.status, done.out) == (2, "")
    expected = "an interrupted training is in run: go on with it by --resume run, choose another"
    assert expected in done.err
    assert Path("run/checkpoint.json").read_bytes() == before
    assert run("train", "two.csv", *QUICK, "--force").status == 0
    assert files("run") == FILES


def test_two_trainings_in_one_folder_the_second_is_told(run, launch, tmp_path):
    program = launch("train", "iris", "--epochs", "100000", "--out", "run")
    while not (tmp_path / "run" / "checkpoint.json").exists():
        assert program.poll() is None
        time.sleep(0.02)
    for arguments in (["demo", "--out", "run"], ["train", "--resume", "run"]):
        done = run(*arguments)
        assert (done.status, done.out) == (2, "")
        assert "another training is running in run; wait for its end, or choose" in done.err
    program.kill()
    program.wait()
    assert run("train", "--resume", "run", "--checkpoint-seconds", "-1").status == 2


def contents(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def finished(folder="run"):
    """What a training left, so that another one could pass for it."""
    Path(folder).mkdir()
    for name in FILES:
        Path(folder, name).write_text("old")


# Commands that write: what they write to by default, and what they do there next.
OUTPUTS = [
    (["train", "two.csv", "--epochs", "1"], "run", "run-2"),
    (["graph", "a*b", "--at", "a=1,b=2"], "graph.svg", "graph-2.svg"),
    (["descend", "x**2", "--max-steps", "2"], None, None),
    (["find-lr", "two.csv", "--largest", "1e-5"], None, None),
]


@pytest.mark.parametrize(("command", "place", "following"), OUTPUTS)
def test_nothing_is_overwritten_unless_that_is_asked_for(command, place, following, run):
    Path("two.csv").write_text(CSV["good.csv"])
    if place == "run":
        finished()
    else:
        Path(place or "picture.svg").write_text("old")
    before = contents(".")
    if place:
        done = run(*command)
        assert (done.status, f" {following}" in done.out) == (0, True)
        assert before.items() < contents(".").items()
    place = place or "picture.svg"
    before = contents(".")
    done = run(*command, "--out", place)
    assert (done.status, done.out, contents(".")) == (2, "", before)
    assert " is there already; choose another --out, or add --force\n" in done.err
    assert run(*command, "--out", place, "--force").status == 0
    assert b"old" not in contents(".").values()
    assert before.keys() == contents(".").keys()


@pytest.mark.parametrize("options", [[], ["--force"], ["--out", "run", "--force"]])
def test_a_training_that_diverges_leaves_an_earlier_one_as_it_is(options, run):
    Path("two.csv").write_text(CSV["good.csv"])
    finished()
    before = contents(".")
    done = run("train", "two.csv", *QUICK, "--activation", "log", *options)
    assert done.status == 1
    assert "wrote into run-2: history.csv\n" in done.out
    assert files("run-2") == ["history.csv"]
    assert before.items() < contents(".").items()


@pytest.mark.parametrize("place", [".", "run", "run/..", "a.b"])
def test_a_training_that_diverges_leaves_what_is_there_in_any_folder(place, run):
    Path("two.csv").write_text(CSV["good.csv"])
    for folder in ("run", place):
        Path(folder).mkdir(exist_ok=True)
    (Path(place) / "model.json").write_text("old")
    before = contents(".")
    done = run("train", "two.csv", *QUICK, "--activation", "log", "--out", place, "--force")
    following = {"run/..": "run/../run-2", "a.b": "a-2.b"}.get(place, "run-2")
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert f"wrote into {following}: history.csv\n" in done.out
    assert files(following) == ["history.csv"]
    assert before.items() < contents(".").items()


def test_a_training_that_diverges_once_it_is_resumed_leaves_the_model_of_its_interruption(run):
    Path("two.csv").write_text(CSV["good.csv"])
    interrupt(run, "two.csv", "--epochs", "9")
    checkpoint(lambda c: c["arrays"].update(parameters=[1e308] * len(c["arrays"]["parameters"])))
    before = contents("run")
    done = run("train", "--resume", "run")
    assert done.status == 1
    assert files("run") == FILES[:5]
    after = contents("run")
    kept = [Path("run", name) for name in ("model.json", "graph.svg")]
    assert [after[path] for path in kept] == [before[path] for path in kept]


def test_what_a_training_did_not_write_stays(run):
    Path("two.csv").write_text(CSV["good.csv"])
    Path("notes.txt").write_text("mine")
    Path(".model.json.7.part").write_text("mine")
    for options in ([*QUICK, "--activation", "log"], [*QUICK, "--force"]):
        run("train", "two.csv", "--out", ".", *options)
        assert Path("notes.txt").read_text() == Path(".model.json.7.part").read_text() == "mine"
    assert files(".") == [".model.json.7.part", *FILES[:4], "notes.txt", *FILES[4:], "two.csv"]
    Path("graph.svg").write_text("mine")
    assert run("train", "two.csv", "--out", ".", *QUICK).status == 2
    assert Path("graph.svg").read_text() == "mine"


def checkpoint(change):
    path = Path("run/checkpoint.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


RESUME = [
    ("train --resume run --seed 1", None, "--seed beside --resume, which goes on with the data"),
    ("train iris --resume run", None, "DATA beside --resume"),
    ("train --resume none", None, "none: no training to go on with; expected checkpoint.json or"),
    (
        "train --resume run --early-stopping 3",
        None,
        "--early-stopping is 3, and the training began w",
    ),
    ("train --resume out", None, "out: no training to go on with; expected checkpoint.json or tr"),
    ("train --resume run", lambda c: c.update(about={}), "no checkpoint of train ('reading'); exp"),
    ("train --resume run", lambda c: c["about"].update(settings=3), "no checkpoint of train ("),
    (
        "train --resume run",
        lambda c: c["about"]["settings"].update(epochs="many"),
        "no checkpoint of train (epochs is 'many'); expected one that train wrote",
    ),
    (
        "train --resume run",
        lambda c: c["about"]["settings"].update(hidden=[10**9, 10**9]),
        "parameters, and 1,000,000 are as many as",
    ),
    (
        "train --resume run",
        lambda c: c["about"].update(digest=""),
        "two.csv: the data is not what the training began with; expected the same rows",
    ),
    ("train --resume run", lambda c: c["about"].update(data=["x"]), "a column is ['x']"),
    ("train --resume run", lambda c: c.update(format="x"), "JSON of another kind"),
    (
        "train --resume run",
        lambda c: c["about"]["settings"].update(hidden=[5]),
        "parameters is [",
    ),
]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("command", "change", "message"), RESUME)
def test_what_cannot_be_resumed_is_one_clear_line(command, change, message, run):
    Path("two.csv").write_text(CSV["good.csv"])
    Path("out").mkdir()
    interrupt(run, "two.csv", "--epochs", "9")
    if change is not None:
        checkpoint(change)
    done = run(*command.split())
    assert done.status == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert "checkpoint.json" in files("run")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a signal of POSIX")
def test_a_training_that_is_killed_while_it_saves_loses_nothing():
    import kill_saves

    killed, _, compared = kill_saves.compare(kills=1, epochs=80, most=1)
    assert killed == 1
    assert compared == FILES


# Find a learning rate.


@pytest.mark.usefixtures("undrawn")
def test_find_lr_suggests_a_rate_that_trains(run):
    done = run("find-lr", "iris", "--hidden", "3")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(
        "MLP(4 -> 3 relu -> 3 linear, 27 parameters), cross_entropy of 114 rows of iris, "
        "batches of 16\n"
    )
    suggestion = float(re.search(r"^suggestion +([0-9.]+),", done.out, re.MULTILINE)[1])
    critical = float(re.search(r"^critical rate +([0-9.]+) at", done.out, re.MULTILINE)[1])
    assert critical / 100 < suggestion < critical
    options = ["--hidden", "3", "--epochs", "60", "--learning-rate", suggestion]
    trained = run("train", "iris", *options)
    assert float(table(trained.out)["accuracy"][0].removesuffix(" %")) > 90
    assert files(".") == ["run"]


def test_find_lr_says_what_is_wrong(run):
    for arguments, message in [
        (["none.csv"], "none.csv: no such file"),
        (["iris", "--smallest", "0"], "--smallest is 0; expected a finite number above 0"),
        (["iris", "--smallest", "1e9", "--largest", "1e10"], "no rate"),
        (["iris", "--hidden", "x"], "--hidden is 'x'"),
    ]:
        done = run("find-lr", *arguments)
        assert (done.status, done.err.count("\n")) == (2, 1)
        assert message in done.err


# Descend.


def test_descend_finds_the_minimum_of_a_formula(run):
    done = run("descend", "x**4 - 3*x**3 + 2", "--start", "x=4", "--learning-rate", "0.01")
    assert (done.status, done.err) == (0, "")
    head, first, second, *_ = done.out.splitlines()
    assert head.split() == ["step", "x", "value", "slope"]
    assert first.split() == ["0", "4", "66", "112"]
    assert second.split()[:2] == ["1", "2.88"]
    assert re.search(r"^converged +the ground is level after 71 steps", done.out, re.MULTILINE)
    assert float(re.search(r"^local minimum +x = (.*)$", done.out, re.MULTILINE)[1]) == (
        pytest.approx(9 / 4, abs=1e-6)
    )
    assert "critical: 0.09877 here" in done.out  # 2 / f″(9/4), f″ = 12 x² - 18 x
    assert files(".") == []


def test_descend_takes_any_number_of_names_and_draws_a_random_start(run):
    arguments = ["descend", "(a - 1)**2 + (b + a)**2", "--between", "-3", "3"]
    done = run(*arguments)
    assert run(*arguments).out == done.out != run(*arguments, "--seed", "1").out
    assert re.search(r"^local minimum +a = 1\.?0*\d*|a = 0\.9999", done.out, re.MULTILINE)
    start = [float(x) for x in done.out.splitlines()[1].split()[1:3]]
    assert all(-3 <= x <= 3 for x in start)
    given = run(*arguments, "--start", "b=2.5").out.splitlines()[1].split()
    assert float(given[2]) == 2.5


def test_descend_and_find_lr_draw_what_they_found(run):
    done = run("descend", "(x-3)**2", "--start", "x=0", "--out", "way.svg")
    assert done.out.count("wrote way.svg\n") == 1
    assert "steps" in Path("way.svg").read_text()
    done = run("find-lr", "iris", "--hidden", "2", "-o", "rates.svg")
    assert done.out.endswith("wrote rates.svg\n")
    assert "learning rate" in Path("rates.svg").read_text()
    assert run("descend", "x**2", "--out", "way.txt").status == 2


def test_descend_writes_a_page_to_descend_on_by_hand(run):
    done = run("descend", "(x-3)**2", "--start", "x=0", "--page", "by-hand.html")
    assert done.status == 0
    assert done.out.startswith("wrote by-hand.html\n")
    assert '"start": {"x": 0.0}' in Path("by-hand.html").read_text()
    assert run("descend", "(x-3)**2", "--page", "by-hand.html").status == 2
    assert run("descend", "a*b*c", "--page", "other.html").status == 2


@pytest.mark.parametrize(
    ("rate", "word", "status"),
    [("0.001", "max steps", 0), ("0.5", "converged", 0), ("1", "oscillating", 0)],
)
def test_descend_names_the_regime(run, rate, word, status):
    done = run(
        "descend", "(x-3)**2", "--start", "x=0", "--learning-rate", rate, "--max-steps", "50"
    )
    assert done.status == status
    assert re.search(rf"^{word}  ", done.out, re.MULTILINE)


def test_descend_that_diverges_is_status_1(run):
    done = run(
        "descend", "(x-3)**2", "--start", "x=0", "--learning-rate", "1.1", "--max-steps", "50"
    )
    assert done.status == 1
    assert done.err == (
        "micrograd-gd: diverged: the value grew from 9 to 7.45362e+08 in 50 steps: "
        "try a smaller learning rate\n"
    )
    done = run("descend", "log(x)", "--start", "x=-1")
    assert done.err == "micrograd-gd: diverged: the value is nan at the start: log(-1.0) is nan\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x**2", "--start", "y=1"], "--start names 'y'; the names are x"),
        (["x**2", "--start", "x=one"], "--start holds 'x=one'; expected a name and a number"),
        (["x**2", "--start", "x=nan"], "start is {'x': nan}; expected finite numbers"),
        (["x**2", "--learning-rate", "0"], "learning_rate is 0.0; expected a finite number above"),
        (["x**2", "--max-steps", "0"], "max_steps is 0; expected a whole number"),
        (["x**2", "--between", "1", "0"], "--between is 1 0; expected two numbers, lower one"),
        (["3"], "3 depends on no name; expected a formula"),
        (["x +"], "x +"),
    ],
)
def test_descend_says_what_is_wrong(run, arguments, message):
    done = run("descend", *arguments)
    assert (done.status, done.err.count("\n"), done.out) == (2, 1, "")
    assert message in done.err


def test_a_critical_rate_that_is_not_known_keeps_no_answer_back(run):
    done = run("descend", "abs(x)**1.5", "--start", "x=0")
    assert (done.status, done.err) == (0, "")
    assert "learning rate  0.1; critical: not known here\n" in done.out


def test_a_formula_may_call_its_name_self(run):
    assert "local minimum  self = " in run("descend", "self**2", "--start", "self=1").out


def test_no_place_in_the_program_is_told_of(run):
    done = run("descend", "sqrt(x)", "--start", "x=0")
    assert done.status == 1
    assert done.err.endswith("its partial inf for 0.0 is inf\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--largest", "inf"], "largest is inf; expected a finite number above 0"),
        (["--smallest", "1e-300", "--largest", "1e300"], "are too far apart: expected less than"),
    ],
)
def test_rates_beyond_all_floats_are_one_clear_line(run, arguments, message):
    done = run("find-lr", "iris", *arguments)
    assert done.status == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_the_time_between_checkpoints_is_checked_before_training(run):
    done = run("train", "iris", "--checkpoint-seconds", "-1")
    assert (done.status, done.out, files(".")) == (2, "", [])
    assert "seconds is -1.0; expected a finite number, at least 0" in done.err


@pytest.mark.parametrize("formula", ["-x**2", "x**3 - 1", "-exp(x)"])
def test_descend_says_that_a_formula_has_no_minimum(run, formula):
    done = run("descend", "--start", "x=-2" if "**3" in formula else "x=0.5", "--", formula)
    assert done.status == 1
    assert "unbounded: " in done.err
    assert "without end" in done.err
    assert "larger learning rate" not in done.err + done.out


@pytest.mark.parametrize(
    ("formula", "start", "word"),
    [
        ("x**4 - 2*x**2", "x=0.5", "local minimum"),
        ("x**4 - 2*x**2", "x=0", "level place"),
        ("x**3", "x=0.1", "level place"),
        ("x**2 - y**2", "x=1,y=0", "level place"),
    ],
)
def test_descend_says_what_kind_of_place_is_level(run, formula, start, word):
    done = run("descend", formula, "--start", start, "--max-steps", "100000")
    assert re.search(rf"^{word} +x = ", done.out, re.MULTILINE), done.out
