// A large graph, folded into boxes: what each says was written down, and is shown box by box.

class Folded {
    constructor({ boxes, size }) {
        this.size = size;
        this.told = new Map();
        this.nodes = [];
        for (const box of boxes) {
            const node = new Value(0);
            node.row = box.isLeaf ? null : { name: box.name };
            node.operands = box.uses.map(([place]) => this.nodes[place]);
            node.partials = node.operands.map(() => null);
            this.nodes.push(node);
            this.told.set(node, box);
        }
        this.root = this.nodes.at(-1);
        this.names = new Map(this.nodes.map((node) => [node, this.told.get(node).name]));
        this.leaves = [];
        this.edges = this.nodes.flatMap((node) => node.operands.map((operand, i) => ({ kind: "edge", node, i, operand })));
        this.users = new Map(this.nodes.map((node) => [node, this.edges.filter((edge) => edge.operand === node)]));
        const inner = this.nodes.filter((node) => node.row);
        this.split = inner.length;
        this.steps = [...inner.map((node) => ({ kind: "forward", node })),
            ...[...this.nodes].reverse().map((node) => ({ kind: "gradient", node }))];
    }

    gradientsAt(count) {
        return new Map(this.steps.slice(this.split, Math.max(count, this.split)).map(({ node }) => [node, this.told.get(node).grad]));
    }

    placeOf(node) {
        const find = (kind) => 1 + this.steps.findIndex((step) => step.kind === kind && step.node === node);
        return [find("forward"), find("gradient")];
    }

    // Whether a box stands for several nodes.
    isStack(node) {
        return Boolean(this.told.get(node).isStack);
    }

    headOf(node) {
        return this.told.get(node).head;
    }

    dataOf(node) {
        return sign(this.told.get(node).data);
    }

    gradOf(node) {
        return sign(this.told.get(node).grad);
    }

    tell(time) {
        const step = this.steps[time - 1];
        if (!step) {
            return [make("h3", {}, this.size), line("A large graph, folded until it can be read."),
                make("p", { className: "soft" }, "The numbers are those of the moment in which the page was made.")];
        }
        const box = this.told.get(step.node);
        const isForward = step.kind === "forward";
        const [kind, text] = isForward ? ["data", this.dataOf(step.node)] : ["grad", this.gradOf(step.node)];
        return [make("h3", {}, isForward ? `Forward, ${time} of ${this.split}` : `Backward, ${time - this.split} of ${this.nodes.length}`),
            line(box.head, ...(text ? [isForward ? ": " : ", gradient: ", tint(kind, text)] : [])),
            make("p", { className: "soft" }, box.about)];
    }

    tellNode(node) {
        const box = this.told.get(node);
        const uses = box.uses.map(([place, times]) => make("li", {}, make("span", { className: "product data" }, `${COUNT.format(times)} ×`),
            make("span", { className: "path" }, this.names.get(this.nodes[place]))));
        return [make("h3", {}, this.size), make("p", { className: "equation" }, box.head), make("p", {}, box.about),
            ...(uses.length ? [make("h3", {}, "It uses"), make("ul", { className: "paths" }, ...uses)] : [])];
    }
}

function sign(text) {
    return text.replace(/(^|\s)-/, "$1−");
}
