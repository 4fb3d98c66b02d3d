"""`demo`: a training that anybody can run in seconds."""

from pathlib import Path
from typing import Annotated

import typer

from micrograd_gd.cli.experiment import Settings
from micrograd_gd.cli.messages import PROGRAM
from micrograd_gd.cli.place import Force, folder, option
from micrograd_gd.cli.run import run
from micrograd_gd.data import moons


def demo(
    seed: Annotated[int, typer.Option(help="Decides data, start and order.")] = 0,
    out: Annotated[Path | None, option("Folder for what is written.", "run/demo")] = None,
    force: Force = False,  # noqa: FBT002 — a flag
) -> None:
    """Train on two half moons, in seconds."""
    place = folder(out, "run/demo", force=force)
    settings = Settings(hidden=(16,), learning_rate=0.5, epochs=60, batch_size=8, seed=seed)
    again = f"{PROGRAM} demo --seed {seed}"
    run("moons", moons(100, noise=0.1, seed=seed), settings, place, again)
