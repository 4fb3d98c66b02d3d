// Gradient descent, as `descent/minimize.py` walks it, on a formula that `parse` has read.

// The value and the gradient at a point.
function slopeAt(f, point) {
    const leaves = point.map((x) => new Value(x));
    const root = f.evaluate(...leaves);
    if (!(root instanceof Value)) {
        return [root, point.map(() => 0)];
    }
    root.backward();
    return [root.data, leaves.map((leaf) => leaf.grad)];
}

// The steps from a start, and how they end. A method that remembers may pass level ground, so it
// has arrived where it hardly moves, too.
function descend(f, start, rate, maxSteps = 100, tolerance = 1e-6, /** @type {{ change: Function }} */ method = METHODS.plain) {
    const steps = [];
    let point = start;
    let memory = start.map(() => []);
    let speed = 0;
    for (let count = 0; ; count += 1) {
        const [value, gradient] = slopeAt(f, point);
        const norm = Math.hypot(...gradient);
        if (Number.isFinite(value) || count === 0) {
            steps.push({ point, value, gradient, norm, memory });
        }
        const end = (/** @type {string[]} */ [status, message]) => ({ steps, status, message, rate });
        if (![value, ...gradient].every(Number.isFinite)) {
            return end(judgeBreak(steps, value, norm, count));
        }
        if (Math.max(norm, speed) <= tolerance) {
            return end(["converged", tellLevel(count, norm, tolerance)]);
        }
        if (count === maxSteps) {
            return end(judgeLast(steps));
        }
        const changes = gradient.map((g, i) => method.change(g, rate, count, memory[i]));
        memory = changes.map(([, ...remembered]) => remembered);
        speed = method === METHODS.plain ? 0 : Math.hypot(...changes.map(([change]) => change)) / rate;
        const next = point.map((x, i) => x - changes[i][0]);
        if (!next.every(Number.isFinite)) {
            return end(tellFall(steps) ? ["unbounded", tellFall(steps)]
                : ["diverged", `Step ${count + 1} would lead to a number that is not finite.`]);
        }
        if (next.every((x, i) => x === point[i])) {
            return end(judgeStuck(steps, rate));
        }
        point = next;
    }
}

// The valley that the start lies above: careful steps against the slope, each as long as still leads
// well down; later steps to where slope and curvature expect the bottom (Newton), which is soon found.
function findValley(f, start) {
    let point = start;
    let [value, gradient] = slopeAt(f, point);
    let rate = 1;
    const steepest = Math.hypot(...gradient);
    for (let count = 0; count < 200; count += 1) {
        const isNear = count >= 30;
        const way = (isNear && bottomward(curvatureAt(f, point), gradient)) || gradient;
        const fall = way.reduce((sum, step, i) => sum + step * gradient[i], 0);
        if (!(Math.hypot(...gradient) > 1e-9 * steepest) || !Number.isFinite(fall)) {
            break;
        }
        rate = way === gradient ? rate : 1;
        const look = () => point.map((x, i) => x - rate * way[i]);
        let halvings = 0;
        while (!(f.evaluate(...look()) <= value - 0.3 * rate * fall) && halvings < 60) {
            rate /= 2;
            halvings += 1;
        }
        const [below, slopes] = slopeAt(f, look());
        if (halvings === 60 || ![below, ...slopes].every(Number.isFinite) || look().some((x) => Math.abs(x) > 1e6)) {
            break;
        }
        [point, value, gradient] = [look(), below, slopes];
        rate *= 2;
    }
    const isLevel = Math.hypot(...gradient) <= 1e-5 * Math.max(steepest, 1e-300);
    return { point, value, isLevel, critical: criticalRate(f, isLevel ? point : start) };
}

// The step from the bottom, as far as a curvature that is upward in all directions tells.
function bottomward([[a, b], [c, d]], [g, h = 0]) {
    const area = a * d - b * c;
    const way = [(d * g - b * h) / area, (a * h - c * g) / area];
    return a > 0 && area > 0 && way.every(Number.isFinite) ? way : null;
}

// The second derivatives, of one number as of two that do the same. They are how fast the exact
// gradient changes, over a distance at which rounding takes as much as what is left out.
function curvatureAt(f, point) {
    const rows = point.map((x, i) => {
        const h = 6e-6 * Math.max(Math.abs(x), 0.1);
        const [above, below] = [h, -h].map((step) => slopeAt(f, point.with(i, x + step))[1]);
        return above.map((g, j) => (g - below[j]) / (x + h - (x - h)));
    });
    return point.length > 1 ? rows : [[rows[0][0], 0], [0, rows[0][0]]];
}

// 2 / the largest curvature.
function criticalRate(f, point) {
    const [[a, b], [c, d]] = curvatureAt(f, point);
    const largest = (a + d) / 2 + Math.hypot((a - d) / 2, (b + c) / 2);
    return largest > 1e-9 ? 2 / largest : Number.isNaN(largest) ? NaN : Infinity;
}
