"""What the demos find is right; that all of them run is tested with the documentation."""

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

DEMOS = Path(__file__).parents[1] / "demos"


@pytest.fixture
def thurber(cases):
    return json.loads((cases / "nist" / "Thurber.json").read_text())


def numbers(line):
    return [float(x) for x in re.findall(r"-?\d+\.\d+", line)]


def test_the_fitted_curve_has_the_certified_parameters(capsys):
    pytest.importorskip("scipy.optimize", reason="SciPy is not here")
    found = runpy.run_path(str(DEMOS / "fit_curve.py"))
    certified = np.array(found["certified"])
    assert found["fit"].x == pytest.approx(certified[:, 0], rel=1e-7)
    assert found["errors"] == pytest.approx(certified[:, 1], rel=1e-6)
    for other in ("exact", "conjugate"):
        assert found[other].x * found["start"] == pytest.approx(certified[:, 0], rel=1e-4), other
    shown = [numbers(line) for line in capsys.readouterr().out.splitlines() if line[0] == "b"]
    assert len(shown) == 7
    for b, error, sure, sure_error in shown:
        assert (b, error) == pytest.approx((sure, sure_error), rel=1e-6)


def test_the_curve_is_the_one_that_nist_publishes(thurber, capsys):
    pytest.importorskip("scipy.optimize", reason="SciPy is not here")
    found = runpy.run_path(str(DEMOS / "fit_curve.py"))
    rows = zip(found["mobility"].tolist(), found["density"].tolist(), strict=True)
    assert [*map(list, rows)] == thurber["data"]
    assert found["start"].tolist() == thurber["start1"]
    known = zip(thurber["certified"], thurber["certified_sd"], strict=True)
    assert found["certified"] == [(float(b), float(error)) for b, error in known]


def test_the_descent_in_a_descent_ends_at_the_saddle_point(capsys):
    found = runpy.run_path(str(DEMOS / "saddle_point.py"))
    x, y = found["x"], found["answer"](found["x"])
    assert (x, y) == pytest.approx((1.0, 2.0), abs=1e-10)
    lines = [numbers(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0][0] == -3.0
    assert lines[-1] == [1.0, 2.0, found["f"](1.0, 2.0)]
