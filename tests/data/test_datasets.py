"""Data sets: what is generated, read, split and scaled is what was promised."""

import csv
import io
import math
import random
import re
import statistics
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd_gd import data
from micrograd_gd.data import Dataset, Scaling
from micrograd_gd.data.csv_files import parse_number
from micrograd_gd.errors import ArgumentError, DataError, NotANumberError, ShapeError

GENERATORS = [data.moons, data.circles, data.blobs, data.spiral]

finite = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e6, 1e6)
words = (
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
    .filter(lambda text: text == text.strip())
    .filter(lambda text: parse_number(text) is None)
    .filter(lambda text: not text.startswith("\ufeff"))
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("csv")


def write(folder, content):
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv_text(rows, line_end, quoting=csv.QUOTE_NONNUMERIC):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=line_end, quoting=quoting).writerows(rows)
    return out.getvalue()


@st.composite
def tables(draw, targets):
    names = draw(st.lists(words, min_size=2, max_size=5, unique=True))
    row = st.lists(finite, min_size=len(names) - 1, max_size=len(names) - 1)
    inputs = draw(st.lists(row, min_size=1, max_size=8))
    return names, inputs, draw(st.lists(targets, min_size=len(inputs), max_size=len(inputs)))


@st.composite
def datasets(draw):
    labels = draw(st.lists(st.integers(0, 3), min_size=2, max_size=60))
    inputs = [[float(index)] for index in range(len(labels))]
    return Dataset(inputs, labels, ("row",), "kind", ("a", "b", "c", "d"))


layouts = {
    "line_end": st.sampled_from(["\n", "\r\n", "\r"]),
    "quoting": st.sampled_from([csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL]),
    "mark": st.sampled_from([b"", b"\xef\xbb\xbf"]),
}


# What is written to a file is read back.


@given(table=tables(finite), **layouts)
def test_a_table_of_numbers_reads_back_equal(folder, table, line_end, quoting, mark):
    names, inputs, targets = table
    rows = [names, *([*row, y] for row, y in zip(inputs, targets, strict=True))]
    path = write(folder, mark + csv_text(rows, line_end, quoting).encode())
    expected = Dataset(inputs, targets, tuple(names[:-1]), names[-1], None)
    assert data.read_csv(path) == expected


@given(table=tables(words), **layouts)
def test_a_table_with_text_targets_reads_back_as_classes(folder, table, line_end, quoting, mark):
    names, inputs, targets = table
    rows = [names, *([*row, word] for row, word in zip(inputs, targets, strict=True))]
    got = data.read_csv(write(folder, mark + csv_text(rows, line_end, quoting).encode()))
    assert got.inputs == inputs
    assert got.class_names == tuple(sorted(set(targets)))
    assert [got.class_names[index] for index in got.targets] == targets


@given(table=tables(words), chance=st.randoms(use_true_random=False))
def test_features_are_found_in_any_order_and_other_columns_are_ignored(folder, table, chance):
    names, inputs, targets = table
    order = list(range(len(names)))
    chance.shuffle(order)
    rows = [names, *([*row, word] for row, word in zip(inputs, targets, strict=True))]
    path = write(folder, csv_text([[row[i] for i in order] for row in rows], "\n"))
    assert data.read_features(path, names[:-1]) == inputs


@given(
    texts=st.lists(st.text("a\n\r", min_size=1).map("x{}x".format), min_size=1, max_size=6),
    blank=st.integers(0, 3),
)
def test_an_error_names_the_true_line_below_quoted_line_ends(folder, texts, blank):
    above = csv_text([["note", "size", "kind"]] + [[text, 1, "k"] for text in texts], "\n")
    content = above + "\n" * blank + '"two\nlines",bad,k\n'
    line = 1 + content[: content.index("bad")].replace("\r\n", "\n").replace("\r", "\n").count("\n")
    with pytest.raises(DataError, match=rf"table\.csv, line {line}, column 'size': the text 'bad'"):
        data.read_features(write(folder, content), ["size"])


@given(content=st.binary(max_size=60) | st.text('ab,"\n\r1.; \t\0é', max_size=60))
def test_any_file_is_read_or_refused_with_its_name(folder, content):
    path = write(folder, content)
    try:
        got = data.read_csv(path)
    except DataError as error:
        message = str(error)
    else:
        message = f"{path}: finite numbers as expected"
        assert all(math.isfinite(x) for row in got.inputs for x in row)
    assert message.startswith(str(path))
    assert "expected" in message


