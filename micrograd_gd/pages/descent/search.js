// Find a rate: start with something small, and slowly increase it. `find_learning_rate` of
// `descent/learning_rate.py` does the same, and says more about why.

const SEARCH = { smallest: 1e-6, largest: 100, factor: 1.1, window: 5, trial: 100 };

// The rate to take, why, and the value after a step with each of the rates that were tried. Throws an
// Error where none leads down.
function findRate(f, start) {
    const { rates, values, lowest } = raiseRate(f, start);
    const [last, hasRisen] = lastBeforeRise(values, rates);
    const bound = Math.min(...[start, lowest].map((point) => criticalRate(f, point)).filter((x) => !Number.isNaN(x))) / 2;
    let reason = hasRisen ? "a tenth of the last rate before the rise" : "a tenth of the largest rate, because no rise was seen";
    if (last / 10 > bound) {
        reason = "half the smallest critical rate that was met";
    }
    let rate = Math.min(last / 10, bound);
    for (let count = 0; count < 10; count += 1) {
        if (goesDown(f, start, rate)) {
            return { rate, reason, rates, values: values.slice(1) };
        }
        rate /= 4;
        reason = `with which ${SEARCH.trial} steps go down; with larger ones they do not`;
    }
    throw new Error(`${SEARCH.trial} steps lead down with no rate. Try another start.`);
}

// One descent whose rate grows with each step, until the value explodes.
function raiseRate(f, start) {
    const { smallest, largest, factor, window } = SEARCH;
    const most = Math.ceil(Math.log(largest / smallest) / Math.log(factor));
    const [rates, values] = [[], []];
    let [point, lowest] = [start, start];
    while (point.every(Number.isFinite)) {
        const [value, gradient] = slopeAt(f, point);
        if (![value, ...gradient].every(Number.isFinite)) {
            break;
        }
        lowest = value < Math.min(...values) ? point : lowest;
        values.push(value);
        const fall = values[0] - Math.min(...values);
        const isOver = values.length > window && median(values.slice(-window)) > values[0] + fall;
        if (isOver || rates.length === most) {
            break;
        }
        const rate = smallest * factor ** rates.length;
        rates.push(rate);
        point = point.map((x, i) => x - rate * gradient[i]);
    }
    return { rates: rates.slice(0, values.length - 1), values, lowest };
}

// The last rate with the smoothed value still down, within 10 % of its fall; whether it then rose.
function lastBeforeRise(values, rates) {
    const half = Math.floor(SEARCH.window / 2);
    const smooth = values.map((_, i) => median(values.slice(Math.max(0, i - half), i + half + 1)));
    const lowest = Math.min(...smooth);
    const fall = smooth[0] - lowest;
    if (!(fall > 0 && rates.length)) {
        throw new Error("No rate leads down from here. Try a start that is not level.");
    }
    const last = smooth.findLastIndex((value) => value <= lowest + 0.1 * fall);
    return [rates[Math.max(last - 1, 0)], last < smooth.length - 1];
}

function goesDown(f, start, rate) {
    const { steps, status } = descend(f, start, rate, SEARCH.trial, -1);
    const isCut = steps.length <= SEARCH.trial && status === "diverged";
    return !isCut && median(steps.slice(-SEARCH.window).map(({ value }) => value)) < steps[0].value;
}

function median(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const half = sorted.length / 2;
    return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
}

// The value after a step of each rate, and the rate to take.
function drawSearch({ rate, rates, values }) {
    const [width, height] = [300, 90];
    const low = Math.min(...values);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "The value after a step of each rate" }, make("div"));
    const x = scaleOf([Math.log10(rates[0]), Math.log10(rates.at(-1))], [8, width - 8]);
    const y = scaleOf([low, values[0] + 0.5 * (values[0] - low)], [height - 20, 6]);
    const at = x(Math.log10(rate));
    draw("line", { class: "rule", x1: 8, x2: width - 8, y1: height - 20, y2: height - 20 }, svg);
    draw("path", { class: "line", d: pathThrough(values.map((value, i) => [x(Math.log10(rates[i])), Math.max(y(value), -height)])) }, svg);
    draw("line", { class: "found", x1: at, x2: at, y1: 4, y2: height - 16 }, svg);
    draw("text", { class: "tick", x: 8, y: height - 5 }, svg, write4(rates[0]));
    draw("text", { class: "tick", x: width - 8, y: height - 5, "text-anchor": "end" }, svg, write4(rates.at(-1)));
    return svg;
}
