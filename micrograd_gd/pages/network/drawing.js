// The pictures: the map of what the network says everywhere, the wires, and the curve of the loss.

const FINE = 48; // places along each side of the map
const COARSE = 16; // and of the map of a neuron
const STRIDE = FINE / COARSE;
const isDark = matchMedia("(prefers-color-scheme: dark)");
const LOOKS = {
    light: { paper: [255, 255, 255], ink: "#1a1d21", line: "#dcdfe3", soft: "#59626c", plus: [27, 95, 196], minus: [217, 95, 14],
        classes: [[217, 95, 14], [27, 95, 196], [0, 140, 105], [176, 85, 150], [130, 110, 0], [70, 165, 215]] },
    dark: { paper: [23, 27, 32], ink: "#e9ebee", line: "#3a424b", soft: "#a0a9b3", plus: [110, 168, 255], minus: [255, 150, 80],
        classes: [[255, 150, 80], [110, 168, 255], [60, 200, 150], [225, 140, 200], [225, 205, 80], [140, 215, 255]] },
};

let current = LOOKS[isDark.matches ? "dark" : "light"];
isDark.addEventListener("change", () => (current = LOOKS[isDark.matches ? "dark" : "light"]));

function look() {
    return current;
}

function css(/** @type {number[]} */ [red, green, blue], alpha = 1) {
    return `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)} / ${alpha})`;
}

// A canvas as sharp as the screen, cleared, to be drawn on in its own pixels of the page.
function prepare(canvas) {
    const { width, height } = canvas.getBoundingClientRect();
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) {
        Object.assign(canvas, { width: wide, height: high });
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
}

// The two inputs of the most different numbers, in order, or the one there is.
function chooseAxes(rows) {
    const counts = rows[0].map((_, i) => new Set(rows.map((row) => row[i])).size);
    const most = [...counts.keys()].sort((i, j) => counts[j] - counts[i]).slice(0, 2);
    return most.sort((i, j) => i - j);
}

// What every neuron makes of every place of a plane through the data, row by row from the top.
class Plane {
    constructor(samples, axes) {
        const { inputs, width, rows } = samples;
        const column = (i) => Array.from(rows, (row) => inputs[row * width + i]);
        this.axes = axes;
        this.center = Float64Array.from({ length: width }, (_, i) => column(i).sort((a, b) => a - b)[rows.length >> 1]);
        const scores = Array.from(samples.targets);
        this.targets = [Math.min(...scores), Math.max(...scores)];
        // Of a single input the targets are upward.
        this.ranges = [...axes.map(column), ...(axes.length < 2 ? [this.targets] : [])].map((numbers) => {
            const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
            const margin = 0.12 * (high - low) || 1;
            return [low - margin, high + margin];
        });
    }

    // Over all places; inputs that are no axis stand at their median.
    fill(network) {
        const count = network.outputs.length;
        if (this.values?.length !== count * FINE * FINE) {
            this.values = new Float64Array(count * FINE * FINE);
        }
        const place = this.center.slice();
        const [[left, right], [bottom, top]] = this.ranges;
        for (let i = 0; i < FINE * FINE; i++) {
            place[this.axes[0]] = left + ((right - left) * ((i % FINE) + 0.5)) / FINE;
            if (this.axes.length > 1) {
                place[this.axes[1]] = top - ((top - bottom) * (Math.floor(i / FINE) + 0.5)) / FINE;
            }
            network.run(place, 0);
            for (let j = 0; j < count; j++) {
                this.values[j * FINE * FINE + i] = network.outputs[j];
            }
        }
    }

    // How large a neuron is over the plane: what its colors are measured by.
    size(neuron) {
        let largest = 0;
        for (let i = neuron * FINE * FINE; i < (neuron + 1) * FINE * FINE; i += 7) {
            largest = Math.max(largest, Math.abs(this.values[i]));
        }
        return Math.min(largest, 1e300) || 1;
    }