def test_blank_lines_spaces_and_windows_line_ends_are_skipped(folder):
    path = write(folder, b'\r\n a , b\r\n\r\n 1 , 2 \r\n   \r\n3, "4"\r\n\r\n')
    assert data.read_csv(path) == Dataset([[1.0], [3.0]], [2.0, 4.0], ("a",), "b")


def test_spaces_around_a_class_name_make_no_other_class(folder):
    assert data.read_csv(write(folder, "a,b\n1,cat\n2, cat \n")).class_names == ("cat",)


def test_the_target_may_be_any_column(folder):
    got = data.read_csv(write(folder, "kind,x,y\ndog,1,2\ncat,3,4\n"), target="kind")
    assert got == Dataset([[1, 2], [3, 4]], [1, 0], ("x", "y"), "kind", ("cat", "dog"))


def test_numbers_are_classes_on_request_in_order_of_size(folder):
    path = write(folder, "x,digit\n0,10\n0,9\n0,9.0\n0,-0.0\n0,0\n")
    assert data.read_csv(path).class_names is None
    got = data.read_csv(path, classes=True)
    assert got.class_names == ("0", "9", "10")
    assert got.targets == [2, 1, 1, 0, 0]


def test_a_mixture_is_classes_only_on_request(folder):
    path = write(folder, "x,floor\n0,2\n0,cellar\n0,1\n")
    assert data.read_csv(path, classes=True).class_names == ("1", "2", "cellar")


# What cannot be read is refused with file, line, column, what came, what was due, and a remedy.

