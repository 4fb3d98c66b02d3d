// The page of one expression: its graph, and backpropagation through it, step by step.

const { Value, parse, call, ROWS } = micrograd;
const find = (id) => document.getElementById(id);
const [WIDTH, HEIGHT, GAP_X, MARGIN] = [150, 60, 56, 8];
const [ROOM, LANE] = [82, 26]; // heights that a node and a passing edge take in a column

let root, nodes, names, steps;
let time = 0;
let playing = null;

// Where the graph comes from.

function buildFromData(data) {
    const built = [];
    for (const { row, operands, number, label } of data) {
        const parts = row && operands.map((x) => (typeof x === "string" ? Number(x) : built[x]));
        const node = row ? call(ROWS[row], parts) : new Value(Number(number));
        node.label = label;
        built.push(node);
    }
    return built.at(-1);
}

function buildFromText(text) {
    const formula = parse(text);
    const before = new Map(nodes.filter((x) => !x.row).map((x) => [names.get(x), x.data]));
    const leaves = formula.names.map((name) => new Value(before.get(name) ?? 1, name));
    const found = formula.evaluate(...leaves);
    return found instanceof Value ? found : new Value(found, "y");
}

function use(newRoot) {
    root = newRoot;
    nodes = root.nodes();
    names = nameAll();
    steps = listSteps();
    time = 0;
    find("slider").max = steps.length;
    drawGraph();
    listLeaves();
    show();
}

// Labels, and for the rest x1, x2, … and v1, v2, …
function nameAll() {
    const found = new Map();
    const taken = new Set(nodes.map((node) => node.label));
    const counts = { x: 0, v: 0 };
    for (const node of nodes) {
        const stem = node.row ? "v" : "x";
        let name = node.label;
        while (!name || (name !== node.label && taken.has(name))) {
            name = `${stem}${(counts[stem] += 1)}`;
        }
        found.set(node, name);
    }
    return found;
}

// Steps: a node is computed, the root gets 1, an operand's gradient grows along an edge.
function listSteps() {
    const inner = nodes.filter((node) => node.row);
    const backward = [...inner].reverse().flatMap((node) =>
        node.operands.flatMap((operand, i) => (operand instanceof Value ? [{ kind: "edge", node, i }] : [])));
    return [
        ...inner.map((node) => ({ kind: "forward", node })),
        { kind: "seed", node: root },
        ...backward,
    ];
}

// The gradients after so many steps.
function gradientsAt(count) {
    const found = new Map();
    for (const { kind, node, i } of steps.slice(0, count)) {
        if (kind === "seed") {
            found.set(root, 1);
        } else if (kind === "edge" && node.partials[i] !== null && found.has(node)) {
            const [target, share] = [node.operands[i], found.get(node) * node.partials[i]];
            found.set(target, found.has(target) ? found.get(target) + share : share);
        }
    }
    return found;
}

// Words.

function write(x) {
    return Object.is(x, -0) ? "-0" : Number.isFinite(x) ? String(Number(x.toPrecision(6))) : String(x);
}

function writeCall(node, of) {
    const { row } = node;
    const parts = node.operands.map((x) => (x instanceof Value ? of(x) : write(x)));
    if (!row.infix || parts.length > 2) {
        return `${row.name}(${parts.join(", ")})`;
    }
    const safe = parts.map((part) => (part.startsWith("-") ? `(${part})` : part));
    return safe.length === 2 ? `${safe[0]} ${row.infix} ${safe[1]}` : `${row.infix}${safe[0]}`;
}

// An operation by its beginning; a leaf, such as layers.0.neurons.1.w.2, by its end.
function shorten(text, node) {
    return text.length <= 16 ? text : node.row ? `${text.slice(0, 15)}…` : `…${text.slice(-15)}`;
}

// Which letter of the row's formula an operand is; those of a row that folds come in groups.
function letterOf(row, operands, i) {
    const groups = row.operands.length - 1;
    const size = (operands.length - 1) / groups;
    return row.folds && i > 0 ? 1 + Math.floor((i - 1) / size) : i;
}

