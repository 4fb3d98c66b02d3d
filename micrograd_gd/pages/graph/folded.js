// A large graph, folded into boxes: what each says was written down, and is shown box by box. Some
// open, and others come out of them.

class Folded {
    size; leftOut; most; inView; leaves; told;

    // Up to `most` boxes come out of one, and so many are `inView` at once.
    constructor({ boxes, size, leftOut, most, inView }) {
        Object.assign(this, { size, leftOut, most, inView, leaves: [], told: new Map() });
        this.all = boxes.map((box) => {
            const node = new Value(0);
            node.row = box.isLeaf ? null : { name: box.name };
            this.told.set(node, { ...box, members: [] });
            return node;
        });
        this.names = new Map(this.all.map((node) => [node, this.told.get(node).name]));
        this.all.forEach((node) => this.groupOf(node) && this.told.get(this.groupOf(node)).members.push(node));
        this.arrange();
    }

    // The box that a box is in.
    groupOf(node) {
        return this.all[this.told.get(node).within] ?? null;
    }

    // Those that a box is in, the innermost first.
    groupsOf(node) {
        const group = this.groupOf(node);
        return group ? [group, ...this.groupsOf(group)] : [];
    }

    // The box in view that a box is seen as.
    seenAs(node) {
        return [node, ...this.groupsOf(node)].findLast((each) => !this.told.get(each).isOpen) ?? node;
    }

    // Boxes in view use what is in them uses.
    arrange() {
        const { all, told } = this;
        const uses = new Map();
        for (const node of all) {
            const seen = this.seenAs(node);
            const found = uses.get(seen) ?? uses.set(seen, new Map()).get(seen);
            for (const [place, times] of told.get(node).uses) {
                const operand = this.seenAs(all[place]);
                if (operand !== seen) {
                    found.set(operand, (found.get(operand) ?? 0) + times);
                }
            }
        }
        this.nodes = all.filter((node) => this.seenAs(node) === node && !told.get(node).isOpen);
        const place = new Map(this.nodes.map((node, i) => [node, i]));
        this.times = new Map();
        for (const node of this.nodes) {
            // A part that is used again, as in a recurrent network, would be before itself.
            const before = [...uses.get(node)].filter(([operand]) => place.get(operand) < place.get(node));
            this.times.set(node, before);
            node.operands = before.map(([operand]) => operand);
            node.partials = before.map(() => null);
        }
        this.root = this.nodes.at(-1);
        this.edges = this.nodes.flatMap((node) => node.operands.map((operand, i) => ({ kind: "edge", node, i, operand })));
        this.users = new Map(this.nodes.map((node) => [node, []]));
        this.edges.forEach((edge) => this.users.get(edge.operand).push(edge));
        const inner = this.nodes.filter((node) => node.row);
        this.split = inner.length;
        this.steps = [...inner.map((node) => ({ kind: "forward", node })),
            ...[...this.nodes].reverse().map((node) => ({ kind: "gradient", node }))];
    }

    opens(node) {
        return this.told.get(node).members.length > 0;
    }

    // Open a box, and what alone is in it; whether there was room.
    open(node) {
        const { members } = this.told.get(node);
        if (!members.length || this.nodes.length + members.length > this.inView) {
            return false;
        }
        this.told.get(node).isOpen = true;
        if (members.length > 1 || !this.open(members[0])) {
            this.arrange();
        }
        return true;
    }

    close(group) {
        this.told.get(group).isOpen = false;
        this.arrange();
    }

    // The last box in view of what is in a box, or the box.
    lastOf(node) {
        return this.told.get(node).isOpen ? this.lastOf(this.told.get(node).members.at(-1)) : node;
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

    isPart(node) {
        return Boolean(this.told.get(node).isPart);
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

    tellSize() {
        return make("h3", {}, `${this.size} in ${COUNT.format(this.nodes.length)} boxes${this.leftOut}`);
    }

    tell(time) {
        const step = this.steps[time - 1];
        if (!step) {
            return [this.tellSize(), line("A large graph, folded until it can be read."),
                make("p", { className: "soft" }, "The numbers are those of the moment in which the page was made. "
                    + `A box with a plus opens by a click or Enter, and closes by Escape; up to ${this.most} boxes come out of one.`)];
        }
        const box = this.told.get(step.node);
        const isForward = step.kind === "forward";
        const [kind, text] = isForward ? ["data", this.dataOf(step.node)] : ["grad", this.gradOf(step.node)];
        return [make("h3", {}, isForward ? `Forward, ${time} of ${this.split}` : `Backward, ${time - this.split} of ${this.nodes.length}`),
            line(box.head, ...(text ? [isForward ? ": " : ", gradient: ", tint(kind, text)] : [])),
            make("p", { className: "soft" }, box.about)];
    }

    // `close(group)` is called to close a box again.
    tellNode(node, isHidden, light, close) {
        const box = this.told.get(node);
        const uses = (this.times.get(node) ?? []).map(([operand, times]) => make("li", {}, make("span", { className: "product data" }, `${COUNT.format(times)} ×`),
            make("span", { className: "path" }, this.names.get(operand))));
        const groups = [...(box.isOpen ? [node] : []), ...this.groupsOf(node)].map((group) => {
            const button = make("button", { type: "button" }, `Close ${this.names.get(group)}`);
            button.addEventListener("click", () => close(group));
            return button;
        });
        const isFull = this.opens(node) && !box.isOpen && this.nodes.length + box.members.length > this.inView;
        return [this.tellSize(), make("p", { className: "equation" }, box.head), make("p", {}, box.about),
            ...(isFull ? [make("p", { className: "problem" }, `To open it, close others: no more than ${this.inView} boxes are in view.`)] : []),
            ...(uses.length && !box.isOpen ? [make("h3", {}, "It uses"), make("ul", { className: "paths" }, ...uses)] : []),
            ...(groups.length ? [make("h3", {}, box.isOpen ? "It is open" : "It came out of a box"), make("div", { className: "groups" }, ...groups)] : [])];
    }
}

function sign(text) {
    return text.replace(/(^|\s)-/, "$1−");
}
