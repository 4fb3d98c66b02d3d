// The engine in JavaScript: a `Value` records what it was computed from, and goes backward, as in
// `engine.py`. `ROWS` is the table; a row has its formulas as text and as functions.

class Value {
    constructor(data, label = "") {
        this.data = data;
        this.grad = 0;
        this.label = label;
        this.row = null;
        this.operands = []; // values and plain numbers
        this.partials = []; // ∂this/∂operand, null where no derivative flows
    }

    // The node that applies a row to operands, at least one of which is a value.
    static record(row, operands) {
        const node = new Value(0);
        node.row = row;
        node.operands = operands;
        node.compute();
        return node;
    }

    // Take the number and the partials from the operands as they are now.
    compute() {
        const x = this.operands.map(numberOf);
        const flows = this.operands.map((operand) => operand instanceof Value);
        const [y, partials] = this.row.folds ? fold(this.row, x) : apply(this.row, x, flows);
        this.data = y;
        this.partials = partials.map((partial, i) => (flows[i] ? partial : null));
    }

    // Every node below this one, operands first, itself last.
    nodes() {
        const ordered = [];
        const seen = new Set();
        const stack = [this];
        while (stack.length) {
            const node = stack.pop();
            if (node === null) { // the operands of the node below are all in place
                ordered.push(stack.pop());
            } else if (node instanceof Value && !seen.has(node)) {
                seen.add(node);
                stack.push(node, null, ...[...node.operands].reverse());
            }
        }
        return ordered;
    }

    // Compute all nodes below again, after leaves were changed.
    forward() {
        this.nodes().forEach((node) => node.row && node.compute());
        return this.data;
    }

    // Add ∂this/∂leaf · seed to every leaf; nodes between get a fresh gradient.
    backward(seed = 1) {
        const adjoints = seed === 0 ? new Map([[this, 0]]) : pullBack(this, seed);
        for (const node of this.nodes()) {
            const gradient = adjoints.get(node) ?? 0;
            node.grad = node.row ? gradient : node.grad + gradient;
        }
    }
}

// The two sweeps.

// ∂root/∂node · seed for every node that a derivative flows to.
function pullBack(root, seed = 1) {
    const found = new Map([[root, seed]]);
    for (const node of root.nodes().reverse()) {
        if (!found.has(node)) {
            continue;
        }
        const g = found.get(node);
        node.partials.forEach((partial, i) => {
            if (partial !== null) {
                add(found, node.operands[i], g * partial);
            }
        });
    }
    return found;
}

// Every node's derivative along the direction that the seeds, a Map, give for some leaves.
function pushForward(root, seeds) {
    const found = new Map(seeds);
    for (const node of root.nodes()) {
        if (seeds.has(node)) {
            continue;
        }
        node.partials.forEach((partial, i) => {
            if (partial !== null && found.has(node.operands[i])) {
                add(found, node, found.get(node.operands[i]) * partial);
            }
        });
    }
    return found;
}

function add(found, node, step) {
    found.set(node, found.has(node) ? found.get(node) + step : step);
}

// Rows applied to numbers.

function numberOf(x) {
    return x instanceof Value ? x.data : x;
}

// A row applied to values and numbers: a node, or a number where all are numbers.
function call(row, operands) {
    if (operands.some((operand) => operand instanceof Value)) {
        return Value.record(row, operands);
    }
    return row.folds ? fold(row, operands)[0] : row.compute(...operands);
}

// The value and the partials. A plain number that makes the result a constant leaves no path.
function apply(row, x, flows) {
    const y = row.compute(...x);
    const partials = row.slopes.map((slope, i) => {
        const isConstant = row.fixing.some(([j, number]) => !flows[j] && x[j] === number);
        return flows[i] && !isConstant ? slope(...x, y) : null;
    });
    return [y, partials];
}

// The same for a row that adds one term after the other: operands are s, then every w, every x.
function fold(row, /** @type {number[]} */ [start, ...rest]) {
    const groups = row.operands.length - 1;
    const count = rest.length / groups;
    const terms = Array.from({ length: count }, (_, i) =>
        Array.from({ length: groups }, (_, g) => rest[g * count + i]));
    const y = terms.reduce((s, term) => row.compute(s, ...term), start);
    const slopes = row.slopes.slice(1).flatMap((slope) => terms.map((term) => slope(y, ...term, y)));
    return [y, [1, ...slopes]];
}