function describe() {
    if (time === 0) {
        return ["The leaves have their numbers. Step forward.", ""];
    }
    const { kind, node, i } = steps[time - 1];
    const name = names.get(node);
    if (kind === "forward") {
        const text = writeCall(node, (x) => names.get(x));
        const numbers = writeCall(node, (x) => write(x.data));
        return [`Forward: ${name} = ${text} = ${numbers} = ${write(node.data)}`, node.row.doc];
    }
    if (kind === "seed") {
        return [`Backward begins: the gradient of ${name} is 1.`, "How fast the result changes with itself."];
    }
    const operand = names.get(node.operands[i]);
    const partial = node.partials[i];
    const place = letterOf(node.row, node.operands, i);
    const { row } = node;
    const rule = `${row.name}(${row.operands.join(", ")}) = ${row.value}; its derivative by ` +
        `${row.operands[place]} is ${row.partials[place]}`;
    if (partial === null) {
        return [`Backward: nothing flows from ${name} to ${operand} for these numbers.`, rule];
    }
    const [before, after] = [gradientsAt(time - 1), gradientsAt(time)];
    const g = before.get(node);
    if (g === undefined) {
        return [`Backward: no gradient has reached ${name}, so none flows to ${operand}.`, rule];
    }
    const old = before.get(node.operands[i]) ?? 0;
    const sum = `${write(old)} + ${write(g)} × ${write(partial)} = ${write(after.get(node.operands[i]))}`;
    const reached = gradientsAt(steps.length);
    const parts = steps.filter((step) => step.kind === "edge" && reached.has(step.node)
        && step.node.operands[step.i] === node.operands[i] && step.node.partials[step.i] !== null);
    const part = 1 + parts.indexOf(steps[time - 1]);
    const several = parts.length > 1 ? ` Part ${part} of ${parts.length} of the sum.` : "";
    return [`Backward: gradient of ${operand} += gradient of ${name} × slope: ${sum}.${several}`, rule];
}

// The drawing.

// Columns by distance from the leaves. An edge that is longer passes the columns between in lanes.
function layOut() {
    const level = new Map();
    for (const node of nodes) {
        const below = valuesOf(node).map((x) => level.get(x));
        level.set(node, below.length ? 1 + Math.max(...below) : 0);
    }
    for (const leaf of nodes.filter((node) => !node.row && node !== root)) {
        const users = nodes.filter((node) => node.operands.includes(leaf));
        level.set(leaf, Math.min(...users.map((x) => level.get(x))) - 1);
    }
    const columns = [];
    const items = new Map();
    const enter = (item) => (columns[item.level] ??= []).push(item) && item;
    nodes.forEach((node) =>
        items.set(node, enter({ level: level.get(node), room: ROOM, below: [], above: [] })));
    const chains = new Map(nodes.map((node) => [node, node.operands.map((operand) => {
        const chain = operand instanceof Value ? [items.get(operand)] : [];
        for (let at = level.get(operand) + 1; at < level.get(node); at++) {
            chain.push(enter({ level: at, room: LANE, below: [], above: [] }));
        }
        chain.push(items.get(node));
        chain.slice(1).forEach((item, k) => {
            item.below.push(chain[k]);
            chain[k].above.push(item);
        });
        return chain;
    })]));
    arrange(columns);
    const [top, bottom] = [1, -1].map((side) => side * Math.min(
        ...columns.flat().map((item) => side * item.y - item.room / 2)));
    for (const item of columns.flat()) {
        item.x = MARGIN + item.level * (WIDTH + GAP_X);
        item.y += MARGIN - top - (ROOM - HEIGHT) / 2;
    }
    return {
        items, chains,
        width: 2 * MARGIN + columns.length * (WIDTH + GAP_X) - GAP_X,
        height: 2 * MARGIN + bottom - top - (ROOM - HEIGHT),
    };
}

function valuesOf(node) {
    return node.operands.filter((x) => x instanceof Value);
}

// Give each item a height near the mean of its neighbors', first from one side, then the other.
function arrange(columns) {
    const settle = (column) => {
        let y = -column.reduce((sum, item) => sum + item.room, 0) / 2;
        for (const item of column) {
            item.y = y + item.room / 2;
            y += item.room;
        }
    };
    columns.forEach(settle);
    for (let sweep = 0; sweep < 6; sweep++) {
        for (const column of sweep % 2 ? columns : [...columns].reverse()) {
            for (const item of column) {
                const near = sweep % 2 ? item.below : item.above;
                item.wish = near.length ? near.reduce((sum, x) => sum + x.y, 0) / near.length : item.y;
            }
            column.sort((a, b) => a.wish - b.wish);
            settle(column);
        }
    }
}

function drawEdge(chain) {
    let path = `M${chain[0].x + WIDTH},${chain[0].y}`;
    chain.slice(1).forEach(({ x, y }, k) => {
        const from = chain[k];
        const middle = x - GAP_X / 2;
        path += ` C${middle},${from.y} ${middle},${y} ${x},${y}`;
        if (k < chain.length - 2) {
            path += ` H${x + WIDTH}`;
        }
    });
    return path;
}

function make(kind, attributes, parent, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text !== undefined) {
        element.textContent = text;
    }
    parent.append(element);
    return element;
}

const boxes = new Map();
const edges = new Map();