REFUSED = {
    "empty": ("", ": the file is empty; expected a header row and rows of numbers below it"),
    "blank": ("\n  \n", ": the file is empty; expected a header row"),
    "header only": (
        "\na,b\n",
        ", line 2: nothing below the header 'a', 'b'; expected rows of numbers: add some",
    ),
    "no header": (
        "5.1,3.5,setosa\n4.9,3.0,setosa\n",
        (
            ", line 1: the number '5.1' in the header; expected column names: "
            "add a first row with a name for each column"
        ),
    ),
    "whole numbers for a header": ("1,2\n3,4\n", ", line 1: the number '1' in the header"),
    "empty name": (
        "a,,b\n1,2,3\n",
        ", line 1, column 2: an empty column name; expected a name: add one, or remove the column",
    ),
    "double name": (
        "a,b, a\n1,2,3\n",
        (
            ", line 1, column 3: the name 'a' again, as in column 1; "
            "expected different names: rename one"
        ),
    ),
    "one column": (
        "a:b\n1:2\n",
        (
            ", line 1: the single column 'a:b'; expected a feature and the target: "
            "separate columns by commas"
        ),
    ),
    "text": (
        "a,b\n1,2\nhigh,2\n",
        (
            ", line 3, column 'a': the text 'high'; expected a number such as 5.1: "
            "correct it, or drop the column, or make it the target"
        ),
    ),
    "decimal comma": ('a,b\n"1,5",2\n', ", line 2, column 'a': the text '1,5'; expected a number"),
    "underscore": ("a,b\n1_000,2\n", ", line 2, column 'a': the text '1_000'; expected a number"),
    "empty cell": (
        "a,b\n1,2\n , 2\n",
        ", line 3, column 'a': an empty cell; expected a value: fill it in",
    ),
    "empty target": ("a,b\n1,2\n1,\n", ", line 3, column 'b': an empty cell; expected a value"),
    "nan": (
        "a,b\nNaN,2\n",
        ", line 2, column 'a': 'NaN'; expected a finite number: fill it in or drop the row",
    ),
    "infinity": ("a,b\n1,-inf\n", ", line 2, column 'b': '-inf'; expected a finite number"),
    "overflow": ("a,b\n1e999,2\n", ", line 2, column 'a': '1e999'; expected a finite number"),
    "short row": (
        "a,b,c\n1,2,3\n1,2\n",
        (
            ", line 3: 2 cells; expected 3 for the columns 'a', 'b', 'c': "
            "add or remove cells, and put quotes around one that holds a comma"
        ),
    ),
    "long row": ("a,b\n\n1,2,3\n", ", line 3: 3 cells; expected 2 for the columns 'a', 'b'"),
    "open quote": (
        'a,b\n1,"2\n3,4\n',
        (
            ", line 2: no valid CSV (unexpected end of data); expected cells separated by commas, "
            "with every quote closed: correct the row that begins here"
        ),
    ),
    "Latin-1": (
        "a,b\n1,caf\xe9\n".encode("latin-1"),
        (
            ", line 2: the byte 0xe9; expected text in UTF-8: "
            "name the file's encoding, as by --encoding latin-1; save a spreadsheet as CSV first"
        ),
    ),
    "no mark": (b"a,b\n\xff,1\n", ", line 2: the byte 0xff; expected text in UTF-8"),
    "binary": (b"a,b\n1,\0\n", ", line 2: binary data; expected text in UTF-8"),
    "one word among numbers": (
        "a,b\n1,2\n1,3\n1,oops\n",
        (
            ", line 4, column 'b': 'oops', while 2 of 3 cells of this column are numbers; "
            "expected a number: correct it, or pass classes=True"
        ),
    ),
    "one number among words": (
        "a,b\n1,cat\n1,7\n1,dog\n",
        (
            ", line 3, column 'b': '7', while 1 of 3 cells of this column are numbers; "
            "expected text: correct it, or pass classes=True"
        ),
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_faulty_file_is_refused(folder, content, message):
    path = write(folder, content)
    with pytest.raises(DataError, match="^" + re.escape(f"{path}{message}")):
        data.read_csv(path)


def test_classes_false_demands_numbers(folder):
    path = write(folder, "a,b\n1,cat\n")
    with pytest.raises(DataError, match=r"line 2, column 'b': the text 'cat'; expected a number"):
        data.read_csv(path, classes=False)


def test_nan_is_no_class(folder):
    path = write(folder, "a,b\n1,cat\n1,nan\n")
    with pytest.raises(DataError, match=r"line 3, column 'b': 'nan'; expected a finite number"):
        data.read_csv(path, classes=True)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Species", "did you mean 'species'?"),
        ("SPECIE", "did you mean 'species'?"),
        ("price", "name one of these, or a file that has it"),
        ("qqq", "name one of these, or a file that has it"),
    ],
)
def test_an_unknown_column_is_answered_with_the_columns_there_are(folder, name, remedy):
    path = write(folder, "\nsize,species\n1,cat\n")
    message = f"{path}, line 2: no column '{name}'; expected one of 'size', 'species': {remedy}"
    with pytest.raises(DataError, match=re.escape(message)):
        data.read_csv(path, target=name)
    with pytest.raises(DataError, match=re.escape(message)):
        data.read_features(path, ["size", name])


