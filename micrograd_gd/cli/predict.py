"""`predict`: what a saved model answers to the rows of a CSV file."""

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from micrograd_gd.cli.options import load_predictor
from micrograd_gd.data import read_features
from micrograd_gd.errors import ArgumentError
from micrograd_gd.text import escape


def predict(
    model: Annotated[Path, typer.Argument(help="model.json, as train wrote it.")],
    data: Annotated[Path, typer.Argument(help="CSV file with the columns of the training.")],
) -> None:
    """Print a prediction for each row of a CSV file, as CSV."""
    predictor = load_predictor(model)
    if predictor.feature_names is None:
        raise ArgumentError(f"{model}: a model without feature names; expected one made by train")
    rows = read_features(data, predictor.feature_names)
    answers = [predictor.target_name, *predictor.predict(rows)]
    if sys.stdout.isatty():  # to a person; to a program they go as they are
        answers = [escape(answer) for answer in answers]
    csv.writer(sys.stdout, lineterminator="\n").writerows([answer] for answer in answers)
