// Why does the loss not go down? The rules of `training/diagnosis.py`, on a network that learns.

const FLAT = 0.01; // a slope of an activation that lets next to nothing through
const MOST = 200; // samples that are looked at

// What keeps the loss up: `losses` are those of the epochs so far, `critical` is the critical rate.
function diagnose(network, samples, losses, rate, critical) {
    return [...findDivergence(losses), ...findPlateau(losses), ...findOscillation(losses),
        ...findIll(network, samples), ...checkRate(rate, critical)];
}

function* findDivergence(losses) {
    const [first, last] = [losses[0], losses[losses.length - 1]];
    if (losses.length && !Number.isFinite(last)) {
        yield { name: "divergence", seen: `the loss is ${write(last)}`, remedy: "Start again with a smaller learning rate." };
    } else if (last > first) {
        yield { name: "divergence", seen: `the loss rose from ${brief(first)} to ${brief(last)}`, remedy: "Try a smaller learning rate." };
    }
}

// The last third of the losses is flat, and not low.
function* findPlateau(losses) {
    const third = Math.floor(losses.length / 3);
    const [before, last] = [losses[losses.length - third - 1], losses[losses.length - 1]];
    const fall = before - last;
    if (third >= 3 && losses.every(Number.isFinite) && fall >= 0 && fall < 1e-3 * Math.abs(before) && last > 0.5 * losses[0]) {
        yield {
            name: "plateau",
            seen: `in the last ${third} epochs the loss went from ${write(before)} to ${write(last)}, and it began at ${write(losses[0])}`,
            remedy: "Increase the learning rate, or start from other weights. If this is as low as the data allow, nothing is wrong.",
        };
    }
}

// The loss goes up and down by turns, and hardly gets lower.
function* findOscillation(losses) {
    const recent = losses.slice(-21);
    const changes = recent.slice(1).map((loss, i) => loss - recent[i]);
    if (changes.length < 8 || !changes.every(Number.isFinite)) {
        return;
    }
    const turns = changes.slice(1).filter((change, i) => change * changes[i] < 0).length;
    const rises = sum(changes.map((change) => Math.max(0, change)));
    const falls = sum(changes.map((change) => Math.max(0, -change)));
    const size = (rises + falls) / changes.length;
    const level = sum(recent.map(Math.abs)) / recent.length;
    const share = turns / (changes.length - 1);
    if (((share >= 0.8 && size > 1e-3 * level) || (share >= 0.3 && size > 0.1 * level)) && rises > 0.5 * falls) {
        yield {
            name: "oscillation",
            seen: `in ${turns} of the last ${changes.length - 1} epochs the loss turned, by ${brief(size)} on average around ${brief(level)}`,
            remedy: "The steps jump across the valley: try a smaller learning rate, or larger batches.",
        };
    }
}

function* findIll(network, samples) {
    const { dead, saturated, count } = findUnits(network, samples);
    const looked = Math.min(samples.rows.length, MOST);
    if (dead.length) {
        yield {
            name: "dead units",
            seen: `${dead.length} of ${count} units have slope 0 on all ${looked} samples, and so never learn`,
            remedy: "Start from other weights, with a smaller learning rate; or take an activation that is flat nowhere, such as leaky_relu.",
        };
    }
    if (saturated.length) {
        yield {
            name: "saturated units",
            seen: `${saturated.length} of ${count} units have a slope of at most ${FLAT} on all ${looked} samples`,
            remedy: "Start from smaller weights, and keep the learning rate small enough not to throw the weights out there.",
        };
    }
}

// The neurons, by their places among all outputs, that let nothing through.
function findUnits(network, samples) {
    const [dead, saturated] = [[], []];
    const largest = new Float64Array(network.outputs.length);
    for (const row of samples.rows.subarray(0, MOST)) {
        network.run(samples.inputs, row * samples.width);
        network.rows.forEach(({ slopes }, layer) => {
            const start = network.starts[layer + 1];
            for (let j = start; j < start + network.widths[layer + 1]; j++) {
                largest[j] = Math.max(largest[j], Math.abs(slopes[0](network.sums[j], network.outputs[j]) ?? 0));
            }
        });
    }
    let count = 0;
    network.rows.forEach((row, layer) => {
        const start = network.starts[layer + 1];
        for (let j = start; row !== IDENTITY && j < start + network.widths[layer + 1]; j++) {
            count++;
            if (row.kinks.length ? largest[j] === 0 : largest[j] <= FLAT) {
                (row.kinks.length ? dead : saturated).push(j);
            }
        }
    });
    return { dead, saturated, count };
}

function* checkRate(rate, critical) {
    if (rate > critical) {
        yield {
            name: "learning rate above the critical one",
            seen: `the learning rate is ${brief(rate)}; above ${brief(critical)}, 2 / the largest curvature here, steps grow instead of settling`,
            remedy: `Take a smaller one, such as ${Number((critical / 2).toPrecision(2))}.`,
        };
    }
}

// The critical rate: 2 / the largest curvature, by products of the second derivatives with a
// direction, which are differences of gradients. The direction is kept, so a few products are enough.
class Curvature {
    constructor() {
        this.direction = null;
        this.bend = 0;
    }

    critical(network, samples, products = 6) {
        const count = network.parameters.length;
        if (this.direction?.length !== count) {
            this.direction = Float64Array.from({ length: count }, (_, i) => Math.sin(i + 1));
            this.shift = 0;
        }
        for (let k = 0; k < products; k++) {
            normalize(this.direction);
            const product = multiply(network, samples, this.direction);
            this.bend = product.reduce((total, x, i) => total + x * this.direction[i], 0);
            // Where the largest bend is downward, a shift makes the largest one upward win.
            this.shift = Math.max(this.shift, -2 * this.bend);
            this.direction = product.map((x, i) => x + this.shift * this.direction[i]);
        }
        return this.bend > 0 ? 2 / this.bend : Infinity;
    }
}

function multiply(network, samples, direction) {
    const here = network.parameters.slice();
    const size = 1e-4;
    const [ahead, behind] = [size, -size].map((step) => {
        network.parameters.forEach((_, i) => (network.parameters[i] = here[i] + step * direction[i]));
        network.differentiate(samples);
        return network.gradient.slice();
    });
    network.parameters.set(here);
    return ahead.map((x, i) => (x - behind[i]) / (2 * size));
}

function normalize(vector) {
    const length = Math.hypot(...vector) || 1;
    vector.forEach((x, i) => (vector[i] = x / length));
}

function sum(numbers) {
    return numbers.reduce((total, x) => total + x, 0);
}

function brief(x) {
    return write(Number(x.toPrecision(3)));
}
