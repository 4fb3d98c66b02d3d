// The curve of a function of one number, and a descent on it.

const MARGIN = { left: 52, right: 14, top: 46, bottom: 30 };

class Curve {
    svg; f; move;

    // `move([x])` is called while the start is dragged or stepped.
    constructor(svg, f, move) {
        Object.assign(this, { svg, f, move });
        svg.replaceChildren();
        svg.previousSibling?.remove(); // the shades of a landscape
        this.ground = draw("g", {}, svg);
        this.scene = draw("g", {}, svg);
        this.start = startHandle(svg, f.names, 1, (dx) => this.move([roundTo(this.at[0] + dx * this.grain, this.grain)]));
        drag(svg, this.start, ([x]) => this.move([roundTo(Math.min(Math.max(this.x.invert(x), this.x.low), this.x.high), this.grain)]));
    }

    // Look at the valley and the start, and at all points in `beside`; `zoom` times as close.
    aim(start, valley, beside, zoom, [width, height]) {
        const seen = [start, ...beside, ...(valley.isLevel ? [valley.point] : [])].map(([x]) => x);
        const middle = beside.length ? middleOf(seen) : seen.at(-1);
        const distance = Math.max(...seen.map((x) => Math.abs(x - middle)));
        const reach = (1.7 * Math.max(distance, 0.03 * Math.abs(middle), valley.isLevel ? 0.5 : 3)) / zoom;
        this.x = scaleOf([middle - reach, middle + reach], [MARGIN.left, width - MARGIN.right]);
        this.grain = 10 ** Math.floor(Math.log10(reach / 50));
        const count = Math.min(Math.ceil(width / 2), 500);
        const inputs = Array.from({ length: count + 1 }, (_, i) => this.x.low + ((this.x.high - this.x.low) * i) / count);
        this.points = inputs.map((x) => [x, this.f.evaluate(x)]);
        const values = this.points.map(([, y]) => y).filter(Number.isFinite).sort((a, b) => a - b);
        const low = Math.min(values[0] ?? 0, valley.value);
        const usual = values[Math.floor(values.length * 0.6)] ?? 1;
        const above = Math.max(Math.min(values.at(-1) ?? 1, Math.max(...[start, ...beside].map((point) => this.f.evaluate(...point)), usual)), low);
        const room = above - low || Math.max(Math.abs(low), 1);
        this.y = scaleOf([low - 0.1 * room, above + 0.18 * room], [height - MARGIN.bottom, MARGIN.top]);
        this.size = [width, height];
        this.drawGround();
    }

    // Whether a start lies well within the picture, so that it need not be drawn anew.
    shows([x]) {
        const [value, room] = [this.f.evaluate(x), 0.02 * (this.x.high - this.x.low)];
        return this.x.low + room < x && x < this.x.high - room && this.y.low < value && value < this.y.high;
    }

    // Move the start to the other side of the middle.
    mirror() {
        this.move([roundTo(this.x.low + this.x.high - this.at[0], this.grain)]);
    }

    drawGround() {
        const [width, height] = this.size;
        const { ground, x, y } = this;
        ground.replaceChildren();
        for (const tick of roundNumbers(x.low, x.high, width / 90)) {
            draw("line", { class: "rule", x1: x(tick), x2: x(tick), y1: MARGIN.top, y2: height - MARGIN.bottom }, ground);
            draw("text", { class: "tick", x: x(tick), y: height - 10, "text-anchor": "middle" }, ground, write(tick));
        }
        for (const tick of roundNumbers(y.low, y.high, height / 70)) {
            draw("line", { class: "rule", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }, ground);
            draw("text", { class: "tick", x: MARGIN.left - 8, y: y(tick) + 4, "text-anchor": "end" }, ground, write(tick));
        }
        const far = 4 * height; // what lies beyond the picture is cut off there
        const points = this.points.map(([a, b]) => [x(a), Math.min(Math.max(y(b), -far), far)]);
        draw("path", { class: "curve", d: pathThrough(points) }, ground);
        draw("text", { class: "axis", x: width - MARGIN.right, y: height - MARGIN.bottom - 8, "text-anchor": "end" }, ground, this.f.names[0]);
    }

