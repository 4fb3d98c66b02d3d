// What a network begins with: points that are drawn, and weights that are drawn.

class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    // A number in [0, 1): mulberry32, by Tommy Ettinger.
    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }

    gauss(deviation) {
        return deviation * Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    }

    shuffle(rows) {
        for (let i = rows.length - 1; i > 0; i--) {
            const j = Math.floor(this.next() * (i + 1));
            [rows[i], rows[j]] = [rows[j], rows[i]];
        }
    }
}

// The shapes of `data/shapes.py`: where the point of a class at a position in (0, 1) lies.
const SHAPES = {
    moons: { noise: 0.1, names: ["upper", "lower"], point(label, position) {
        const [x, y] = [Math.cos(Math.PI * position), Math.sin(Math.PI * position)];
        return label ? [1 - x, 0.5 - y] : [x, y];
    } },
    circles: { noise: 0.05, names: ["outer", "inner"], point(label, position) {
        const angle = 2 * Math.PI * position;
        return [Math.cos(angle), Math.sin(angle)].map((x) => (label ? 0.5 : 1) * x);
    } },
    spiral: { noise: 0.02, names: ["arm 0", "arm 1"], point(label, position) {
        const angle = 2 * Math.PI * (label / 2 + 0.75 * position);
        return [position * Math.cos(angle), position * Math.sin(angle)];
    } },
};

// Points of a shape to train on, and half as many to test.
function scatter(name, random, count = 200) {
    const { noise, names, point } = SHAPES[name];
    const take = (each) => {
        const rows = Array.from({ length: each }, (_, i) => i);
        random.shuffle(rows);
        return {
            inputs: rows.map((i) => point(i % 2, (Math.floor(i / 2) + 0.5) / (each / 2)).map((x) => x + random.gauss(noise))),
            targets: rows.map((i) => i % 2),
        };
    };
    return { name, features: ["x1", "x2"], classes: names, loss: "binary_cross_entropy", outputs: 1, train: take(count), test: take(count / 2) };
}

// Weights as `initializers.py` draws them where nothing else is asked for.
function drawWeights(widths, activations, random) {
    return activations.flatMap((activation, layer) => {
        const [fanIn, fanOut] = [widths[layer], widths[layer + 1]];
        const weight = {
            he: () => random.gauss(Math.sqrt(2 / fanIn)),
            lecun: () => random.gauss(Math.sqrt(1 / fanIn)),
            glorot: () => (2 * random.next() - 1) * Math.sqrt(6 / (fanIn + fanOut)),
        }[SUITED[activation] ?? "glorot"];
        return Array.from({ length: fanOut }, () => [...Array.from({ length: fanIn }, weight), 0]).flat();
    });
}

const SUITED = { linear: "lecun", selu: "lecun", relu: "he", leaky_relu: "he", elu: "he", gelu: "he", silu: "he", mish: "he", softplus: "he" };
