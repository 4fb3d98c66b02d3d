// Why a descent ends, as `descent/ending.py` says it, and what that tells of the rate.

function tellLevel(count, norm, tolerance) {
    return count === 0 && norm === 0 ? "No step was taken: the ground is level at the start."
        : `The ground is level after ${countSteps(count)}: the slope is ${write(norm)}, and up to ${write(tolerance)} counts as level.`;
}

function judgeStuck(steps, rate) {
    const { norm } = steps.at(-1);
    if (norm <= 1e-6 * Math.max(...steps.map((step) => step.norm))) {
        return ["converged", `Level to the last digit after ${countSteps(steps.length - 1)}.`];
    }
    return ["stalled", `The rate ${write(rate)} is too small: a step changes no digit any more.`];
}

// That it fell without end, if it did: ever faster, and by a million times as much.
function tellFall(steps) {
    const [first, second, last] = [steps[0], steps[1], steps.at(-1)].map((step) => step?.value);
    const half = Math.floor(steps.length / 2);
    const eases = last === undefined || steps.at(-1).norm < Math.max(...steps.map((step) => step.norm));
    if (steps.length < 3 || eases || turnsOf(steps).slice(half).some(Boolean)
        || !(first - last > 1e6 * Math.max(first - second, Math.abs(first), 1))) {
        return "";
    }
    return `The value fell without end, ${wentFrom(steps)} and ever faster: there is no minimum this way.`;
}

function judgeBreak(steps, value, norm, count) {
    const what = Number.isFinite(value) ? `The slope is ${write(norm)}` : `The value is ${write(value)}`;
    const where = count ? `at step ${count}` : "at the start";
    if (count && (value === -Infinity || tellFall(steps))) {
        return ["unbounded", `${what} ${where}: it fell without end, so there may be no minimum.`];
    }
    return ["diverged", `${what} ${where}${count ? "; a smaller rate may stay where it is finite" : ""}.`];
}

function judgeLast(steps) {
    const values = steps.map((step) => step.value);
    const [count, half] = [steps.length - 1, Math.floor(steps.length / 2)];
    const turns = turnsOf(steps);
    const last = values.at(-1);
    if (count > 2 && turns.slice(half).every(Boolean) && isLevel(values.slice(0, half), values.slice(half))) {
        return ["oscillating", `Every step jumps over the minimum and the next one back. After ${countSteps(count)} it is no lower than before: try a smaller rate.`];
    }
    if (tellFall(steps)) {
        return ["unbounded", tellFall(steps)];
    }
    if (last > values[0]) {
        return ["diverged", `The value grew ${wentFrom(steps)}: try a smaller rate.`];
    }
    if (last === values[0] && last === Math.min(...values) && !turns.some(Boolean)) {
        return ["stalled", `${countSteps(count)} changed no value: try a larger rate.`];
    }
    const isSteep = steps.at(-1).norm >= Math.max(...steps.map((step) => step.norm));
    const hint = turns.filter(Boolean).length > count / 2 ? "it overshoots, so a smaller rate may be faster"
        : isSteep ? "it still goes downhill, and gets no less steep"
            : "it still goes downhill: try a larger rate";
    return ["max_steps", `The value went ${wentFrom(steps)}, and the ground is not level; ${hint}.`];
}

// The verdict on a rate: `descent/learning_rate.py` has the same. `lowest` is the lowest value known.
function judgeRate({ steps, status }, lowest) {
    const [first, last] = [steps[0].value, steps.at(-1).value];
    if (status === "unbounded") {
        return "unbounded";
    }
    if (status === "diverged" || (status === "oscillating" && last >= first)) {
        return "diverges";
    }
    const turns = turnsOf(steps);
    if (status === "oscillating" || (turns.length && turns.filter(Boolean).length / turns.length > 0.5)) {
        return "overshoots";
    }
    if (status === "converged") {
        return "converges";
    }
    const lately = steps.at(-1 - Math.floor(steps.length / 10)).value - last;
    return first - last >= 0.99 * (first - lowest) && lately < 0.01 * (first - last) ? "converges" : "slow";
}

// For every step, whether the slope at its end points back to its beginning.
function turnsOf(steps) {
    const directions = steps.map(({ gradient, norm }) =>
        gradient.map((g) => (norm > 0 && norm < Infinity ? g / norm : 0)));
    return directions.slice(1).map((next, i) => next.reduce((sum, g, k) => sum + g * directions[i][k], 0) < 0);
}

// Whether the second values go neither lower nor higher than the first, but for rounding.
function isLevel(first, second) {
    const slack = 1e-9 * Math.max(...first.map(Math.abs));
    return Math.min(...second) >= Math.min(...first) - slack && Math.max(...second) <= Math.max(...first) + slack;
}

function wentFrom(steps) {
    return `from ${write(steps[0].value)} to ${write(steps.at(-1).value)} in ${countSteps(steps.length - 1)}`;
}

function countSteps(count) {
    return `${count} step${count === 1 ? "" : "s"}`;
}
