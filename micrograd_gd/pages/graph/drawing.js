// The picture: a box for each node, a curve for each edge, and what they show at a time.

const FEW = 60; // boxes, which are always drawn all at once

class Drawing {
    svg; course; choose; leave; drag; boxes; curves;

    // `choose(node)` is called when a node is chosen, `leave(node)` at Escape, and `drag(leaf,
    // number)`, where leaves can be moved, when one is.
    constructor(svg, course, { choose, leave, drag }) {
        Object.assign(this, { svg, course, choose, leave, drag, boxes: new Map(), curves: new Map() });
        const { nodes, root } = course;
        const { items, chains, width, height } = layOut(nodes, root);
        this.size = [width, height];
        this.chains = chains;
        svg.replaceChildren();
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        const wires = draw("g", {}, svg);
        for (const node of nodes) {
            this.curves.set(node, chains.get(node).map((chain, i, { length }) =>
                chain && draw("path", { d: curve(chain, i, length), class: "edge" }, wires)));
        }
        nodes.forEach((node) => this.drawBox(node, items.get(node)));
        this.pill = draw("g", { class: "pill" }, svg);
        draw("rect", { rx: 10, height: 20, y: -10 }, this.pill);
        draw("text", { y: 4, "text-anchor": "middle" }, this.pill);
        this.focus(root);
    }

    drawBox(node, item) {
        const kind = node.row ? (node === this.course.root ? "root" : "inner") : "leaf";
        const transform = `translate(${item.x} ${item.y - HEIGHT / 2})`;
        const group = draw("g", { class: `node ${kind}`, tabindex: -1, role: "button", transform }, this.svg);
        const head = this.course.headOf(node);
        draw("title", {}, group, head);
        if (this.course.isStack?.(node)) {
            draw("rect", { x: 4, y: 4, width: WIDTH, height: HEIGHT, rx: 9, class: "below" }, group);
        }
        draw("rect", { width: WIDTH, height: HEIGHT, rx: 9 }, group);
        const opens = this.course.opens?.(node);
        draw("text", { x: 10, y: 18, class: "name" }, group, shorten(head, kind, opens ? 2 : 0, this.course.isPart?.(node)));
        if (opens) {
            draw("text", { x: WIDTH - 19, y: 19, class: "plus" }, group, "+");
            group.ariaExpanded = false;
        }
        const data = draw("text", { x: 10, y: 38, class: "data" }, group);
        const grad = draw("text", { x: 10, y: 56, class: "grad" }, group);
        this.boxes.set(node, { group, data, grad, head, item });
        group.addEventListener("keydown", (event) => this.steer(event, node));
        this.listen(group, node);
    }

    // A click chooses a node; a leaf follows a pointer that is dragged to the side.
    listen(group, node) {
        let from = null;
        group.addEventListener("pointerdown", (event) => {
            from = { x: event.clientX, data: node.data, grain: grainOf(node.data), isMoved: false };
            if (!node.row) {
                group.setPointerCapture(event.pointerId);
            }
        });
        group.addEventListener("pointermove", (event) => {
            const distance = from && !node.row ? Math.round((event.clientX - from.x) / 2) : 0;
            if (from && this.drag && (distance || from.isMoved)) {
                from.isMoved = true;
                this.drag(node, roundTo(from.data + distance * from.grain, from.grain));
            }
        });
        group.addEventListener("pointercancel", () => (from = null));
        group.addEventListener("pointerup", () => {
            if (from && !from.isMoved) {
                this.focus(node);
                this.choose(node);
            }
            from = null;
        });
    }

