// Where the boxes stand: columns by distance from the leaves, each column in an order that crosses
// few edges, and heights that keep edges straight.

const [WIDTH, HEIGHT, GAP, MARGIN] = [132, 66, 54, 14];
const [ROOM, LANE] = [86, 22]; // heights that a box and a passing edge take in a column

// Boxes and edges by place. An edge that is longer than a column passes those between in lanes, and
// all edges from one node share a lane until they part.
function layOut(nodes, root) {
    const level = levelsOf(nodes, root);
    const columns = [];
    const enter = (item) => (columns[item.level] ??= []).push(item) && item;
    const place = (at, room) => enter({ level: at, room, y: 0, below: [], above: [] });
    const items = new Map(nodes.map((node) => [node, place(level.get(node), ROOM)]));
    const link = (from, to) => from.above.push(to) && to.below.push(from);
    const trunks = new Map(nodes.map((node) => [node, [items.get(node)]]));
    const chains = new Map(nodes.map((node) => [node, node.operands.map((operand) => {
        if (!items.has(operand)) {
            return null; // a plain number
        }
        const trunk = trunks.get(operand);
        const length = level.get(node) - level.get(operand);
        while (trunk.length < length) {
            const lane = place(level.get(operand) + trunk.length, LANE);
            link(trunk.at(-1), lane);
            trunk.push(lane);
        }
        link(trunk[length - 1], items.get(node));
        return [...trunk.slice(0, length), items.get(node)];
    })]));
    order(columns);
    straighten(columns);
    const all = columns.flat();
    const top = Math.min(...all.map((item) => item.y - item.room / 2)) + (ROOM - HEIGHT) / 2;
    const bottom = Math.max(...all.map((item) => item.y + item.room / 2)) - (ROOM - HEIGHT) / 2;
    for (const item of all) {
        item.x = MARGIN + item.level * (WIDTH + GAP);
        item.y += MARGIN - top;
    }
    return { items, chains, width: 2 * MARGIN + columns.length * (WIDTH + GAP) - GAP, height: 2 * MARGIN + bottom - top };
}

// A node stands behind its operands, and a leaf just before the first node that uses it.
function levelsOf(nodes, root) {
    const level = new Map();
    const first = new Map();
    for (const node of nodes) {
        const below = node.operands.filter((x) => level.has(x));
        level.set(node, below.length ? 1 + Math.max(...below.map((x) => level.get(x))) : 0);
        below.forEach((x) => first.set(x, Math.min(first.get(x) ?? Infinity, level.get(node))));
    }
    nodes.filter((node) => node !== root && !node.operands.length && first.has(node))
        .forEach((leaf) => level.set(leaf, first.get(leaf) - 1));
    return level;
}

// Sort each column by the mean place of its neighbors, from one side and then from the other; of
// all orders that were seen, keep the one that crosses least.
function order(columns) {
    const number = () => columns.forEach((column) => column.forEach((item, i) => (item.rank = i)));
    number();
    let [best, fewest] = [columns.map((column) => [...column]), crossings(columns)];
    const sweeps = columns.flat().length > 500 ? 4 : 10;
    for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
        const isUp = sweep % 2 === 0;
        for (const column of isUp ? columns : [...columns].reverse()) {
            const wish = new Map(column.map((item) => {
                const near = isUp ? item.below : item.above;
                return [item, near.length ? mean(near.map((x) => x.rank / x.size)) : item.rank / column.length];
            }));
            column.sort((a, b) => wish.get(a) - wish.get(b));
            column.forEach((item, i) => Object.assign(item, { rank: i + 0.5, size: column.length }));
        }
        const found = crossings(columns);
        if (found < fewest) {
            [best, fewest] = [columns.map((column) => [...column]), found];
        }
    }
    columns.forEach((column, i) => column.splice(0, column.length, ...best[i]));
}

function crossings(columns) {
    let found = 0;
    columns.forEach((column, c) => {
        const at = new Map((columns[c + 1] ?? []).map((item, i) => [item, i]));
        const seen = []; // ends of the edges so far, sorted
        for (const item of column) {
            const ends = item.above.map((x) => at.get(x)).sort((a, b) => a - b);
            ends.forEach((end) => (found += seen.length - countUpTo(seen, end)));
            ends.forEach((end) => seen.splice(countUpTo(seen, end), 0, end));
        }
    });
    return found;
}

function countUpTo(sorted, x) {
    let [low, high] = [0, sorted.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        [low, high] = sorted[middle] <= x ? [middle + 1, high] : [low, middle];
    }
    return low;
}

// Heights near the mean of the neighbors', in order and apart: a regression for each column.
function straighten(columns) {
    columns.forEach((column) => settle(column, column.map(() => 0)));
    for (let sweep = 0; sweep < 16; sweep++) {
        for (const column of sweep % 2 ? columns : [...columns].reverse()) {
            settle(column, column.map((item) => {
                const near = sweep < 12 ? (sweep % 2 ? item.below : item.above) : [...item.below, ...item.above];
                return near.length ? mean(near.map((x) => x.y)) : item.y;
            }));
        }
    }
}

// The nearest heights to those wished for that leave each item its room: neighbors that come too
// close share one block, which stands at the mean of their wishes.
function settle(column, wishes) {
    let offset = 0;
    const blocks = [];
    column.forEach((item, i) => {
        offset += item.room / 2;
        blocks.push({ items: [[item, offset]], sum: wishes[i] - offset, count: 1 });
        offset += item.room / 2;
        while (blocks.length > 1 && blocks.at(-2).sum / blocks.at(-2).count >= blocks.at(-1).sum / blocks.at(-1).count) {
            const last = blocks.pop();
            const before = blocks.at(-1);
            before.items.push(...last.items);
            before.sum += last.sum;
            before.count += last.count;
        }
    });
    blocks.forEach(({ items, sum, count }) => items.forEach(([item, at]) => (item.y = sum / count + at)));
}

function mean(numbers) {
    return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

// How far below the middle of a box an operand enters it.
function portOf(i, count) {
    return (i - (count - 1) / 2) * Math.min(18, (HEIGHT - 20) / count);
}

// The middle of the last curve of an edge.
function middleOf(chain, i, count) {
    const [from, to] = chain.slice(-2);
    return { x: to.x - GAP / 2, y: (from.y + to.y + portOf(i, count)) / 2 };
}

// The curve of an edge through the lanes of its chain.
function curve(chain, i, count) {
    const port = portOf(i, count);
    let path = `M${chain[0].x + WIDTH},${chain[0].y}`;
    chain.slice(1).forEach(({ x, y }, k) => {
        const isLast = k === chain.length - 2;
        const [middle, end] = [x - GAP / 2, isLast ? y + port : y];
        path += ` C${middle},${chain[k].y} ${middle},${end} ${x},${end}${isLast ? "" : ` H${x + WIDTH}`}`;
    });
    return path;
}
