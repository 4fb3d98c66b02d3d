// Why a gradient is what it is: the paths from a node to the root, as `notation/paths.py` finds them.

// The number of paths, and the largest few: [{ product, edges }], edges from the root's end on.
function explain(course, wrt, limit = 6) {
    const ends = new Map([[wrt, [{ product: 1, edge: null, before: null }]]]);
    const counts = new Map([[wrt, 1]]);
    for (const node of course.nodes) {
        const edges = node === wrt ? [] : node.operands.flatMap((operand, i) =>
            (ends.has(operand) && node.partials[i] !== null ? [{ node, i, operand }] : []));
        if (edges.length) {
            const candidates = edges.flatMap((edge) => ends.get(edge.operand).map((before) =>
                ({ product: edge.node.partials[edge.i] * before.product, edge, before })));
            candidates.sort((a, b) => sizeOf(b) - sizeOf(a));
            ends.set(node, candidates.slice(0, limit));
            counts.set(node, edges.reduce((sum, edge) => sum + counts.get(edge.operand), 0));
        }
    }
    const paths = (ends.get(course.root) ?? []).map((end) => ({ product: end.product, edges: edgesOf(course, end) }));
    return { count: counts.get(course.root) ?? 0, paths };
}

function sizeOf({ product }) {
    return Number.isNaN(product) ? Infinity : Math.abs(product);
}

function edgesOf(course, end) {
    const found = [];
    for (let at = end; at.edge; at = at.before) {
        found.push(course.users.get(at.edge.operand).find(({ node, i }) => node === at.edge.node && i === at.edge.i));
    }
    return found;
}

// A path in words: the names of its nodes, from the leaf's end to the root, those in the middle of
// a long one left out.
function writePath(course, wrt, { edges }) {
    const names = [wrt, ...[...edges].reverse().map((edge) => edge.node)].map((node) => course.names.get(node));
    return (names.length > 9 ? [...names.slice(0, 4), "…", ...names.slice(-4)] : names).join(" → ");
}

function writeSlopes({ edges }) {
    const slopes = [...edges].reverse().map(({ node, i }) => write(node.partials[i]))
        .map((text) => (text.startsWith("−") ? `(${text})` : text));
    return (slopes.length > 8 ? [...slopes.slice(0, 4), "…", ...slopes.slice(-4)] : slopes).join(" × ");
}

// What is known of a node: where it comes from, and, unless it is hidden, the paths that its
// gradient is the sum of.
function tellNode(course, node, isHidden, light) {
    const [name, y] = [course.names.get(node), course.names.get(course.root)];
    const gradient = course.gradientsAt(course.steps.length).get(node) ?? 0;
    const about = [make("h3", {}, node.row ? "Node" : "Leaf"),
        make("p", { className: "equation" }, name, node.row ? ` = ${writeCall(node, (x) => course.names.get(x))}` : "",
            " = ", tint("data", write(node.data)))];
    if (node.row) {
        about.push(make("p", { className: "soft" }, node.row.doc));
    }
    if (node.source) {
        const [code, where] = node.source;
        about.push(make("p", { className: "source" }, make("code", {}, code), make("span", { className: "soft" }, where)));
    }
    if (isHidden) {
        return [...about, make("p", { className: "soft" }, "Its gradient is for you to find.")];
    }
    if (node === course.root) {
        return [...about, make("p", {}, "This is the result: its gradient is 1. Choose another node to see why its gradient is what it is.")];
    }
    const { count, paths } = explain(course, node);
    const head = make("h3", {}, "Why is ", slopeOf(y, name), " = ", tint("grad", write(gradient)), "?");
    if (!count) {
        return [...about, head, make("p", {}, `No path leads from ${name} to ${y} for these numbers, so its gradient is 0.`)];
    }
    const rest = gradient - paths.reduce((sum, path) => sum + path.product, 0);
    const others = count - paths.length;
    const products = [...paths.map((path) => path.product), ...(others ? [rest] : []), 0].filter(Number.isFinite);
    const range = [Math.min(...products), Math.max(...products)];
    const rows = paths.map((path) => {
        const row = makeShare(path.product, range, writePath(course, node, path), writeSlopes(path));
        ["pointerenter", "focus"].forEach((event) => row.addEventListener(event, () => light(path.edges)));
        ["pointerleave", "blur"].forEach((event) => row.addEventListener(event, () => light(null)));
        return row;
    });
    if (others) {
        rows.push(makeShare(rest, range, others === 1 ? "the other path" : `the other ${writeCount(others)} paths together`, ""));
    }
    const sum = count === 1 ? "One path leads there, and the slopes along it are multiplied."
        : `${writeCount(count)} paths lead there. Along each, slopes are multiplied; the products are added.`;
    return [...about, head, make("p", { className: "soft" }, sum), make("ul", { className: "paths" }, ...rows)];
}

const COUNT = new Intl.NumberFormat("en");

function writeCount(count) {
    return count < 1e15 ? COUNT.format(count) : `about 10^${Math.round(Math.log10(count))}`;
}

// One part of a sum: its number, a bar to the right or, where it is negative, to the left; its path.
function makeShare(product, /** @type {number[]} */ [low, high], path, slopes) {
    const bar = make("span", { className: product < 0 ? "bar minus" : "bar", ariaHidden: "true" }, make("i"));
    const percent = (x) => `${(100 * x) / (high - low) || 0}%`;
    bar.style.setProperty("--zero", percent(-low));
    bar.firstChild.style.left = percent(Math.min(product, 0) - low);
    bar.firstChild.style.width = percent(Math.abs(product));
    return make("li", { tabIndex: 0 }, make("span", { className: "grad product" }, write(product)), bar,
        make("span", { className: "path" }, path), make("span", { className: "slopes" }, slopes));
}
