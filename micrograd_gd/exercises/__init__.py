"""Exercises of the tutorial, checked: what is right, and which mistake a wrong answer comes from.

>>> from micrograd_gd.exercises import check, question
>>> print(question("step"))
step(w, slope, learning_rate): the weight after one step of gradient descent.
>>> check("step", lambda w, slope, learning_rate: w + learning_rate * slope)
not yet: That goes uphill: the slope points where the cost grows, so subtract it.
>>> check("step", lambda w, slope, learning_rate: w - learning_rate * slope)
right
"""

from typing import TYPE_CHECKING

from micrograd_gd.names import load_when_used

if TYPE_CHECKING:
    from micrograd_gd.exercises.checking import add as add
    from micrograd_gd.exercises.checking import check as check
    from micrograd_gd.exercises.checking import names as names
    from micrograd_gd.exercises.checking import question as question
else:
    load_when_used(__name__, {"shipped": "add check names question"})