def test_a_missing_file_is_looked_for_in_the_working_folder():
    message = (
        f"none.csv: no such file; expected a CSV file: check the name, as seen from {Path.cwd()}"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        data.read_csv("none.csv")


def test_a_folder_is_no_file(tmp_path):
    message = f"{tmp_path}: a folder; expected a CSV file: name a file inside of it"
    with pytest.raises(DataError, match=re.escape(message)):
        data.read_csv(tmp_path)


@pytest.mark.parametrize("name", ["a\0b.csv", "n" * 5000])
def test_a_path_that_cannot_be_opened_is_refused(name):
    message = r"cannot be read \(.+\); expected a readable CSV file: check its permissions"
    with pytest.raises(DataError, match=message):
        data.read_csv(name)


@pytest.mark.parametrize("names", [[], "size"])
def test_feature_names_are_a_list(folder, names):
    message = f"feature_names is {names!r}; expected a list of column names"
    with pytest.raises(ArgumentError, match=re.escape(message)):
        data.read_features(write(folder, "size\n1\n"), names)


def test_a_single_column_is_enough_to_predict_from(folder):
    assert data.read_features(write(folder, "size\n1\n\n2\n"), ["size"]) == [[1.0], [2.0]]


# Iris is the published table.


def test_iris_has_150_flowers_50_of_each_species():
    flowers = data.iris()
    assert len(flowers) == 150
    assert flowers.feature_names == ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert flowers.target_name == "species"
    assert flowers.class_names == ("setosa", "versicolor", "virginica")
    assert flowers.targets == [0] * 50 + [1] * 50 + [2] * 50


def test_iris_has_the_published_moments():
    scaling = data.standardize(data.iris().inputs)
    assert [round(mean, 6) for mean in scaling.mean] == [5.843333, 3.057333, 3.758, 1.199333]
    assert [round(scale, 6) for scale in scaling.scale] == [0.825301, 0.434411, 1.759404, 0.759693]


def test_iris_follows_fisher_where_the_uci_copy_does_not():
    inputs = data.iris().inputs
    assert inputs[34] == [4.9, 3.1, 1.5, 0.2]
    assert inputs[37] == [4.9, 3.6, 1.4, 0.1]


def test_iris_is_a_new_copy_each_time():
    data.iris().inputs[0][0] = 99.0
    assert data.iris().inputs[0] == [5.1, 3.5, 1.4, 0.2]


# Generated points are reproducible and lie where the formulas say; 1e-12 is rounding of sines.


@pytest.mark.parametrize("generate", GENERATORS)
@given(n=st.integers(1, 40), noise=st.floats(0, 10), seed=st.integers())
def test_a_seed_gives_the_same_points_whatever_the_global_state(generate, n, noise, seed):
    random.seed(1)
    state = random.getstate()
    first = generate(n, noise=noise, seed=seed)
    assert random.getstate() == state
    random.seed(2)
    assert generate(n, noise=noise, seed=seed) == first


@pytest.mark.parametrize("generate", GENERATORS)
@given(n=st.integers(1, 40))
def test_classes_share_the_points_evenly(generate, n):
    points = generate(n, seed=0)
    counts = [points.targets.count(label) for label in range(len(points.class_names))]
    assert len(points) == sum(counts) == n
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("generate", GENERATORS)
def test_seeds_differ_and_no_seed_is_new_each_time(generate):
    assert generate(seed=0).inputs != generate(seed=1).inputs
    assert generate().inputs != generate().inputs


@pytest.mark.parametrize("generate", GENERATORS)
def test_rows_come_in_shuffled_order(generate):
    targets = generate(100, seed=0).targets
    assert targets != sorted(targets)
    assert len(set(targets[:20])) == len(set(targets))


def test_moons_without_noise_are_half_circles():
    for (x, y), label in zip(*data.moons(50, noise=0, seed=0), strict=True):
        center = (1.0, 0.5) if label else (0.0, 0.0)
        assert math.dist((x, y), center) == pytest.approx(1, abs=1e-12)
        assert (y < 0.5) if label else (y > 0)


def test_circles_without_noise_have_their_radii():
    for point, label in zip(*data.circles(50, noise=0, factor=0.25, seed=0), strict=True):
        assert math.hypot(*point) == pytest.approx(0.25 if label else 1, abs=1e-12)


def test_spiral_arms_without_noise_turn_with_the_radius():
    for (x, y), label in zip(*data.spiral(60, classes=3, noise=0, seed=0), strict=True):
        radius = math.hypot(x, y)
        assert 0 < radius < 1
        turns = math.atan2(y, x) / (2 * math.pi) - label / 3 - 0.75 * radius
        assert turns == pytest.approx(round(turns), abs=1e-12)


def test_blobs_lie_around_their_centers():
    centers = [[0.0, 100.0, -3.0], [50.0, 0.0, 7.0]]
    assert sorted(data.blobs(2, centers, noise=0).inputs) == centers
    inputs, targets = data.blobs(2000, centers, noise=2.0, seed=0)
    for label, center in enumerate(centers):
        cloud = [row for row, target in zip(inputs, targets, strict=True) if target == label]
        scaling = data.standardize(cloud)
        # Five standard errors of a mean and of a deviation over 1000 points.
        assert scaling.mean == pytest.approx(center, abs=5 * 2 / math.sqrt(1000))
        assert scaling.scale == pytest.approx([2.0] * 3, abs=5 * 2 / math.sqrt(2000))


def test_counted_blobs_spread_over_a_circle():
    inputs, targets = data.blobs(4, centers=4, noise=0, seed=0)
    place = dict(zip(targets, inputs, strict=True))
    for label, center in enumerate([[5, 0], [0, 5], [-5, 0], [0, -5]]):
        assert place[label] == pytest.approx(center, abs=1e-12)


@pytest.mark.parametrize("generate", GENERATORS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; expected a whole number, at least 1"),
        ({"n": 2.5}, "n is 2.5; expected a whole number, at least 1"),
        ({"noise": -0.1}, "noise is -0.1; expected a finite number, at least 0"),
        ({"noise": math.nan}, "noise is nan; expected a finite number, at least 0"),
        ({"seed": "zero"}, "seed is 'zero'; expected a whole number, a random.Random or None"),
    ],
)
def test_generators_refuse_what_makes_no_points(generate, arguments, message):
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        generate(**arguments)


