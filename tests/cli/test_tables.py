"""Everyday files are read as they are, and what is done with each column is said."""

import contextlib
import csv
import encodings.aliases
import gzip
import io
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import load
from micrograd_gd.data.csv_files import read_csv_file
from micrograd_gd.data.decisions import Reading, prepare
from micrograd_gd.data.recipe import Recipe
from micrograd_gd.errors import ArgumentError, DataError

pytestmark = pytest.mark.usefixtures("undrawn")

polars = pytest.importorskip("polars", reason="writes Parquet and Arrow")

QUICK = ["--epochs", "2", "--hidden", "2"]
CELLS = {  # what is put in place of the plain numbers of a column: what becomes of it
    "plain": (lambda i: f"{i / 4}", None),
    "thousands": (lambda i: f"1,{i:03}.50", None),
    "money": (lambda i: f"${i}", "read without its $"),
    "share": (lambda i: f"{i} %", "read without its %"),
    "gaps": (lambda i: ["", "NA", "nan", "?", f"{i}"][min(i % 8, 4)], "12 missing: filled with"),
    "flag": (lambda i: str(i % 3 == 0), "false and true read as 0 and 1"),
    "answer": (lambda i: "Yes" if i % 3 else "No", "no and yes read as 0 and 1"),
    "loss": (lambda i: f"({i},500)" if i % 2 else f"−{i}.5", None),
    "ticket": (lambda i: f"A/{i} {i}" if i % 8 else "512", "left out: text of 22 levels, more"),
    "short day": (lambda i: f"{i + 1:02}-Jan-24", "dates, read as days since 1970"),
    "hour": (lambda i: f"{i + 1}.01.2024 12:00", "dates, read as days since 1970"),
    "day": (lambda i: f"2024-01-{i + 1:02}", "dates, read as days since 1970"),
    "german day": (lambda i: f"{i + 1}.01.2024", "dates, read as days since 1970"),
    "city": (lambda i: ["Bonn", "Köln", "Ulm", ""][i % 4], "text, an input for each of 3 levels"),
    "note": (lambda i: f"note {i}", "left out: text of 24 levels, more than 20"),
    "constant": (lambda _: "7", "left out: the same in all rows"),
    "hollow": (lambda _: "", "left out: empty"),
    "customer_id": (lambda i: str(9000 - 7 * i), "left out: another whole number in each row"),
    "either day": (lambda i: f"{i % 12 + 1}/{i % 11 + 1}/2024", "left out: dates that may begin"),
}


def rows_of(*names, count=24):
    """A table of a plain column, of those of these names, and of labels."""
    labels = ["cat", "dog"]
    rows = [
        [f"{i * i % 7}.5", *(CELLS[name][0](i) for name in names), labels[i % 5 > 2]]
        for i in range(count)
    ]
    return [["size", *names, "kind"], *rows]


def text_of(rows, separator=","):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    return text.getvalue()


@pytest.fixture
def walk(run, monkeypatch):
    """Through `train`, `--resume`, `find-lr` and `predict`; what the first and the last said."""
    from test_cli import interrupt

    def walk(path, *options, piped=b""):
        def feed(*arguments):
            monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(piped)))
            return run(*arguments)

        for folder in ("run", "run-whole"):
            shutil.rmtree(folder, ignore_errors=True)
        short = ["--hidden", "2", "--epochs", "2"]
        whole = feed("train", path, *options, *short, "--out", "run-whole")
        assert whole.status == 0, whole.err
        assert interrupt(feed, path, *options, *short, epoch=1).status == 130
        assert feed("train", "--resume", "run").status == 0
        assert Path("run/model.json").read_bytes() == Path("run-whole/model.json").read_bytes()
        found = feed("find-lr", path, *options, "--hidden", "2", "--largest", "1e-5")
        table = whole.out.partition("data  ")[0]
        assert found.out.startswith(table)
        encoding = options if "--encoding" in options else []
        predicted = feed("predict", "run/model.json", path, *encoding, "--keep", "size")
        assert predicted.status == 0, predicted.err
        assert predicted.out.startswith("size,kind\n")
        return SimpleNamespace(table=table, answers=predicted.out.splitlines()[1:])

    return walk


def test_each_column_is_used_or_left_out_and_that_is_said(walk):
    Path("a.csv").write_text(text_of(rows_of(*CELLS)), encoding="utf-8")
    done = walk("a.csv")
    assert len(done.answers) == 24
    said = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.table.splitlines()[1:-1])
    assert [*said] == [name for name, (_, due) in CELLS.items() if due is not None]
    for name, text in said.items():
        assert text.startswith(CELLS[name][1])


