// The graph of one neuron at one sample, as the part for graphs takes it.

function graphOf(network, neuron, samples, features) {
    const layer = network.starts.findLastIndex((start) => start <= neuron);
    const fanIn = network.widths[layer - 1];
    const at = network.places[layer - 1] + (neuron - network.starts[layer]) * (fanIn + 1);
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