@pytest.mark.parametrize("generate", GENERATORS)
def test_generators_refuse_a_noise_that_is_no_number(generate):
    with pytest.raises(NotANumberError, match=r"noise must be one real number, .* str 'low'"):
        generate(noise="low")


@pytest.mark.parametrize(
    ("generate", "message"),
    [
        (lambda: data.circles(factor=1), "factor is 1; expected a number between 0 and 1"),
        (lambda: data.spiral(classes=0), "classes is 0; expected a whole number, at least 1"),
        (lambda: data.blobs(centers=0), "centers is 0; expected a whole number, at least 1"),
        (lambda: data.blobs(centers=[]), "centers is []; expected at least one row of numbers"),
        (lambda: data.blobs(centers=2.5), "centers is 2.5; expected at least one row of numbers"),
        (
            lambda: data.blobs(centers=[[0.0, math.inf]]),
            "row 0 of centers holds inf; expected finite numbers",
        ),
    ],
)
def test_shapes_refuse_what_they_cannot_draw(generate, message):
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        generate()


def test_centers_have_one_dimension():
    with pytest.raises(ShapeError, match=r"^row 1 has 1 columns; expected 2$"):
        data.blobs(centers=[[0.0, 1.0], [2.0]])


# A split is a partition that keeps the shares of the classes.


@given(dataset=datasets(), fraction=st.floats(0.01, 0.99), seed=st.integers())
def test_a_split_is_a_reproducible_stratified_partition(dataset, fraction, seed):
    counts = Counter(dataset.targets)
    assume(max(counts.values()) >= 2)
    train, test = parts = data.train_test_split(dataset, fraction, seed)
    rows = [(row[0], target) for part in parts for row, target in zip(*part, strict=True)]
    assert sorted(rows) == [(float(row), label) for row, label in enumerate(dataset.targets)]
    for label, count in counts.items():
        tested = test.targets.count(label)
        if count == 1:
            assert tested == 0
        else:
            assert 1 <= tested <= count - 1
            assert abs(tested - fraction * count) <= 1
    for part in parts:
        assert (part.feature_names, part.target_name) == (("row",), "kind")
        assert part.class_names == dataset.class_names
    assert data.train_test_split(dataset, fraction, seed) == (train, test)


@given(n=st.integers(2, 60), fraction=st.floats(0.3, 0.7), seed=st.integers())
def test_numbers_are_split_by_count(n, fraction, seed):
    dataset = Dataset([[float(row)] for row in range(n)], [0.5] * n, ("row",))
    train, test = data.train_test_split(dataset, fraction, seed)
    assert len(test) == round(fraction * n)
    assert sorted(train.inputs + test.inputs) == dataset.inputs


def test_a_split_does_not_share_rows_with_the_whole():
    flowers = data.iris()
    train, test = data.train_test_split(flowers)
    train.inputs[0][0] = test.inputs[0][0] = 99.0
    assert flowers == data.iris()


def test_another_seed_and_no_seed_split_otherwise():
    flowers = data.iris()
    random.seed(0)
    assert data.train_test_split(flowers) == data.train_test_split(flowers, seed=random.Random(0))
    assert data.train_test_split(flowers, seed=1) != data.train_test_split(flowers, seed=0)
    assert data.train_test_split(flowers, seed=None) != data.train_test_split(flowers, seed=None)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, math.nan, "half"])
def test_a_fraction_lies_between_0_and_1(fraction):
    message = f"test_fraction is {fraction!r}; expected a number between 0 and 1"
    with pytest.raises(ArgumentError, match=re.escape(message)):
        data.train_test_split(data.iris(), fraction)