    // Where a sample stands, from 0 to 1 to the right and downward.
    at({ inputs, width, targets, rows }, row) {
        const [i, j] = this.axes;
        const upward = j === undefined ? targets[(row * targets.length) / rows.length] : inputs[row * width + j];
        return [this.shareOf(inputs[row * width + i], 0), 1 - this.shareOf(upward, 1)];
    }

    // How far along an axis a number is.
    shareOf(number, i) {
        const [low, high] = this.ranges[i];
        return (number - low) / (high - low);
    }
}

const sheet = document.createElement("canvas");

// Colors of pixels on a sheet of its own, which is then drawn larger or smaller.
function paint(width, height, colorOf) {
    Object.assign(sheet, { width, height });
    const context = sheet.getContext("2d");
    const image = context.createImageData(width, height);
    const { data } = image;
    const { paper } = look();
    const mixed = [0, 0, 0];
    for (let i = 0; i < width * height; i++) {
        const share = colorOf(i, mixed);
        for (let c = 0; c < 3; c++) {
            data[4 * i + c] = paper[c] + (mixed[c] - paper[c]) * share;
        }
        data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    return sheet;
}

// The color of a number from -1 to 1, and how much of it.
function shade(t, mixed) {
    const color = t > 0 ? current.plus : current.minus;
    mixed[0] = color[0];
    mixed[1] = color[1];
    mixed[2] = color[2];
    return t === t ? 0.72 * Math.min(Math.abs(t), 1) : 0;
}

// The color of what the whole network says at a place of the plane.
function colorOfAnswer(network, plane, loss) {
    const { values } = plane;
    const cells = FINE * FINE;
    const count = network.outputs.length - network.last;
    const start = network.last * cells;
    if (loss === "cross_entropy") {
        const { classes } = look();
        return (i, mixed) => {
            let [best, total] = [0, 0];
            for (let j = 1; j < count; j++) {
                best = values[start + j * cells + i] > values[start + best * cells + i] ? j : best;
            }
            for (let j = 0; j < count; j++) {
                total += Math.exp(values[start + j * cells + i] - values[start + best * cells + i]);
            }
            classes[best % classes.length].forEach((x, c) => (mixed[c] = x));
            return Math.max(0.12, (0.6 * (1 / total - 1 / count)) / (1 - 1 / count));
        };
    }
    if (loss === "binary_cross_entropy") {
        return (i, mixed) => shade(Math.tanh(values[start + i] / 2), mixed);
    }
    const [low, high] = loss === "hinge" ? [-1, 1] : plane.targets;
    return (i, mixed) => shade((2 * (values[start + i] - low)) / (high - low || 1) - 1, mixed);
}

// The large map: of the network, or of one neuron; with the border between two classes.
function drawMap(canvas, network, plane, loss, neuron) {
    const { context, width, height } = prepare(canvas);
    const isNeuron = neuron !== null;
    const size = isNeuron ? plane.size(neuron) : 1;
    const color = isNeuron ? (i, mixed) => shade(plane.values[neuron * FINE * FINE + i] / size, mixed) : colorOfAnswer(network, plane, loss);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(paint(FINE, FINE, color), 0, 0, width, height);
    if (!isNeuron && ["binary_cross_entropy", "hinge"].includes(loss)) {
        drawBorder(context, plane, network.last * FINE * FINE, width, height);
    } else if (!isNeuron && plane.axes.length < 2 && loss !== "cross_entropy") {
        drawAnswers(context, plane, network.last * FINE * FINE, width, height);
    }
}

// The answer to a single input, as a curve.
function drawAnswers(context, plane, start, width, height) {
    context.beginPath();
    for (let i = 0; i < FINE; i++) {
        context.lineTo(((i + 0.5) / FINE) * width, (1 - plane.shareOf(plane.values[start + i], 1)) * height);
    }
    drawLine(context);
}

function drawLine(context) {
    context.strokeStyle = look().ink;
    context.lineWidth = 1.6;
    context.stroke();
}

// The points, on a canvas of their own, since they stay while the map changes.
function drawPoints(canvas, plane, { train, test, set: { loss } }) {
    const { context, width, height } = prepare(canvas);
    for (const [samples, isTest] of [[test, true], [train, false]]) {
        for (const row of samples ? samples.rows : []) {
            const [x, y] = plane.at(samples, row);
            drawPoint(context, x * width, y * height, css(colorOfTarget(samples.targets, row, plane, loss)), isTest);
        }
    }
}

function drawPoint(context, x, y, color, isTest) {
    context.beginPath();
    context.arc(x, y, isTest ? 3 : 3.6, 0, 2 * Math.PI);
    context.fillStyle = isTest ? css(look().paper) : color;
    context.strokeStyle = isTest ? color : css(look().paper);
    context.lineWidth = isTest ? 2 : 1.1;
    context.fill();
    context.stroke();
}

function colorOfTarget(targets, row, plane, loss) {
    const { classes, plus, minus, paper } = look();
    const t = targets[row];
    if (loss === "cross_entropy") {
        return classes[t % classes.length];
    }
    if (["binary_cross_entropy", "hinge"].includes(loss)) {
        return t > (loss === "hinge" ? 0 : 0.5) ? plus : minus;
    }
    const [low, high] = plane.targets;
    const share = (2 * (t - low)) / (high - low || 1) - 1;
    return (share > 0 ? plus : minus).map((x, c) => paper[c] + (x - paper[c]) * (0.35 + 0.65 * Math.abs(share)));
}

// Where the score passes 0: a piece of line in each cell with both signs.
function drawBorder(context, { values }, start, width, height) {
    const [stepX, stepY] = [width / FINE, height / FINE];
    context.beginPath();
    for (let y = 0; y < FINE - 1; y++) {
        for (let x = 0; x < FINE - 1; x++) {
            const i = start + y * FINE + x;
            const [a, b, c, d] = [values[i], values[i + 1], values[i + FINE + 1], values[i + FINE]];
            const isAbove = a > 0;
            if (isAbove === b > 0 && isAbove === c > 0 && isAbove === d > 0) {
                continue;
            }
            const cuts = [[a, b, 0, 0, 1, 0], [b, c, 1, 0, 0, 1], [d, c, 0, 1, 1, 0], [a, d, 0, 0, 0, 1]]
                .filter(([from, to]) => from > 0 !== to > 0)
                .map(([from, to, left, down, right, under]) => {
                    const share = from / (from - to);
                    return [(x + 0.5 + left + right * share) * stepX, (y + 0.5 + down + under * share) * stepY];
                });
            for (let k = 0; k + 1 < cuts.length; k += 2) {
                context.moveTo(...cuts[k]);
                context.lineTo(...cuts[k + 1]);
            }
        }
    }
    drawLine(context);
}

// Where the neurons stand in a picture so wide: the left upper corners of their maps, and the size.
function placeNeurons(widths, width) {
    const most = Math.max(...widths);
    const columns = widths.length;
    const size = Math.max(14, Math.min(36, 520 / most - 6, (width / columns) * 0.55));
    const height = Math.max(most * (size + 6) + 8, 180);
    const places = widths.flatMap((count, layer) => Array.from({ length: count }, (_, j) => [
        6 + (layer * (width - size - 12)) / (columns - 1),
        height / 2 + (j - count / 2) * (size + 6) + 3,
    ]));
    return { places, size, height };
}

// Wires as wide as their weights, and in each neuron the map of what it makes of the plane.
function drawNetwork(canvas, network, plane, { places, size }) {
    const { context } = prepare(canvas);
    const { plus, minus, ink } = look();
    const { widths, starts, parameters } = network;
    let largest = 1e-9;
    parameters.forEach((x) => (largest = Math.max(largest, Math.abs(x))));
    for (let layer = 1; layer < widths.length; layer++) {
        const fanIn = widths[layer - 1];
        for (let j = 0; j < widths[layer]; j++) {
            for (let i = 0; i < fanIn; i++) {
                const weight = parameters[network.places[layer - 1] + j * (fanIn + 1) + i];
                const share = Math.abs(weight) / largest;
                const [x, y] = places[starts[layer - 1] + i];
                const [toX, toY] = places[starts[layer] + j];
                const [fromY, endY, middle] = [y + size / 2, toY + size / 2, (x + size + toX) / 2];
                context.beginPath();
                context.moveTo(x + size, fromY);
                context.bezierCurveTo(middle, fromY, middle, endY, toX, endY);
                context.strokeStyle = css(weight > 0 ? plus : minus, 0.15 + 0.75 * Math.min(2 * share, 1));
                context.lineWidth = 0.5 + 5 * share;
                context.stroke();
            }
        }
    }
    const count = network.outputs.length;
    const sizes = Array.from({ length: count }, (_, neuron) => plane.size(neuron));
    const centers = Array.from({ length: count }, (_, j) => (j < widths[0] ? plane.center[j] : 0));
    const half = Math.floor(STRIDE / 2);
    const maps = paint(COARSE, COARSE * count, (i, mixed) => {
        const neuron = Math.floor(i / (COARSE * COARSE));
        const cell = i % (COARSE * COARSE);
        const place = (Math.floor(cell / COARSE) * STRIDE + half) * FINE + (cell % COARSE) * STRIDE + half;
        return shade((plane.values[neuron * FINE * FINE + place] - centers[neuron]) / sizes[neuron], mixed);
    });
    places.forEach(([x, y], neuron) => {
        context.save();
        context.beginPath();
        context.roundRect(x, y, size, size, 5);
        context.clip();
        context.drawImage(maps, 0, neuron * COARSE, COARSE, COARSE, x, y, size, size);
        context.restore();
        context.strokeStyle = ink;
        context.globalAlpha = 0.35;
        context.lineWidth = 1;
        context.beginPath();
        context.roundRect(x + 0.5, y + 0.5, size - 1, size - 1, 5);
        context.stroke();
        context.globalAlpha = 1;
    });
}

// The losses over the epochs, on a scale of powers of ten.
function drawCurve(canvas, curve) {
    const { context, width, height } = prepare(canvas);
    const { line, soft, plus, minus } = look();
    const seen = curve.flatMap(({ train, test }) => [train, test]).filter((x) => x > 0 && x < Infinity);
    const [left, bottom, top] = [40, height - 18, 18];
    const low = Math.floor(Math.log10(Math.min(...seen, 1)) * 2) / 2;
    const high = Math.max(Math.ceil(Math.log10(Math.max(...seen, 1e-300)) * 2) / 2, low + 1);
    const last = Math.max(curve[curve.length - 1]?.epoch ?? 0, 1);
    const x = (epoch) => left + ((width - left - 6) * epoch) / last;
    const y = (loss) => bottom - ((bottom - top) * (Math.log10(Math.max(loss, 1e-300)) - low)) / (high - low);
    context.font = "11px ui-sans-serif, system-ui, sans-serif";
    context.fillStyle = soft;
    context.strokeStyle = line;
    context.textAlign = "right";
    const every = Math.max(1, Math.ceil((high - low) / 5));
    for (let power = Math.ceil(low); power <= high; power += every) {
        context.beginPath();
        context.moveTo(left, y(10 ** power));
        context.lineTo(width - 6, y(10 ** power));
        context.stroke();
        context.fillText(Math.abs(power) < 4 ? String(Number((10 ** power).toPrecision(1))) : `1e${power}`.replace("-", "−"), left - 5, y(10 ** power) + 4);
    }
    context.textAlign = "left";
    context.fillText("loss", 0, 10);
    context.textAlign = "right";
    context.fillText(`epoch ${last.toLocaleString("en")}`, width - 6, height - 4);
    /** @type {[string, string, number[]][]} */
    const lines = [["test", css(minus), [4, 3]], ["train", css(plus), []]];
    for (const [name, color, dashes] of lines) {
        context.beginPath();
        curve.filter((row) => Number.isFinite(row[name])).forEach((row) => context.lineTo(x(row.epoch), y(row[name])));
        context.strokeStyle = color;
        context.setLineDash(dashes);
        context.lineWidth = 2;
        context.stroke();
        context.setLineDash([]);
    }
}
