"""Curves and maps of training, drawn by matplotlib."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_gd.errors import DrawingError
from micrograd_gd.viz import plot_loss
from micrograd_gd.viz.render import FORMATS

ROWS = [
    {"epoch": 0, "loss": 2.0, "accuracy": 0.5, "validation_loss": 2.5, "validation_accuracy": 0.4},
    {"epoch": 1, "loss": 0.5, "accuracy": 1.0, "validation_loss": 0.9, "validation_accuracy": 0.8},
]


def test_curves_show_training_beside_validation(tmp_path):
    plot_loss(ROWS, tmp_path / "loss.svg")
    text = (tmp_path / "loss.svg").read_text()
    words = set(re.findall(r">([a-z]+)</text>", text))
    assert {"epoch", "loss", "accuracy", "training", "validation"} <= words


def test_curves_are_the_same_bytes_every_time(tmp_path):
    for kind in FORMATS:
        plot_loss(ROWS, tmp_path / f"a.{kind}")
        plot_loss(ROWS, tmp_path / f"b.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_curves_of_one_epoch_or_of_a_loss_of_zero_draw(tmp_path):
    plot_loss([{"epoch": 0, "loss": 0.0}], tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").exists()


def test_curves_leave_the_settings_of_matplotlib_alone(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plot_loss(ROWS, tmp_path / "loss.svg")
    assert dict(mpl.rcParams) == before


def test_the_first_curves_on_a_machine_come_without_remarks(tmp_path):
    code = f"from micrograd_gd.viz import plot_loss; plot_loss({ROWS!r}, 'loss.svg')"
    no_home = tmp_path / "file"
    no_home.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parent.parent), "MPLCONFIGDIR": str(no_home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DrawingError, match=re.escape("pip install 'micrograd_gd[viz]'")):
        plot_loss(ROWS, tmp_path / "loss.svg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("largest", [1e99, 1e300, math.inf, math.nan])
def test_a_loss_that_explodes_is_drawn_as_far_as_it_goes(tmp_path, largest):
    rows = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 1e50}, {"epoch": 2, "loss": largest}]
    plot_loss(rows, tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").read_text().startswith("<?xml")
