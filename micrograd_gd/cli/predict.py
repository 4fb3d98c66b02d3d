"""`predict`: what a saved model answers to the rows of a CSV file."""

from __future__ import annotations

import csv
import sys
from pathlib import Path  # noqa: TC003 — typer reads the signature
from typing import Annotated

import typer

from micrograd_gd.data import read_features
from micrograd_gd.errors import ArgumentError
from micrograd_gd.persist import load_model


def predict(
    model: Annotated[Path, typer.Argument(help="model.json, as train wrote it.")],
    data: Annotated[Path, typer.Argument(help="CSV file with the columns of the training.")],
) -> None:
    """Print a prediction for each row of a CSV file, as CSV."""
    predictor = load_model(model)
    if predictor.feature_names is None:
        raise ArgumentError(f"{model}: a model without feature names; expected one made by train")
    rows = read_features(data, predictor.feature_names)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([predictor.target_name])
    writer.writerows([answer] for answer in predictor.predict(rows))
