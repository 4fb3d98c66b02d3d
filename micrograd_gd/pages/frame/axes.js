// Where numbers lie in a picture.

// A stretch of numbers onto a stretch of pixels; one that rounding has made a point is widened.
function scaleOf(/** @type {number[]} */ [low, end], /** @type {number[]} */ [from, to]) {
    const high = end > low ? end : low + Math.max(Math.abs(low), 1);
    const scale = (x) => from + ((x - low) / (high - low)) * (to - from);
    return Object.assign(scale, { low, high, invert: (pixel) => low + ((pixel - from) / (to - from)) * (high - low) });
}

function middleOf(numbers) {
    return (Math.min(...numbers) + Math.max(...numbers)) / 2;
}

// Round numbers between two, about so many.
function roundNumbers(low, high, count) {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((k) => k * power >= rough * 0.999) * power;
    const first = Math.ceil(low / step - 1e-9);
    const length = Math.max(Math.floor(high / step + 1e-9) - first + 1, 0);
    return Array.from({ length }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// A path through points, interrupted where a number is missing.
function pathThrough(points) {
    let isDown = false;
    return points.map(([x, y]) => {
        const letter = isDown ? "L" : "M";
        isDown = Number.isFinite(x) && Number.isFinite(y);
        return isDown ? `${letter}${x.toFixed(1)} ${y.toFixed(1)}` : "";
    }).join("");
}
