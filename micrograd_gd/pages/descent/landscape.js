// The landscape of a function of two numbers, seen from above, and a descent in it.

const SHARES = [0.03, 0.1, 0.19, 0.3, 0.42, 0.54, 0.66, 0.77, 0.87, 0.95]; // of the picture below a contour
const CELL = 7; // pixels

class Landscape {
    svg; f; move;

    // `move([x, y])` is called while the start is dragged or stepped.
    constructor(svg, f, move) {
        Object.assign(this, { svg, f, move });
        svg.replaceChildren();
        svg.previousSibling?.remove();
        this.canvas = make("canvas");
        svg.before(this.canvas);
        this.ground = draw("g", {}, svg);
        this.scene = draw("g", {}, svg);
        this.start = startHandle(svg, f.names, 2, (dx, dy) => this.move([this.round(this.at[0] + dx * this.grain), this.round(this.at[1] + dy * this.grain)]));
        drag(svg, this.start, ([x, y]) => this.move([this.round(this.x.invert(x)), this.round(this.y.invert(y))]));
        matchMedia("(prefers-color-scheme: dark)").onchange = () => this.shade();
    }

    round(x) {
        return roundTo(x, this.grain);
    }

    // Look at the valley and the start, and at all points in `beside`, with one scale for both
    // numbers, so that a step against the slope crosses the contours squarely.
    aim(start, valley, beside, zoom, [width, height]) {
        const seen = [start, ...beside, ...(valley.isLevel ? [valley.point] : [])];
        const middle = beside.length ? start.map((_, i) => middleOf(seen.map((point) => point[i]))) : seen.at(-1);
        const distance = Math.max(...seen.map((point) => Math.hypot(point[0] - middle[0], point[1] - middle[1])));
        const reach = (1.35 * Math.max(distance, 0.03 * Math.hypot(...middle), valley.isLevel ? 0.5 : 3)) / zoom;
        const unit = (2 * reach) / Math.min(width, height);
        const [dx, dy] = [(width * unit) / 2, (height * unit) / 2];
        this.x = scaleOf([middle[0] - dx, middle[0] + dx], [0, width]);
        this.y = scaleOf([middle[1] - dy, middle[1] + dy], [height, 0]);
        this.grain = 10 ** Math.floor(Math.log10(reach / 50));
        this.size = [width, height];
        this.survey();
        this.shade();
        this.drawGround();
    }

    shows([x, y]) {
        const room = 20 / this.size[0];
        const isWithin = (scale, z) => scale.low + room * (scale.high - scale.low) < z && z < scale.high - room * (scale.high - scale.low);
        return isWithin(this.x, x) && isWithin(this.y, y);
    }

    // The values on a grid, and the levels of the contours: each has a share of the picture below it.
    survey() {
        const [width, height] = this.size;
        this.across = Array.from({ length: Math.ceil(width / CELL) + 1 }, (_, i) => (i * width) / Math.ceil(width / CELL));
        this.down = Array.from({ length: Math.ceil(height / CELL) + 1 }, (_, i) => (i * height) / Math.ceil(height / CELL));
        this.values = this.down.map((y) => this.across.map((x) => this.f.evaluate(this.x.invert(x), this.y.invert(y))));
        this.sorted = this.values.flat().filter(Number.isFinite).sort((a, b) => a - b);
        const at = (share) => this.sorted[Math.floor(share * (this.sorted.length - 1))] ?? NaN;
        const levels = SHARES.map((share, i) => {
            const gap = at(share) - at(SHARES[i - 1] ?? 0);
            return gap > 0 ? Number(roundTo(at(share), 10 ** Math.floor(Math.log10(gap / 2))).toPrecision(6)) : NaN;
        });
        this.levels = [...new Set(levels)].filter(Number.isFinite);
    }

    // The lower, the deeper the color, by the share of the picture that is lower still.
    shade() {
        const { canvas, values, sorted } = this;
        const [rows, columns] = [values.length, values[0].length];
        const small = make("canvas", { width: columns, height: rows });
        const brush = small.getContext("2d");
        brush.fillStyle = getComputedStyle(this.svg).getPropertyValue("--data");
        values.flat().forEach((value, i) => {
            let [low, high] = [0, sorted.length];
            while (low < high) { // how many are lower
                const middle = (low + high) >> 1;
                [low, high] = sorted[middle] < value ? [middle + 1, high] : [low, middle];
            }
            brush.globalAlpha = Number.isFinite(value) ? 0.4 * (1 - low / Math.max(sorted.length, 1)) ** 1.5 : 0;
            brush.fillRect(i % columns, Math.floor(i / columns), 1, 1);
        });
        [canvas.width, canvas.height] = this.size;
        const [dx, dy] = [this.size[0] / (columns - 1), this.size[1] / (rows - 1)];
        canvas.getContext("2d").drawImage(small, -dx / 2, -dy / 2, columns * dx, rows * dy);
    }

