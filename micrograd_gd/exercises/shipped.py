"""What checks answers, with the exercises of the chapters, which add themselves."""

from micrograd_gd.exercises import backpropagation, descent, networks, rates
from micrograd_gd.exercises.checking import add, check, names, question

__all__ = ["add", "backpropagation", "check", "descent", "names", "networks", "question", "rates"]
