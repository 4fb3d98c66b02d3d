"""Why a descent ends: in one word, and in a sentence with the remedy."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_gd.core.blocks import detect_anomaly
from micrograd_gd.descent.trajectory import Status, Step, count_steps, turns
from micrograd_gd.errors import NonFiniteError


def explain_level(
    trajectory: Sequence[Step], tolerance: float | None, value_tolerance: float | None
) -> str:
    """Why the descent has arrived, if the ground is level here; else nothing."""
    last, count = trajectory[-1], len(trajectory) - 1
    if tolerance is not None and last.gradient_norm <= tolerance:
        if count == 0 and last.gradient_norm == 0:
            return (
                "no step was taken: the gradient is 0 at the start, which is a minimum or another "
                "level place, or the function does not depend on its parameters by way of values"
            )
        return (
            f"the ground is level after {count_steps(count)}: the gradient's norm is "
            f"{last.gradient_norm:.3g}, the tolerance {tolerance:g}"
        )
    if value_tolerance is not None and _moves_on(trajectory):
        change = abs(last.value - trajectory[-2].value)
        if change <= value_tolerance:
            limit = f"no more than {value_tolerance:g}"
            return f"step {count} changed the value by {limit}, to {last.value:g}"
    return ""


def _moves_on(trajectory: Sequence[Step]) -> bool:
    """Whether the last step moved, and did not just jump across to a slope as steep."""
    if len(trajectory) < 2 or trajectory[-1].step_length == 0:
        return False
    before, last = trajectory[-2:]
    return not any(turns([before, last])) or last.gradient_norm < 0.99 * before.gradient_norm


def judge_stuck(trajectory: Sequence[Step], rate: float) -> tuple[Status, str]:
    """How a descent ended whose steps vanish in the rounding of the parameters."""
    count, norm = len(trajectory) - 1, trajectory[-1].gradient_norm
    if norm <= 1e-6 * max(step.gradient_norm for step in trajectory):
        return "converged", f"level to the last digit of the parameters after {count_steps(count)}"
    return "stalled", (
        f"the learning rate {rate:g} is too small: against a gradient of norm {norm:.3g}, "
        f"step {count + 1} changes no number any more; try a larger one"
    )


def explain_fall(trajectory: Sequence[Step]) -> str:
    """That the descent fell without end, if it did: ever faster, and by a million times as much."""
    values, norms = ([getattr(s, x) for s in trajectory] for x in ("value", "gradient_norm"))
    if len(values) < 3 or norms[-1] < max(norms) or any(turns(trajectory)[len(values) // 2 :]):
        return ""
    if not values[0] - values[-1] > 1e6 * max(values[0] - values[1], abs(values[0]), 1.0):
        return ""
    went = f"from {values[0]:.6g} to {values[-1]:.6g} in {count_steps(len(values) - 1)}"
    return f"the value fell without end, {went} and ever faster: there is no minimum this way"


def judge_break(
    with_slope: Callable[[Any], Any], step: Step, count: int, trajectory: Sequence[Step]
) -> tuple[Status, str]:
    """What is not finite, and the first operation that made it so out of finite numbers."""
    try:
        with detect_anomaly():
            with_slope(step.parameters)
        cause = "it came as an argument or a constant"
    except NonFiniteError as error:
        cause = str(error)
    what = f"the gradient is {step.gradient_norm}"
    if not math.isfinite(step.value):
        what = f"the value is {step.value}"
    where = f"at step {count}" if count else "at the start"
    if count and (step.value == -math.inf or explain_fall(trajectory)):
        fell = "it fell without end, so there may be no minimum"
        return "unbounded", f"{what} {where}: {fell}; {cause}"
    remedy = "; a smaller learning rate may stay where it is finite" if count else ""
    return "diverged", f"{what} {where}: {cause}{remedy}"


def judge_last(trajectory: Sequence[Step]) -> tuple[Status, str]:
    """How a descent ended that used all its steps."""
    values = [step.value for step in trajectory]
    count, half = len(trajectory) - 1, len(trajectory) // 2
    went = f"from {values[0]:.6g} to {values[-1]:.6g} in {count_steps(count)}"
    back = turns(trajectory)
    if count > 2 and all(back[half:]) and _is_level(values[:half], values[half:]):
        return "oscillating", (
            f"every step jumps over the minimum and the next one back, and after "
            f"{count_steps(count)} the value is {values[-1]:.6g}, no lower than before: "
            f"try a smaller learning rate"
        )
    if fall := explain_fall(trajectory):
        return "unbounded", fall
    if values[-1] > values[0]:
        return "diverged", f"the value grew {went}: try a smaller learning rate"
    if values[-1] == values[0] == min(values) and not any(back):
        return (
            "stalled",
            f"{count_steps(count)} changed no value: try a larger learning rate",
        )
    if sum(back) > count / 2:
        hint = "it overshoots, so a smaller learning rate may be faster"
    elif trajectory[-1].gradient_norm >= max(step.gradient_norm for step in trajectory):
        hint = (
            "it still goes downhill, and gets no less steep: if there is a minimum, more steps or "
            "a larger learning rate lead there"
        )
    else:
        hint = "it still goes downhill: try more steps, or a larger learning rate"
    return "max_steps", f"the value went {went}, and the ground is not level; {hint}"


def _is_level(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether the second values go neither lower nor higher than the first, but for rounding."""
    slack = 1e-9 * max(map(abs, first))
    return min(second) >= min(first) - slack and max(second) <= max(first) + slack
