"""What checks answers, with the exercises of the chapters, which add themselves."""

from micrograd_gd.exercises import (  # noqa: F401 — each adds its exercises
    attention,
    backpropagation,
    curves,
    descent,
    networks,
    neurons,
    rates,
    sweeps,
    tables,
)
from micrograd_gd.exercises.checking import add, check, names, question

__all__ = ["add", "check", "names", "question"]
