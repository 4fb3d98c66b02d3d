// One neuron: what it is called, what it computes, and its graph.

const MOST_INPUTS = 70; // of a neuron whose graph can be followed

function layerOf({ starts }, neuron) {
    const layer = starts.findLastIndex((start) => start <= neuron);
    return [layer, neuron - starts[layer]];
}

function fanInOf(network, neuron) {
    return network.widths[layerOf(network, neuron)[0] - 1];
}

// Where its parameters begin: a weight for each input, and the bias.
function parametersAt(network, neuron) {
    const [layer, j] = layerOf(network, neuron);
    return network.places[layer - 1] + j * (network.widths[layer - 1] + 1);
}

function nameOf(network, set, neuron) {
    const [layer, j] = layerOf(network, neuron);
    if (layer === 0) {
        return `Input ${set.features[j]}`;
    }
    const isLast = layer === network.widths.length - 1;
    return isLast ? `Output${network.widths[layer] > 1 ? ` ${set.classes?.[j] ?? j + 1}` : ""}` : `Layer ${layer}, neuron ${j + 1}`;
}

// What a diagnosis calls inputs, neurons and layers, by their numbers.
function namesFor(network, set) {
    const layer = (i) => (i === network.rows.length - 1 ? "the output layer" : `layer ${i + 1}`);
    const neuron = (i) => {
        const [above, j] = layerOf(network, i);
        return `neuron ${j + 1} of ${layer(above - 1)}`;
    };
    return { input: (i) => set.features[i], neuron, layer };
}

// What it computes, its largest weights first.
function formulaOf(network, set, neuron) {
    const [layer] = layerOf(network, neuron);
    if (layer === 0) {
        return "";
    }
    const fanIn = network.widths[layer - 1];
    const at = parametersAt(network, neuron);
    const name = (k) => (layer === 1 ? set.features[k] : `n${k + 1}`);
    const weights = Array.from(network.parameters.subarray(at, at + fanIn), (weight, k) => ({ weight, k }));
    const largest = weights.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 3);
    const terms = [...largest.map(({ weight, k }) => `${brief(weight)}·${name(k)}`), ...(fanIn > 3 ? ["…"] : []), brief(network.parameters[at + fanIn])];
    const inside = terms.join(" + ").replaceAll("+ −", "− ");
    const activation = network.activations[layer - 1];
    return `: ${activation === "linear" ? inside : `${activation}(${inside})`}`;
}

// Its graph at the first sample, as the part for graphs takes it.
function graphOf(network, neuron, samples, features) {
    const [layer] = layerOf(network, neuron);
    const fanIn = network.widths[layer - 1];
    const at = parametersAt(network, neuron);
    network.run(samples.inputs, 0);
    const nodes = [];
    const leaf = (name, number, label = name) => nodes.push({ name, number: String(number), label }) - 1;
    const apply = (row, ...operands) => nodes.push({ row, operands, label: "" }) - 1;
    let sum = leaf("b", network.parameters[at + fanIn]);
    for (let i = 0; i < fanIn; i++) {
        const weight = leaf(`w${i + 1}`, network.parameters[at + i]);
        const name = layer === 1 ? `x${i + 1}` : `n${i + 1}`;
        const input = leaf(name, network.outputs[network.starts[layer - 1] + i], layer === 1 ? features[i] : name);
        sum = apply("add", sum, apply("mul", weight, input));
    }
    const activation = network.activations[layer - 1];
    if (activation !== "linear") {
        apply(activation, sum, ...ROWS[activation].defaults.map(String));
    }
    nodes.at(-1).label = "neuron";
    return { nodes, formula: "", start: "end", selected: "neuron", hidden: ["form"] };
}
