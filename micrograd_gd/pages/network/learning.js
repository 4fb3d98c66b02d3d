// A network of layers on arrays of numbers, for speed: sums from left to right as in `nn.py`, losses
// as in `losses.py`, activations and their slopes from the rows of the table.

const IDENTITY = { compute: (x) => x, slopes: [() => 1], kinks: [] };

class Network {
    widths; activations;

    // Parameters stand neuron by neuron, weights and then the bias, as `parameters()` lists them.
    constructor(widths, activations, parameters) {
        Object.assign(this, { widths, activations });
        this.rows = activations.map((name) => (name === "linear" ? IDENTITY : ofOne(ROWS[name])));
        this.parameters = Float64Array.from(parameters);
        this.gradient = new Float64Array(this.parameters.length);
        const total = widths.reduce((sum, width) => sum + width);
        this.sums = new Float64Array(total); // of all neurons; the inputs come first, and have none
        this.outputs = new Float64Array(total);
        this.adjoints = new Float64Array(total);
        this.starts = [];
        this.places = []; // of the parameters of each layer
        let start = 0;
        let place = 0;
        widths.forEach((width, layer) => {
            this.starts.push(start);
            this.places.push(place);
            start += width;
            place += (width + 1) * (widths[layer + 1] ?? 0);
        });
        this.last = this.starts[widths.length - 1];
    }

    // The outputs of all neurons for one sample, which stands in `inputs` from `at` on.
    run(inputs, at) {
        const { widths, starts, places, parameters, sums, outputs } = this;
        for (let i = 0; i < widths[0]; i++) {
            outputs[i] = inputs[at + i];
        }
        for (let layer = 1; layer < widths.length; layer++) {
            const { compute } = this.rows[layer - 1];
            const [before, after, fanIn] = [starts[layer - 1], starts[layer], widths[layer - 1]];
            let place = places[layer - 1];
            for (let j = 0; j < widths[layer]; j++) {
                let sum = parameters[place + fanIn];
                for (let i = 0; i < fanIn; i++) {
                    sum += parameters[place + i] * outputs[before + i];
                }
                sums[after + j] = sum;
                outputs[after + j] = compute(sum);
                place += fanIn + 1;
            }
        }
    }

    // Add the gradient of the sample that ran last, whose loss has the slopes `adjoints` at the end.
    pullBack() {
        const { widths, starts, places, parameters, sums, outputs, adjoints, gradient } = this;
        adjoints.fill(0, 0, this.last);
        for (let layer = widths.length - 1; layer > 0; layer--) {
            const slope = this.rows[layer - 1].slopes[0];
            const [before, after, fanIn] = [starts[layer - 1], starts[layer], widths[layer - 1]];
            let place = places[layer - 1];
            for (let j = after; j < after + widths[layer]; j++) {
                const delta = adjoints[j] === 0 ? 0 : adjoints[j] * (slope(sums[j], outputs[j]) ?? 0);
                if (delta !== 0) {
                    for (let i = 0; i < fanIn; i++) {
                        gradient[place + i] += delta * outputs[before + i];
                        adjoints[before + i] += delta * parameters[place + i];
                    }
                    gradient[place + fanIn] += delta;
                }
                place += fanIn + 1;
            }
        }
    }

    // The mean loss of some rows of the samples; `gradient` is then that of it.
    differentiate(samples, rows = samples.rows, from = 0, to = rows.length) {
        const { addLoss } = samples.loss;
        const scale = 1 / (to - from);
        let sum = 0;
        this.gradient.fill(0);
        for (let k = from; k < to; k++) {
            this.run(samples.inputs, rows[k] * samples.width);
            sum += addLoss(this, samples.targets, rows[k], scale);
            this.pullBack();
        }
        return sum / (to - from);
    }

    // A step of plain gradient descent; the loss before it.
    descend(rate, samples, rows, from, to) {
        const loss = this.differentiate(samples, rows, from, to);
        const { parameters, gradient } = this;
        for (let i = 0; i < parameters.length; i++) {
            parameters[i] -= rate * gradient[i];
        }
        return loss;
    }