    show([{ steps, rate }, ...others], time, start) {
        const { scene, x, y } = this;
        const [width, height] = this.size;
        this.at = start;
        scene.replaceChildren();
        const place = ({ point, value }) => [clamp(x(point[0]), width), clamp(y(value), height)];
        others.forEach(({ look, steps: taken }) => drawTrail(draw("g", { class: look }, scene), taken.slice(0, time + 1).map(place), look));
        const now = steps[Math.min(time, steps.length - 1)];
        const [cx, cy] = place(now);
        const slope = now.gradient[0];
        const run = 90 / Math.hypot(1, (slope * (y(1) - y(0))) / (x(1) - x(0))); // pixels to each side
        const aside = (pixels) => [cx + pixels, cy + (pixels / (x(1) - x(0))) * slope * (y(1) - y(0))];
        draw("path", { class: "tangent", d: pathThrough([aside(-run), aside(run)]) }, scene);
        const next = now.point[0] - rate * slope;
        const [tip, floor] = [Math.min(Math.max(x(next), MARGIN.left), width - MARGIN.right), height - MARGIN.bottom];
        draw("line", { class: "drop", x1: cx, x2: cx, y1: cy, y2: floor }, scene);
        arrow(scene, [cx, floor], [tip, floor]);
        drawTrail(scene, steps.slice(0, time + 1).map(place));
        moveHandle(this.start, [clamp(x(start[0]), width), clamp(y(steps[0].value), height)], `${this.f.names[0]} = ${write(start[0])}`, start[0]);
    }
}

// The points that a descent has been at, and the one where it is.
function drawTrail(parent, points, look) {
    draw("path", { class: "trail", d: pathThrough(points) }, parent);
    points.forEach((point, i) => {
        const isLast = i === points.length - 1;
        drawDot(parent, isLast ? "now" : "dot", point, isLast ? 7 : 3.5, look);
    });
}

const CORNERS = { momentum: 4, adam: 3 }; // of the dots of others than plain descent

function drawDot(parent, name, [cx, cy], r, look) {
    const count = CORNERS[look];
    if (!count) {
        draw("circle", { class: name, cx, cy, r }, parent);
        return;
    }
    const angles = Array.from({ length: count }, (_, k) => (2 * Math.PI * k) / count);
    const corners = angles.map((angle) => [cx + 1.2 * r * Math.sin(angle), cy - 1.2 * r * Math.cos(angle)]);
    draw("path", { class: name, d: `${pathThrough(corners)}Z` }, parent);
}

// Pixels that stay near the picture, so that what is far away is a line to its border.
function clamp(pixel, size) {
    return Math.min(Math.max(pixel, -4 * size), 5 * size);
}

function arrow(parent, /** @type {number[]} */ [x1, y1], /** @type {number[]} */ [x2, y2]) {
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (!(length > 1)) {
        return;
    }
    const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const size = Math.min(9, length);
    const [bx, by] = [x2 - size * ux, y2 - size * uy];
    draw("line", { class: "step", x1, y1, x2: bx, y2: by }, parent);
    draw("path", { class: "head", d: `M${x2} ${y2}L${bx - size * 0.55 * uy} ${by + size * 0.55 * ux}L${bx + size * 0.55 * uy} ${by - size * 0.55 * ux}Z` }, parent);
}

// The start, to be dragged, or moved by the arrow keys: `nudge(dx, dy)` in grains.
function startHandle(svg, names, dimensions, nudge) {
    const handle = draw("g", { class: "start", tabindex: 0, role: "slider", "aria-label": `Start, ${names.join(" and ")}` }, svg);
    draw("circle", { class: "reach", r: 22 }, handle);
    draw("circle", { class: "ring", r: 11 }, handle);
    draw("text", { class: "label", y: -18, "text-anchor": "middle" }, handle, "start");
    handle.addEventListener("keydown", (event) => {
        const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
        if (dx || dy) {
            event.preventDefault();
            const grains = event.shiftKey ? 10 : 1;
            nudge((dimensions === 1 ? dx + dy : dx) * grains, dy * grains);
        }
    });
    return handle;
}

function moveHandle(handle, /** @type {number[]} */ [x, y], text, number) {
    handle.setAttribute("transform", `translate(${x} ${y})`);
    handle.setAttribute("aria-valuenow", number);
    handle.setAttribute("aria-valuetext", text);
}

// `go([x, y])` while the handle is dragged, and where the picture is pressed. A finger that is not on
// the handle may be about to scroll, so only its tap counts.
function drag(svg, handle, go) {
    const place = (event) => {
        const box = svg.getBoundingClientRect();
        return [event.clientX - box.left, event.clientY - box.top];
    };
    svg.onclick = (event) => go(place(event));
    svg.onpointerdown = (event) => {
        if (event.pointerType === "touch" && !handle.contains(event.target)) {
            return;
        }
        svg.setPointerCapture(event.pointerId);
        svg.onpointermove = (moved) => go(place(moved));
        go(place(event));
        handle.focus({ preventScroll: true });
    };
    svg.onpointerup = svg.onpointercancel = () => (svg.onpointermove = null);
}