@pytest.mark.parametrize(
    ("targets", "names", "fraction", "part"),
    [
        ([0.5, 0.5], None, 0.1, "test"),
        ([0.5, 0.5], None, 0.9, "training"),
        ([0, 1], ("a", "b"), 0.5, "test"),
    ],
)
def test_an_empty_part_is_refused(targets, names, fraction, part):
    dataset = Dataset([[1.0], [2.0]], targets, ("x",), "y", names)
    message = (
        f"test_fraction {fraction} leaves the {part} part of 2 rows empty; "
        "expected a fraction and rows enough to give each part at least one"
    )
    with pytest.raises(ArgumentError, match=f"^{message}$"):
        data.train_test_split(dataset, fraction)


# Scaled columns have mean 0 and standard deviation 1.


def exact_moments(column):
    numbers = [Fraction(x) for x in column]
    mean = sum(numbers) / len(numbers)
    return mean, sum((x - mean) ** 2 for x in numbers) / len(numbers)


@given(
    column=st.lists(moderate, min_size=2, max_size=30),
    offset=st.sampled_from([0.0, 1.0, 1e9, -1e15]),
)
def test_standardize_matches_exact_moments(column, offset):
    column = [x + offset for x in column]
    mean, variance = exact_moments(column)
    scaling = data.standardize([[x] for x in column])
    if variance == 0:
        assert scaling == Scaling((column[0],), (1.0,))
        return
    # Rounding the mean moves every deviation by up to a unit in the last place of the data.
    rounding = math.ulp(max(map(abs, column)))
    nearest = pytest.approx(float(mean), rel=2**-52, abs=1e-320)  # two roundings; subnormals
    assert scaling.mean[0] == nearest
    deviation = statistics.pstdev(column)  # rounds the exact root once
    assert scaling.scale[0] == pytest.approx(deviation, rel=1e-14, abs=rounding)  # see above
    assume(deviation > 1e6 * rounding)  # otherwise the mean as a float is too coarse
    scaled_mean, scaled_variance = exact_moments(z for (z,) in scaling([[x] for x in column]))
    tolerance = 4 * rounding / deviation + 1e-15 * len(column)  # the mean's, and each quotient's
    assert abs(scaled_mean) <= tolerance
    assert abs(scaled_variance - 1) <= 4 * tolerance  # a square doubles; so does the scale


@given(n=st.integers(2, 300))
def test_the_mean_of_1_to_n_is_exact(n):
    scaling = data.standardize([[float(x)] for x in range(1, n + 1)])
    assert scaling.mean == ((n + 1) / 2,)
    deviation = pytest.approx(math.sqrt((n * n - 1) / 12), rel=1e-15)  # a few roundings
    assert scaling.scale[0] == deviation


def test_numbers_whose_sum_overflows_have_moments():
    scaling = data.standardize([[0.5e308], [1.5e308], [1.0e308]])
    assert scaling.mean == (1.0e308,)
    assert scaling.scale[0] == pytest.approx(0.5e308 * math.sqrt(2 / 3), rel=1e-15)  # few roundings


def test_a_deviation_below_the_smallest_number_counts_as_constant():
    assert data.standardize([[0.0]] * 4 + [[5e-324]]) == Scaling((0.0,), (1.0,))


@given(value=finite, n=st.integers(1, 30))
def test_a_constant_column_is_moved_to_exactly_zero(value, n):
    scaling = data.standardize([[value]] * n)
    assert scaling == Scaling((value,), (1.0,))
    assert scaling([[value]]) == [[0.0]]


@given(column=st.lists(finite, min_size=2, max_size=10))
def test_standardize_is_finite_at_any_magnitude(column):
    assume(math.isfinite(max(column) - min(column)))
    rows = [[x] for x in column]
    scaling = data.standardize(rows)
    # No row is further than √(n - 1) deviations from the mean; the 1 is for rounded subnormals.
    assert all(abs(z) <= math.sqrt(len(column)) + 1 for (z,) in scaling(rows))


@given(rows=st.lists(st.lists(moderate, min_size=3, max_size=3), min_size=1, max_size=10))
def test_invert_undoes_apply(rows):
    scaling = data.standardize(rows)
    back = scaling.invert(scaling.apply(rows))
    # Two roundings of a difference and its scaling, in units of the largest number.
    largest = max(abs(x) for row in rows for x in row)
    for row, original in zip(back, rows, strict=True):
        assert row == pytest.approx(original, abs=4 * math.ulp(largest), rel=1e-14)


