// A graph and the steps through it: each node is computed, the root gets 1, and then an operand's
// gradient grows along each edge.

class Backpropagation {
    constructor(root) {
        this.root = root;
        this.nodes = root.nodes();
        this.names = nameAll(this.nodes);
        this.leaves = this.nodes.filter((node) => !node.row);
        const inner = this.nodes.filter((node) => node.row);
        this.edges = [...inner].reverse().flatMap((node) => node.operands.flatMap((operand, i) =>
            (operand instanceof Value ? [{ kind: "edge", node, i, operand }] : [])));
        this.steps = [
            ...inner.map((node) => ({ kind: "forward", node })),
            { kind: "seed", node: root },
            ...this.edges,
        ];
        this.split = inner.length; // steps of the forward pass
        this.users = new Map(this.nodes.map((node) => [node, []]));
        this.edges.forEach((edge) => this.users.get(edge.operand).push(edge));
    }

    // The gradients after so many steps.
    gradientsAt(count) {
        const found = new Map();
        for (const step of this.steps.slice(0, count)) {
            const share = step.kind === "seed" ? 1 : shareOf(step, found);
            const node = step.kind === "seed" ? step.node : step.operand;
            if (share !== null) {
                found.set(node, found.has(node) ? found.get(node) + share : share);
            }
        }
        return found;
    }

    headOf(node) {
        const name = this.names.get(node);
        return node.row ? `${name} = ${writeCall(node, (x) => this.names.get(x))}` : name;
    }

    dataOf(node) {
        return write(node.data);
    }

    // A gradient of a leaf is a sum that began at 0, so it has no −0.
    gradOf(node, gradients) {
        return write(gradients.get(node) + (node.row ? -0 : 0));
    }

    tell(time) {
        return tell(this, time);
    }

    tellNode(...more) {
        return tellNode(this, ...more);
    }

    // The steps before which a node is computed, and before which its gradient is complete.
    placeOf(node) {
        const last = this.steps.findLastIndex(({ kind, node: from, operand }) =>
            kind !== "forward" && (operand ?? from) === node);
        return [1 + this.steps.findIndex((step) => step.kind === "forward" && step.node === node), 1 + last];
    }
}

// What a step adds to the gradient of its operand, or null where nothing flows.
function shareOf({ kind, node, i }, gradients) {
    const partial = kind === "edge" ? node.partials[i] : null;
    return partial !== null && gradients.has(node) ? gradients.get(node) * partial : null;
}

// Labels, and for the rest x1, x2, … and v1, v2, …
function nameAll(nodes) {
    const found = new Map();
    const taken = new Set(nodes.map((node) => node.label));
    const counts = { x: 0, v: 0 };
    for (const node of nodes) {
        const stem = node.row ? "v" : "x";
        let name = node.label || (node === nodes.at(-1) && !taken.has("y") ? "y" : "");
        while (!name || (name !== node.label && taken.has(name))) {
            name = `${stem}${(counts[stem] += 1)}`;
        }
        found.set(node, name);
    }
    return found;
}

// The graph that Python wrote down: rows with the places of their operands, and numbers as text.
function build(data) {
    const built = [];
    for (const { row, operands, number, ...about } of data) {
        const parts = row && operands.map((x) => (typeof x === "string" ? Number(x) : built[x]));
        const node = row ? call(ROWS[row], parts) : new Value(Number(number));
        Object.assign(node, about); // its label; the source of a row; the name of a leaf in formulas
        built.push(node);
    }
    return built.at(-1);
}

// The graph of a formula; leaves keep the numbers that their names have.
function buildFormula(text, numbers) {
    const formula = parse(text);
    const leaves = formula.names.map((name, i) => new Value(numbers.get(name) ?? STARTS[i % STARTS.length], name));
    const found = formula.evaluate(...leaves);
    return found instanceof Value ? found : new Value(found, "y");
}

const STARTS = [2, -3, 0.5, 1, -1.5]; // no two leaves begin alike
