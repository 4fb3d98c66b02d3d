// Why does the loss not go down? The rules of `training/diagnosis.py`, on a network that learns. A
// finding has its kind and what was seen; the words are those of `training/findings.py`.

const FLAT = 0.01; // a slope of an activation that lets next to nothing through
const MOST = 200; // samples that are looked at
const FAR = 1e3; // between the gradients of the first and of the last layer
const UNEVEN = 100; // between the largest input and a typical one

// What keeps the loss up: `losses` are those of the epochs so far, `critical` is the critical rate.
// `names` says how inputs and neurons are called, by their places, and layers, which begin at 0.
function diagnose(network, samples, losses, rate, critical, names) {
    return [...findDivergence(losses), ...findPlateau(losses), ...findOscillation(losses),
        ...checkScale(samples, names.input), ...findIll(network, samples, names),
        ...checkRate(rate, critical)];
}

// A finding in words, which have places such as {loss:.4g} for what was seen.
function describe([name, evidence, remedy], facts) {
    const fill = (text) => text.replaceAll(/\{(\w+)(?::\.(\d)g)?\}/g, (_, fact, digits) =>
        (digits ? write(Number(facts[fact].toPrecision(digits))) : facts[fact]));
    return { name, evidence: fill(evidence), remedy: fill(remedy) };
}

function* findDivergence(losses) {
    const [first, last] = [losses[0], losses[losses.length - 1]];
    if (losses.length && !Number.isFinite(last)) {
        const place = losses.findIndex((loss) => !Number.isFinite(loss));
        yield { kind: "infinity", place, loss: losses[place] };
    } else if (last > first) {
        yield { kind: "growth", first, last };
    }
}

// The last third of the losses is flat, and not low.
function* findPlateau(losses) {
    const count = Math.floor(losses.length / 3);
    const [first, before, last] = [losses[0], losses[losses.length - count - 1], losses[losses.length - 1]];
    const fall = before - last;
    if (count >= 3 && losses.every(Number.isFinite) && fall >= 0 && fall < 1e-3 * Math.abs(before) && last > 0.5 * first) {
        yield { kind: "plateau", count, steps: "epochs", before, last, first };
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
    const count = changes.length - 1;
    const share = turns / count;
    if (((share >= 0.8 && size > 1e-3 * level) || (share >= 0.3 && size > 0.1 * level)) && rises > 0.5 * falls) {
        yield { kind: "oscillation", turns, count, steps: "epochs", size, level };
    }
}

// Whether one column is far larger than the typical one.
function* checkScale({ inputs, rows, width }, name) {
    const sizes = Array.from({ length: width }, (_, input) => ({ input, size: 0 }));
    for (const row of rows.subarray(0, MOST)) {
        sizes.forEach((each, i) => (each.size = Math.max(each.size, Math.abs(inputs[row * width + i]))));
    }
    const used = sizes.filter(({ size }) => size > 0).sort((a, b) => a.size - b.size);
    const [typical, largest] = [used[Math.floor((used.length - 1) / 2)], used.at(-1)];
    if (largest?.size > UNEVEN * typical.size) {
        const [large, small] = [largest.size, typical.size];
        yield { kind: "scale", large_input: name(largest.input), large, small_input: name(typical.input), small };
    }
}

function* findIll(network, samples, names) {
    const { dead, saturated, units } = findUnits(network, samples);
    for (const [kind, places] of Object.entries({ dead, saturated })) {
        if (places.length) {
            const more = places.length > 4 ? ` and ${places.length - 4} more` : "";
            const listed = places.slice(0, 4).map(names.neuron).join(", ") + more;
            yield { kind, count: places.length, units, samples: Math.min(samples.rows.length, MOST), flat: FLAT, names: listed, places };
        }
    }
    yield* checkLayers(network, samples, new Set([...dead, ...saturated]), names.layer);
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
    let units = 0;
    network.rows.forEach((row, layer) => {
        const start = network.starts[layer + 1];
        for (let j = start; row !== IDENTITY && j < start + network.widths[layer + 1]; j++) {
            units++;
            if (row.kinks.length ? largest[j] === 0 : largest[j] <= FLAT) {
                (row.kinks.length ? dead : saturated).push(j);
            }
        }
    });
    return { dead, saturated, units };
}

// Whether the gradients of the biases in the first and in the last layer differ by orders of
// magnitude. Dead and saturated units explain their own, and a layer of them those before it.
function* checkLayers(network, samples, ill, name) {
    network.differentiate(samples, samples.rows.subarray(0, MOST));
    const sizes = network.rows.map((_, layer) => {
        const [start, fanIn] = [network.starts[layer + 1], network.widths[layer]];
        const biases = Array.from({ length: network.widths[layer + 1] }, (_, j) => network.places[layer] + j * (fanIn + 1) + fanIn);
        const slopes = biases.filter((_, j) => !ill.has(start + j)).map((bias) => network.gradient[bias]);
        return slopes.length ? Math.hypot(...slopes) / Math.sqrt(slopes.length) : NaN;
    });
    const [there, here, layers] = [sizes[0], sizes.at(-1), sizes.length];
    const facts = { first: name(0), last: name(layers - 1), layers };
    if (layers < 2 || sizes.some(Number.isNaN)) {
        return;
    }
    if (there * FAR < here) {
        yield { kind: "vanishing", small: there, large: here, ...facts };
    } else if (there > FAR * here) {
        yield { kind: "exploding", small: here, large: there, ...facts };
    }
}

function* checkRate(rate, critical) {
    if (rate > critical) {
        yield { kind: "rate", rate, critical, half: critical / 2 };
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