def test_calling_a_scaling_applies_it_and_leaves_the_rows_alone():
    rows = [[1.0, 10.0], [3.0, 30.0]]
    scaling = data.standardize(rows)
    assert scaling(rows) == scaling.apply(rows) == [[-1.0, -1.0], [1.0, 1.0]]
    assert rows == [[1.0, 10.0], [3.0, 30.0]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "inputs is []; expected at least one row of numbers"),
        (7, "inputs is 7; expected at least one row of numbers"),
        ([[1.0], [math.nan]], "row 1 of inputs holds nan; expected finite numbers"),
        (["ab"], "row 0 of inputs holds 'a'; expected finite numbers"),
        (
            [[-1.5e308], [1.5e308]],
            "a column spans -1.5e+308 to 1.5e+308; expected a span that is a float",
        ),
    ],
)
def test_standardize_refuses_what_has_no_moments(inputs, message):
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        data.standardize(inputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([[1.0, 2.0], [3.0]], "row 1 has 1 columns; expected 2"),
        ([1.0, 2.0], "row 0 is 1.0; expected a list, with a number per column"),
    ],
)
def test_standardize_refuses_ragged_rows(inputs, message):
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        data.standardize(inputs)


def test_a_scaling_refuses_rows_of_another_width():
    scaling = Scaling((0.0, 0.0), (1.0, 1.0))
    for call in (scaling, scaling.apply, scaling.invert):
        with pytest.raises(ShapeError, match=r"^row 1 has 3 columns; expected 2$"):
            call([[1.0, 2.0], [1.0, 2.0, 3.0]])


def test_a_scaling_has_a_positive_scale_for_each_mean():
    with pytest.raises(ShapeError, match=r"^a scaling with 2 means and 1 scales; expected one of"):
        Scaling((0.0, 1.0), (1.0,))
    for scale in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ArgumentError, match=f"^a scale is {scale}; expected a positive, fin"):
            Scaling((0.0,), (scale,))


# A data set is checked when it is made, and shows what it holds.


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (
            ShapeError,
            ([[1.0]], [0, 1], ("x",)),
            "a data set with 1 input rows and 2 targets; expected one target for each row",
        ),
        (ShapeError, ([[1.0, 2.0]], [0], ("x",)), "row 0 has 2 columns; expected 1"),
        (ArgumentError, ([], [], ("x",)), "a data set without rows; expected at least one"),
        (
            ArgumentError,
            ([[1.0]], [2], ("x",), "y", ("a", "b")),
            "the target of row 0 is 2; expected a class from 0 to 1",
        ),
    ],
)
def test_a_data_set_is_consistent(error, arguments, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Dataset(*arguments)


def test_a_data_set_has_a_length_and_unpacks_into_inputs_and_targets():
    points = data.moons(100, seed=0)
    inputs, targets = points
    assert len(points) == len(inputs) == len(targets) == 100
    assert (inputs, targets) == (points.inputs, points.targets)


def test_the_repr_summarizes():
    assert repr(Dataset([[0.0] * 8], [0.5], tuple("abcdefgh"))) == (
        "Dataset(1 row, features: a, b, c, ... (8 in all); target target: 0.5 to 0.5)"
    )
    assert repr(data.iris()) == (
        "Dataset(150 rows, features: sepal_length, sepal_width, petal_length, petal_width; "
        "target species: 50 setosa, 50 versicolor, 50 virginica)"
    )


def test_twenty_thousand_columns_are_read_in_linear_time(tmp_path):
    names = [f"c{i}" for i in range(20_000)]
    (tmp_path / "wide.csv").write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")
    start = time.process_time()
    assert len(data.read_csv(tmp_path / "wide.csv").feature_names) == len(names) - 1
    assert time.process_time() - start < 1.5  # it took 5 seconds when it was quadratic
    with pytest.raises(DataError) as caught:
        data.read_csv(tmp_path / "wide.csv", target="d1")
    assert "(20000 in all)" in str(caught.value)
    assert len(str(caught.value)) < 1000
