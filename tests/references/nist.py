"""NIST's problems of nonlinear regression, as functions."""

import json
import math
from pathlib import Path

from micrograd_gd import functional

FOLDER = Path(__file__).parents[3] / "shared" / "cases" / "nist"
NAMES = [path.stem for path in sorted(FOLDER.glob("*.json"))] or ["none"]
FUNCTIONS = {"pi": math.pi, **{name: getattr(functional, name) for name in functional.__all__}}


def read(folder, name):
    """A problem as it stands in its file."""
    return json.loads((Path(folder) / f"{name}.json").read_text())


def as_functions(problem, functions=FUNCTIONS):
    """The curve of a row and parameters, which computes by these functions; and the responses."""
    model, response = (compile(problem[k], "case", "eval") for k in ("model", "response"))
    columns = problem["columns"]

    def curve(row, *b):
        names = {**functions, **{f"b{i}": x for i, x in enumerate(b, 1)}}
        names.update(zip(columns, row, strict=True))
        return eval(model, names)  # noqa: S307 — our cases

    rows = [{**FUNCTIONS, **dict(zip(columns, row, strict=True))} for row in problem["data"]]
    return curve, [eval(response, row) for row in rows]  # noqa: S307 — our cases