    steer(event, node) {
        const { operands } = node;
        const column = [...this.boxes].filter(([, box]) => box.item.level === this.boxes.get(node).item.level)
            .sort((a, b) => a[1].item.y - b[1].item.y).map(([each]) => each);
        const target = {
            ArrowLeft: () => operands.find((x) => x instanceof Value),
            ArrowRight: () => this.course.users.get(node)[0]?.node,
            ArrowUp: () => column[column.indexOf(node) - 1],
            ArrowDown: () => column[column.indexOf(node) + 1],
        }[event.key];
        const sign = { "+": 1, "-": -1, "=": 1 }[event.key];
        if (target) {
            event.preventDefault();
            const found = target();
            if (found) {
                this.focus(found).focus();
            }
        } else if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            this.choose(node);
        } else if (event.key === "Escape") {
            this.leave(node);
        } else if (sign && !node.row && this.drag) {
            const grain = 10 * grainOf(node.data);
            this.drag(node, roundTo(node.data + sign * grain, grain));
        }
    }

    // The one box that the tab key leads to.
    focus(node) {
        this.boxes.forEach(({ group }, each) => group.setAttribute("tabindex", each === node ? 0 : -1));
        return this.boxes.get(node).group;
    }

    // Of a large picture first what is in view, so that it keeps up with a leaf that is dragged.
    showSoon(state) {
        this.show(state, this.inView());
        this.clock = setTimeout(() => this.show(state), 100);
    }

    // The nodes that are in view, or nearly.
    inView() {
        const { nodes } = this.course;
        if (nodes.length <= FEW) {
            return nodes;
        }
        const [box, view] = [this.svg, this.svg.parentElement].map((element) => element.getBoundingClientRect());
        const scale = box.width / this.size[0];
        const isNear = (at, size, from, to) => at + 2 * size > from && at - size < to;
        return nodes.filter((node) => {
            const { x, y } = this.boxes.get(node).item;
            return isNear(box.left + scale * x, WIDTH, view.left, view.right)
                && isNear(box.top + scale * y, HEIGHT, view.top, view.bottom);
        });
    }

    // `gradients` are those known at this time, and `missing` stands for the others.
    show({ time, gradients, missing, selected }, nodes = this.course.nodes) {
        clearTimeout(this.clock);
        const { course } = this;
        const step = course.steps[time - 1];
        const computed = new Set(course.steps.slice(0, Math.min(time, course.split)).map((x) => x.node));
        const done = new Set(course.steps.slice(0, time));
        const target = step && (step.operand ?? step.node);
        const largest = Math.max(...[...gradients.values()].map(Math.abs).filter(Number.isFinite), 1e-300);
        for (const node of nodes) {
            const { group, data, grad, head } = this.boxes.get(node);
            const isKnown = !node.row || computed.has(node);
            setText(data, isKnown ? course.dataOf(node) : "·");
            const gradient = gradients.has(node) ? course.gradOf(node, gradients) : missing;
            setText(grad, gradient && `∂ ${gradient}`);
            setClass(group, "known", isKnown);
            setClass(group, "reached", gradients.has(node));
            setClass(group, "now", node === target);
            setClass(group, "selected", node === selected);
            setClass(group, "kin", Boolean(course.groupsOf?.(node).includes(selected)));
            const label = `${head}, data ${isKnown ? data.textContent : "…"}, grad ${grad.textContent.slice(2)}`;
            if (group.ariaLabel !== label) {
                group.ariaLabel = label;
            }
        }
        const shown = new Set(nodes);
        for (const edge of course.edges.filter(({ node, operand }) => shown.has(node) || shown.has(operand))) {
            const path = this.curves.get(edge.node)[edge.i];
            const isForward = step?.kind === "forward" && step.node === edge.node;
            const share = done.has(edge) ? shareOf(edge, gradients) : null;
            setClass(path, "forward", isForward);
            setClass(path, "now", edge === step);
            setClass(path, "carried", share !== null && share !== 0);
            const width = share ? 1.2 + 4.3 * Math.sqrt(Math.min(Math.abs(share) / largest, 1)) : 1.5;
            path.style.strokeWidth = edge === step || isForward ? Math.max(width, 3) : width;
        }
        this.mark(step);
    }

    // The slope beside the edge of a step.
    mark(step) {
        const isEdge = step?.kind === "edge" && step.node.partials[step.i] !== null;
        this.pill.toggleAttribute("hidden", !isEdge);
        if (isEdge) {
            const { x, y } = middleOf(this.chains.get(step.node)[step.i], step.i, step.node.operands.length);
            const [rect, text] = this.pill.children;
            text.textContent = `× ${write(Number(step.node.partials[step.i].toPrecision(3)))}`;
            const width = text.textContent.length * 6.6 + 14;
            rect.setAttribute("width", width);
            rect.setAttribute("x", -width / 2);
            this.pill.setAttribute("transform", `translate(${x} ${y})`);
        }
    }

    // Draw the edges of a path thick, all others faint; without a path, all as they are.
    light(path) {
        setClass(this.svg, "lit", Boolean(path));
        const lit = new Set(path);
        this.course.edges.forEach((edge) => setClass(this.curves.get(edge.node)[edge.i], "on", lit.has(edge)));
        const nodes = new Set(path?.flatMap((edge) => [edge.node, edge.operand]));
        this.boxes.forEach(({ group }, node) => setClass(group, "on", nodes.has(node)));
    }
}

function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

function setClass(element, name, isOn) {
    if (element.classList.contains(name) !== isOn) {
        element.classList.toggle(name, isOn);
    }
}

function grainOf(x) {
    return Number.isFinite(x) ? 10 ** (Math.floor(Math.log10(Math.max(Math.abs(x), 0.1))) - 2) : 0.01;
}