def test_what_becomes_of_a_column_is_what_is_in_its_cells():
    """Each cell beside the number that it spells."""
    names = ("plain", "thousands", "money", "share", "flag", "answer", "loss", "short day", "hour")
    names += ("day", "german day")
    inputs = prepare(read("a.csv", rows_of(*names)), Reading()).dataset.inputs
    found = dict(zip(names, map(list, list(zip(*inputs, strict=True))[1:]), strict=True))
    days = [19723.0 + i for i in range(24)]  # since 1970, of January 2024
    assert found == {
        "plain": [i / 4 for i in range(24)],
        "thousands": [1000.5 + i for i in range(24)],
        "money": [*map(float, range(24))],
        "share": [*map(float, range(24))],
        "flag": [float(i % 3 == 0) for i in range(24)],
        "answer": [float(i % 3 != 0) for i in range(24)],
        "loss": [-1000.0 * i - 500 if i % 2 else -i - 0.5 for i in range(24)],
        "short day": days,
        "hour": [day + 0.5 for day in days],
        "day": days,
        "german day": days,
    }


def read(path, rows, separator=",", **how):
    """A file of these rows, as it is read."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / path
        place.write_text(text_of(rows, separator), encoding="utf-8")
        return read_csv_file(place, **how)


def test_gaps_are_filled_with_the_median_beside_an_input_that_says_so():
    rows = [["a", "c", "y"], ["1", "u", "2"], ["", "v", "3"], ["9", "", "5"], ["2", "u", "9.5"]]
    table = prepare(read("a.csv", rows), Reading())
    assert table.recipe.inputs == ("a", "a is missing", "c = u", "c = v", "c is missing")
    assert table.dataset.inputs == [
        [1.0, 0.0, 1.0, 0.0, 0.0],
        [2.0, 1.0, 0.0, 1.0, 0.0],
        [9.0, 0.0, 0.0, 0.0, 1.0],
        [2.0, 0.0, 1.0, 0.0, 0.0],
    ]
    dropped = prepare(read("a.csv", rows), Reading(missing="drop"))
    assert dropped.dataset.inputs == [[1.0, 1.0, 0.0], [2.0, 1.0, 0.0]]
    assert dropped.notes[0] == ("rows", "2 of 4 dropped, with a missing value")


FORMS = {
    "comma": lambda rows: text_of(rows).encode(),
    "semicolon": lambda rows: text_of(rows, ";").encode(),
    "tab": lambda rows: text_of(rows, "\t").encode(),
    "bar": lambda rows: text_of(rows, "|").encode(),
    "mark": lambda rows: text_of(rows).encode("utf-8-sig"),
    "UTF-16": lambda rows: text_of(rows).encode("utf-16"),
    "gzip": lambda rows: gzip.compress(text_of(rows, ";").encode()),
    "latin-1": lambda rows: text_of(rows).encode("latin-1"),
    "line of Excel": lambda rows: b"sep=;\r\n" + text_of(rows, ";").encode(),
    "separator at the end": lambda rows: text_of([[*row, ""] for row in rows]).encode(),
    "Parquet": lambda rows: columns_of(rows, "write_parquet"),
    "Arrow": lambda rows: columns_of(rows, "write_ipc"),
    "Arrow stream": lambda rows: columns_of(rows, "write_ipc_stream"),
}


def columns_of(rows, write):
    header, *rows = rows
    content = io.BytesIO()
    frame = polars.DataFrame([[*map(typed, row)] for row in rows], schema=header, orient="row")
    getattr(frame, write)(content)
    return content.getvalue()


def typed(text):
    try:
        return float(text)
    except ValueError:
        return text or None


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_any_form_gives_the_same_data(form, tmp_path, monkeypatch):
    rows = rows_of("city", "gaps", "plain")
    encoding = "latin-1" if form == "latin-1" else None
    (tmp_path / "a").write_bytes(FORMS[form](rows))
    expected = prepare(read("a.csv", rows), Reading())
    assert prepare(read_csv_file(tmp_path / "a", None, encoding), Reading()) == expected
    content = io.BytesIO((tmp_path / "a").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert prepare(read_csv_file("-", None, encoding), Reading()) == expected


@pytest.mark.parametrize("form", ["gzip", "Parquet", "Arrow", "Arrow stream"])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(form, data):
    content = bytearray(FORMS[form](rows_of("city")))
    place = data.draw(st.integers(6, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(content if place % 4 else content[:place])
        with contextlib.suppress(DataError):
            read_csv_file(path)


ENCODINGS = sorted({*encodings.aliases.aliases.values(), "undefined", "idna", "no", "\0"})


def test_an_encoding_or_a_separator_fits_or_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(text_of(rows_of("city")).encode())
    ways = [(None, encoding) for encoding in ENCODINGS]
    for way in [*ways, *((x, None) for x in ("", "no", '"', "\n", "\r", "\0", " ", "7"))]:
        try:
            assert read_csv_file(path, *way).rows
        except (ArgumentError, DataError) as error:
            assert "expected" in str(error)  # noqa: PT017 — many fit, as latin-1 does


@pytest.mark.parametrize("form", ["latin-1", "Parquet", "gzip"])
def test_a_file_of_another_form_goes_through_all_commands(form, walk):
    content = FORMS[form](rows_of("city", "gaps"))
    Path("a").write_bytes(content)
    walk("a", *(["--encoding", "latin-1"] if form == "latin-1" else []))
    if form == "gzip":
        walk("-", piped=content)


def test_a_decimal_comma_is_recognized_and_may_be_named(walk):
    rows = [[cell.replace(".", ",") for cell in row] for row in rows_of("plain")]
    Path("a.csv").write_text(text_of(rows, ";"))
    assert "plain   read with a decimal comma" in walk("a.csv").table
    ambiguous = [["a", "y"], ["1,500", "1"], ["2,250", "2"], ["3,125", "4"]]
    for decimal, first in (("auto", 1500.0), (",", 1.5)):
        table = prepare(read("a.csv", ambiguous, ";"), Reading(decimal=decimal, task="numbers"))
        assert table.dataset.inputs[0] == [first]


def test_an_index_without_a_name_and_rows_without_a_target_are_left_out(walk):
    header, *rows = rows_of("plain")
    rows = [["", *header], *([i, *row] for i, row in enumerate(rows))]
    rows[3][3], rows[8][3] = "", "NA"
    Path("a.csv").write_text(text_of(rows))
    done = walk("a.csv")
    assert "rows    2 of 24 dropped, with no target" in done.table
    assert "left out: another whole number in each row: it says which row" in done.table
    assert load("run/model.json").feature_names == ("size", "plain")
    assert len(done.answers) == 24  # one for each row all the same


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"drop": ("x",)}, ("size",)),
        ({"features": ("x", "id")}, ("x", "id")),  # what is named is wanted
        ({"features": ("x", "size")}, ("size", "x")),
    ],
)
def test_columns_are_chosen_by_option(options, names):
    _header, *rows = rows_of("plain")
    rows = [["size", "x", "kind", "id"], *([*row, 100 + i] for i, row in enumerate(rows))]
    assert prepare(read("a.csv", rows), Reading("kind", **options)).recipe.inputs == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ("kind",)}, "the target 'kind' is to be dropped; expected another --target"),
        ({"drop": ("size",)}, "no column is left beside the target; expected a feature: name"),
    ],
)
def test_columns_that_exclude_each_other_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        prepare(read("a.csv", rows_of()), Reading(**options))


def test_no_hidden_layer_and_no_test_part_give_the_perceptron_on_all_rows(run):
    Path("a.csv").write_text(text_of(rows_of("plain")))
    done = run("train", "a.csv", "--hidden", "none", "--test-fraction", "0", "--epochs", "3")
    assert (done.status, done.err) == (0, "")
    assert "MLP(2 -> 2 linear, 6 parameters), cross_entropy" in done.out
    assert re.search(
        r"^ +train\nrows +24\nloss .*\naccuracy .*\nbaseline +62.5 %$", done.out, re.MULTILINE
    )
    options = ["--target", "plain", "--features", "size", "--out", "two"]
    done = run("train", "a.csv", "--hidden", "none", "--epochs", "3", *options)
    assert "MLP(1 -> 1 linear, 2 parameters), mse" in done.out
    assert re.search(r"^baseline +1\.\d+ +1\.\d+$", done.out, re.MULTILINE)
    assert run("find-lr", "a.csv", "--hidden", "none", "--test-fraction", "0").status == 0


def test_outliers_and_lopsided_classes_are_said_before_training(run):
    header, *rows = rows_of("plain")
    rows[4][1] = "-1e9"
    table = prepare(read("a.csv", [header, *rows]), Reading("plain"))  # in the target, too
    assert "a.csv, line 6, column 'plain': '-1e9' is 3e+08 times what is" in table.warnings[0]
    rows = rows_of("plain", count=200)
    for row in rows[1:]:
        row[2] = "many"
    rows[7][1] = "1e12"
    rows[9][2] = "one"
    Path("a.csv").write_text(text_of(rows))
    done = run("train", "a.csv", *QUICK)
    assert done.status == 0
    outlier, rare, large = done.err.splitlines()
    assert "a.csv, line 8, column 'plain': '1e12' is 4e+10 times what is usual there" in outlier
    assert "one row only of 'one'" in rare
    assert "99.5 % of the rows are 'many': an accuracy of as much says nothing" in large


REFUSED = {
    "nearly numbers": (
        [["a", "y"], *([str(i), str(i / 3)] for i in range(9)), ["oops", "1"], ["7 kg", "2"]],
        (
            ", line 11, column 'a': the text 'oops' (also '7 kg' in line 12); expected a number "
            "such as 0, as in 9 of 11 cells: correct it, empty it where nothing is known, or --drop"
        ),
    ),
    "two units": (
        [["a", "y"], ["$5", "1"], ["$6", "2"], ["7", "3"]],
        ", line 4, column 'a': the text '7'; expected a number such as $5",
    ),
    "no header": (
        [
            ["24", "?", "x", "low"],
            *([str(i), "?", "xy"[i % 2], ["low", "top"][i % 2]] for i in range(9)),
        ],
        ", line 1: a header that looks like the rows, as '?' stands in one below it; expected",
    ),
    "a title above the header": (
        [["sizes of 2024"], ["a", "y"], ["1", "2"]],
        ", line 2: 2 cells; expected 1 for the columns 'sizes of 2024': remove what stands above",
    ),
    "names as target": (
        [["a", "y"], *([str(i % 4), f"name {i}"] for i in range(9))],
        ", column 'y': 9 classes in 9 rows; expected several rows of each: choose another target",
    ),
    "no target at all": (
        [["a", "y"], ["1", ""], ["2", "NA"]],
        ": all 2 rows have no target; expected some that are whole",
    ),
    "nothing to learn from": (
        [["a", "b", "y"], ["1", "", "1"], ["1", "", "2"]],
        ": no column is left to learn from ('a': the same in all rows; 'b': empty)",
    ),
}


@pytest.mark.parametrize(("rows", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_learned_from_is_refused(rows, message):
    with pytest.raises(DataError) as caught:
        prepare(read("a.csv", rows), Reading())
    assert f"a.csv{message}" in str(caught.value)


def test_predict_does_as_the_training_did_and_says_what_is_new(run):
    rows = rows_of("city")
    Path("a.csv").write_text(text_of(rows), encoding="utf-8")
    assert run("train", "a.csv", *QUICK).status == 0
    new = [["city", "id", "size"], ["Bonn", "k1", "1.5"], ["Rome", "k2", ""], ["", "k3", "2"]]
    Path("new.csv").write_text(text_of(new, ";"))
    command = ["predict", "run/model.json", "new.csv", "--keep", "id", "--probabilities"]
    done = run(*command)
    assert done.status == 0
    header, *answers = [*csv.reader(done.out.splitlines())]
    assert header == ["id", "kind", "probability of cat", "probability of dog"]
    assert [answer[0] for answer in answers] == ["k1", "k2", "k3"]
    for _, kind, cat, dog in answers:
        assert float(cat) + float(dog) == pytest.approx(1)
        assert (float(cat) > float(dog)) == (kind == "cat")
    assert "'size' is missing, and was filled, in 1 of 3 rows" in done.err
    assert "'city' holds a text that the training had not in 1 of 3 rows" in done.err
    assert run(*command, "--out", "answers.csv").out == ""
    assert Path("answers.csv").read_text() == done.out
    assert run(*command, "--out", "answers.csv").status == 2
    Path("new.csv").write_text("city,size,kind\nBonn,1,cat\nBonn,2,\nUlm,1,owl\n")
    beside = run("predict", "run/model.json", "new.csv")
    share = "50.0" if beside.out.splitlines()[1] == "cat" else "0.0"
    assert beside.err.endswith(f" accuracy {share} %, of 2 predictions beside kind in the file\n")
    Path("new.csv").write_text("city,size\nBonn,large\n")
    wrong = run("predict", "run/model.json", "new.csv")
    message = (
        "new.csv, line 2, column 'size': the text 'large'; expected a number, as in the training"
    )
    assert (wrong.status, message in wrong.err) == (2, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda columns: columns.clear(),
        lambda columns: columns.append(3),
        lambda columns: columns[0].update(kind="magic"),
        lambda columns: columns[0].update(fill="much"),
        lambda columns: columns[0].update(form=";"),
        lambda columns: columns[1].update(levels=[1, 2, 3]),
        lambda columns: columns[1].pop("kind"),
    ],
)
def test_a_recipe_that_was_tampered_with_is_refused(change):
    recipe = prepare(read("a.csv", rows_of("city")), Reading()).recipe
    entries = json.loads(json.dumps(recipe.to_json()))
    assert Recipe.from_json(entries) == recipe
    change(entries)
    with pytest.raises(ArgumentError, match=r"^(a column of )?the recipe is"):
        Recipe.from_json(entries)