    // Move the start to the other side of the middle, left or right of it.
    mirror() {
        const [x, y] = this.at;
        this.move([this.round(this.x.low + this.x.high - x), y]);
    }

    drawGround() {
        const [width, height] = this.size;
        const { ground, x, y } = this;
        ground.replaceChildren();
        const labels = [];
        for (const level of this.levels) {
            const lines = contour(this.values, this.across, this.down, level);
            draw("path", { class: "contour", d: lines.map((line) => pathThrough(line)).join("") }, ground);
            const isFree = ([[a, b]]) => a > 60 && a < width - 40 && b > 52 && b < height - 40
                && labels.every(({ at }) => Math.hypot(at[0] - a, (at[1] - b) * 2) > 64);
            const free = lines.filter(isFree);
            if (free.length) {
                labels.push({ at: free[Math.floor(free.length * 0.62)][0], level });
            }
        }
        for (const { at, level } of labels) {
            draw("text", { class: "height", x: at[0], y: at[1] + 4, "text-anchor": "middle" }, ground, write(level));
        }
        const ticks = (scale, count) => roundNumbers(scale.low, scale.high, count);
        for (const tick of ticks(x, width / 110)) {
            draw("line", { class: "notch", x1: x(tick), x2: x(tick), y1: height - 6, y2: height }, ground);
            draw("text", { class: "tick", x: x(tick), y: height - 11, "text-anchor": "middle" }, ground, x(tick) > width - 60 || x(tick) < 30 ? "" : write(tick));
        }
        for (const tick of ticks(y, height / 80)) {
            draw("line", { class: "notch", x1: 0, x2: 6, y1: y(tick), y2: y(tick) }, ground);
            draw("text", { class: "tick", x: 11, y: y(tick) + 4 }, ground, y(tick) > height - 30 || y(tick) < 40 ? "" : write(tick));
        }
        draw("text", { class: "axis", x: width - 12, y: height - 11, "text-anchor": "end" }, ground, this.f.names[0]);
        draw("text", { class: "axis", x: 12, y: 24 }, ground, this.f.names[1]);
    }

    show([{ steps, rate }, ...others], time, start, valley) {
        const { scene, x, y } = this;
        const [width, height] = this.size;
        this.at = start;
        scene.replaceChildren();
        if (valley.isLevel) {
            const [a, b] = [x(valley.point[0]), y(valley.point[1])];
            draw("path", { class: "lowest", d: `M${a - 5} ${b}H${a + 5}M${a} ${b - 5}V${b + 5}` }, scene);
        }
        const place = (point) => [clamp(x(point[0]), width), clamp(y(point[1]), height)];
        const trailOf = (course) => course.slice(0, time + 1).map(({ point }) => place(point));
        others.forEach(({ look, steps: taken }) => drawTrail(draw("g", { class: look }, scene), trailOf(taken), look));
        drawTrail(scene, trailOf(steps));
        const now = steps[Math.min(time, steps.length - 1)];
        arrow(scene, place(now.point), place(now.point.map((z, i) => z - rate * now.gradient[i])));
        moveHandle(this.start, place(start), tellPoint(this.f.names, start), start[0]);
    }
}

// The lines along which the values on a grid are at a level: one or two in each cell (marching
// squares). Between two corners of a cell a value is taken to change evenly.
function contour(values, across, down, level) {
    const lines = [];
    for (let j = 0; j + 1 < down.length; j += 1) {
        for (let i = 0; i + 1 < across.length; i += 1) {
            const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
            const heights = corners.map(([a, b]) => values[b][a] - level);
            if (!heights.every(Number.isFinite)) {
                continue;
            }
            const found = [];
            corners.forEach(([a, b], k) => {
                const [c, d] = corners[(k + 1) % 4];
                const [from, to] = [heights[k], heights[(k + 1) % 4]];
                if (from < 0 !== to < 0) {
                    const share = from / (from - to);
                    found.push([across[a] + share * (across[c] - across[a]), down[b] + share * (down[d] - down[b])]);
                }
            });
            for (let k = 0; k + 1 < found.length; k += 2) {
                lines.push([found[k], found[k + 1]]);
            }
        }
    }
    return lines;
}