function drawGraph() {
    const { items, chains, width, height } = layOut();
    const svg = find("graph");
    svg.replaceChildren();
    [["width", width], ["height", height], ["viewBox", `0 0 ${width} ${height}`]].forEach(([key, value]) =>
        svg.setAttribute(key, value));
    boxes.clear();
    edges.clear();
    for (const node of nodes) {
        edges.set(node, node.operands.map((operand, i) => operand instanceof Value
            ? make("path", { d: drawEdge(chains.get(node)[i]), class: "edge" }, svg) : null));
    }
    for (const node of nodes) {
        const [x, y] = [items.get(node).x, items.get(node).y - HEIGHT / 2];
        const box = make("g", { class: "node", tabindex: 0, role: "button" }, svg);
        make("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 6 }, box);
        const head = node.row ? `${names.get(node)} = ${writeCall(node, (z) => names.get(z))}` : names.get(node);
        make("title", {}, box, head);
        make("text", { x: x + 8, y: y + 17, class: "name" }, box, shorten(head, node));
        const data = make("text", { x: x + 8, y: y + 35 }, box);
        const grad = make("text", { x: x + 8, y: y + 52, class: "grad" }, box);
        boxes.set(node, { box, data, grad, head });
        const jump = () => go(jumpTo(node));
        box.addEventListener("click", jump);
        box.addEventListener("keydown", (event) => event.key === "Enter" && jump());
    }
}

// To where a node is computed; from there, and for a leaf, to where its gradient is complete.
function jumpTo(node) {
    const first = 1 + steps.findIndex((step) => step.kind === "forward" && step.node === node);
    const last = 1 + steps.findLastIndex(({ kind, node: from, i }) =>
        (kind === "edge" ? from.operands[i] : kind === "seed" && from) === node);
    return first && time !== first ? first : last;
}

function listLeaves() {
    const list = find("leaves");
    list.replaceChildren();
    for (const leaf of nodes.filter((node) => !node.row)) {
        const label = document.createElement("label");
        const field = document.createElement("input");
        Object.assign(field, { type: "number", step: "any", value: leaf.data });
        label.append(names.get(leaf), field);
        field.addEventListener("input", () => {
            if (field.value.trim() !== "" && Number.isFinite(field.valueAsNumber)) {
                leaf.data = field.valueAsNumber;
                root.forward();
                show();
            }
        });
        list.append(label);
    }
}

function show() {
    const found = gradientsAt(time);
    const current = steps[time - 1];
    const computed = new Set(steps.slice(0, time).filter((x) => x.kind === "forward").map((x) => x.node));
    const target = current && (current.kind === "edge" ? current.node.operands[current.i] : current.node);
    for (const node of nodes) {
        const { box, data, grad, head } = boxes.get(node);
        const isKnown = !node.row || computed.has(node);
        data.textContent = isKnown ? `data ${write(node.data)}` : "data …";
        grad.textContent = found.has(node) ? `grad ${write(found.get(node) + (node.row ? -0 : 0))}`
            : time === steps.length ? "grad 0" : "grad …";
        box.classList.toggle("now", node === target);
        box.setAttribute("aria-label", `${head}, ${data.textContent}, ${grad.textContent}`);
        edges.get(node).forEach((edge, i) => edge?.classList.toggle("now", current?.kind === "edge"
            ? current.node === node && current.i === i : current?.kind === "forward" && current.node === node));
    }
    const [sentence, remark] = describe();
    find("sentence").textContent = sentence;
    find("remark").textContent = remark;
    find("slider").value = time;
    find("slider").setAttribute("aria-valuetext", `step ${time} of ${steps.length}`);
    find("count").textContent = `step ${time} of ${steps.length}`;
    find("play").textContent = playing ? "Pause" : "Play";
}

function go(to) {
    time = Math.min(Math.max(to, 0), steps.length);
    if (time === steps.length) {
        stop();
    }
    show();
    scrollTo(document.querySelector(".node.now rect"));
}

// Bring a box into view, and leave the view where it is already.
function scrollTo(box) {
    const view = find("view");
    const sides = box ? [["x", "width", "scrollLeft", "clientWidth"], ["y", "height", "scrollTop", "clientHeight"]] : [];
    for (const [start, size, scroll, space] of sides) {
        const [from, length] = [start, size].map((name) => Number(box.getAttribute(name)));
        if (from < view[scroll] || from + length > view[scroll] + view[space]) {
            view[scroll] = from + length / 2 - view[space] / 2;
        }
    }
}

function stop() {
    clearInterval(playing);
    playing = null;
}

function play() {
    if (playing) {
        stop();
    } else {
        time = time === steps.length ? 0 : time;
        playing = setInterval(() => go(time + 1), 900);
    }
    show();
}

find("first").addEventListener("click", () => go(0));
find("back").addEventListener("click", () => go(time - 1));
find("play").addEventListener("click", play);
find("next").addEventListener("click", () => go(time + 1));
find("last").addEventListener("click", () => go(steps.length));
find("slider").addEventListener("input", (event) => go(Number(event.target.value)));
find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    try {
        use(buildFromText(find("formula").value));
        find("problem").textContent = "";
    } catch (error) {
        find("problem").textContent = error.message;
    }
});
const given = JSON.parse(find("data").textContent);
find("formula").value = given.formula;
use(buildFromData(given.nodes));
