"""`predict`: what a saved model answers to the rows of a file."""

import csv
import io
import sys
from itertools import compress
from operator import eq
from pathlib import Path
from typing import Annotated, Any

import typer

from micrograd_gd.cli.messages import complain, describe_error, warn
from micrograd_gd.cli.options import DATA, Encoding, Sep, columns, load_predictor
from micrograd_gd.cli.place import Force, require_new
from micrograd_gd.data.cells import is_missing
from micrograd_gd.data.csv_files import CsvFile, class_label, read_csv_file
from micrograd_gd.data.decisions import read_numbers
from micrograd_gd.data.recipe import Column, Recipe
from micrograd_gd.errors import ArgumentError, DataError
from micrograd_gd.files import write_file
from micrograd_gd.text import escape
from micrograd_gd.training.evaluation import Regression, percent
from micrograd_gd.training.predictor import Predictor


def predict(
    model: Annotated[Path, typer.Argument(help="model.json, as train wrote it.")],
    data: Annotated[str, typer.Argument(help=DATA.replace("iris, or a", "A"))],
    keep: Annotated[
        list[str] | None, typer.Option(help="Columns to repeat beside the prediction, such as id.")
    ] = None,
    probabilities: Annotated[  # noqa: FBT002 — a flag
        bool, typer.Option("--probabilities", help="A column for each class.")
    ] = False,
    sep: Sep = None,
    encoding: Encoding = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV file to write.", show_default="standard output")
    ] = None,
    force: Force = False,  # noqa: FBT002 — a flag
) -> None:
    """Print a prediction for each row of a file, as CSV."""
    require_new(out, force=force)
    predictor = load_predictor(model)
    if predictor.feature_names is None:
        raise ArgumentError(f"{model}: a model without feature names; expected one made by train")
    names = predictor.feature_names
    recipe = predictor.recipe or Recipe(tuple(Column(name, "number", ".") for name in names))
    file = read_csv_file(data, sep, encoding)
    rows, notes = recipe.apply(file)
    kept = [(name, file.position(name)) for name in columns(keep)]
    head = [*(name for name, _ in kept), predictor.target_name]
    answers = predictor.predict(rows)
    shares: list[list[float]] = [[]] * len(rows)
    if probabilities:
        if predictor.class_names is None:
            message = f"--probabilities, while {predictor.target_name} is a number"
            raise ArgumentError(f"{message}; expected a model of classes: leave it out")
        shares = predictor.predict_shares(rows)
        head += [f"probability of {name}" for name in predictor.class_names or ()]
    table = [
        [*(row.cells[place] for _, place in kept), answer, *share]
        for row, answer, share in zip(file.rows, answers, shares, strict=True)
    ]
    _write(head, table, out)
    for note in notes:
        warn(note)
    _compare(file, predictor, answers)


def _write(head: list[str], table: list[list[Any]], out: Path | None) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in (head, *table):
        is_seen = out is None and sys.stdout.isatty()  # by a person; a program gets it as it is
        writer.writerow([escape(cell) for cell in row] if is_seen else row)
    if out is None:
        sys.stdout.write(text.getvalue())
    else:
        write_file(out, text.getvalue().encode())


def _compare(file: CsvFile, predictor: Predictor, answers: list[str] | list[float]) -> None:
    """Say how good the answers are, where the file has the target."""
    if predictor.target_name not in file.names:
        return
    place = file.position(predictor.target_name)
    texts = [row.cells[place].strip() for row in file.rows]
    known = [not is_missing(text) for text in texts]
    if not any(known):
        return
    given: list[Any] = [*compress(answers, known)]
    if predictor.class_names is None:
        try:
            truth = read_numbers(file, predictor.target_name)
        except DataError as error:
            warn(f"not compared with {predictor.target_name} in the file: {describe_error(error)}")
            return
        figures = Regression.compare(truth, given).figures()
        said = ", ".join(f"{name} {figures[name]}" for name in ("RMSE", "MAE", "R²"))
    else:
        right = sum(map(eq, given, map(class_label, compress(texts, known))))
        said = f"accuracy {percent(right / len(given))}"
    complain(f"{said}, of {len(given)} predictions beside {predictor.target_name} in the file", 0)