    // The mean loss of all samples, and how many are right where targets are classes.
    measure(samples) {
        let [sum, right] = [0, 0];
        for (const row of samples.rows) {
            this.run(samples.inputs, row * samples.width);
            sum += samples.loss.addLoss(this, samples.targets, row, 0);
            right += samples.loss.isRight?.(this, samples.targets, row) ? 1 : 0;
        }
        return { loss: sum / samples.rows.length, right };
    }
}

// A row as a function of its first operand, with the others as they are where nothing is said.
function ofOne(row) {
    const { compute, slopes: [slope], kinks, defaults: rest } = row;
    return rest.length ? { compute: (x) => compute(x, ...rest), slopes: [(x, y) => slope(x, ...rest, y)], kinks } : row;
}

// Rows of numbers with their targets.
class Samples {
    constructor(inputs, targets, loss) {
        this.width = inputs[0].length;
        this.rows = Int32Array.from(inputs.keys());
        this.inputs = Float64Array.from(inputs.flat());
        this.targets = Float64Array.from(targets.flat());
        this.loss = LOSSES[loss];
    }
}

// `addLoss` gives the loss of the sample that ran last, and puts its slopes times `scale` in the
// adjoints of the scores.
const LOSSES = {
    mse: sumOver((error) => error * error, (error) => 2 * error),
    mae: sumOver(Math.abs, Math.sign),
    huber: sumOver(
        (error) => (Math.abs(error) <= 1 ? 0.5 * error * error : Math.abs(error) - 0.5),
        (error) => Math.min(Math.max(error, -1), 1)),
    hinge: {
        addLoss({ outputs, adjoints, last }, targets, row, scale) {
            const t = targets[row];
            const margin = 1 - t * outputs[last];
            adjoints[last] = margin > 0 ? -t * scale : 0;
            return Math.max(margin, 0);
        },
        isRight: ({ outputs, last }, targets, row) => outputs[last] > 0 === targets[row] > 0,
    },
    binary_cross_entropy: {
        addLoss({ outputs, adjoints, last }, targets, row, scale) {
            const [t, score] = [targets[row], outputs[last]];
            const probability = ROWS.sigmoid.compute(score);
            adjoints[last] = (probability - t) * scale;
            return t * ROWS.softplus.compute(-score) + (1 - t) * ROWS.softplus.compute(score);
        },
        isRight: ({ outputs, last }, targets, row) => outputs[last] > 0 === targets[row] > 0.5,
    },
    cross_entropy: {
        addLoss({ outputs, adjoints, last }, targets, row, scale) {
            const largest = outputs.subarray(last).reduce((a, b) => Math.max(a, b));
            let sum = 0;
            for (let j = last; j < outputs.length; j++) {
                adjoints[j] = Math.exp(outputs[j] - largest);
                sum += adjoints[j];
            }
            const right = last + targets[row];
            const others = sum - adjoints[right];
            const loss = adjoints[right] === 1 ? Math.log1p(others) : Math.log(sum) + largest - outputs[right];
            for (let j = last; j < outputs.length; j++) {
                adjoints[j] *= scale / sum;
            }
            adjoints[right] = (-others / sum) * scale;
            return loss;
        },
        isRight: ({ outputs, last }, targets, row) =>
            outputs.subarray(last).every((score) => score <= outputs[last + targets[row]]),
    },
};

// A mean over all scores of what each error costs.
function sumOver(cost, slope) {
    return {
        addLoss({ outputs, adjoints, last }, targets, row, scale) {
            const count = outputs.length - last;
            let sum = 0;
            for (let j = 0; j < count; j++) {
                const error = outputs[last + j] - targets[row * count + j];
                sum += cost(error);
                adjoints[last + j] = (slope(error) * scale) / count;
            }
            return sum / count;
        },
    };
}
