// Curves over the epochs, and numbers beside what they should be.

const MARGIN = { left: 54, right: 14, top: 12, bottom: 24 };
const LINES = [["", "train"], ["validation_", "test"]];

class Curves {
    find; curve; chosen;

    constructor(find, curve, heldOut) {
        this.tellKind = (kind) => NAMES[kind === "test" ? heldOut : kind];
        Object.assign(this, { find, curve, chosen: curve.epoch.length - 1 });
        this.names = ["loss", "accuracy"].filter((name) => curve[name]);
        const slider = find("epoch");
        slider.max = curve.epoch.length - 1;
        slider.addEventListener("input", () => this.choose(Number(slider.value)));
        const keys = LINES.filter(([prefix]) => curve[`${prefix}loss`]).map(([, kind]) => make("span", { className: kind }, this.tellKind(kind)));
        find("course").querySelector(".key").append(...keys);
    }

    arrange() {
        this.panels = this.names.map((name) => this.draw(name));
        this.find("curves").replaceChildren(...this.panels.map(({ element }) => element));
        this.choose(this.chosen);
    }

    draw(name) {
        const { curve } = this;
        const width = widthOf(this.find("curves"));
        const lines = LINES.map(([prefix, kind]) => ({ kind, numbers: curve[prefix + name] })).filter(({ numbers }) => numbers);
        const seen = lines.flatMap(({ numbers }) => numbers);
        const [low, high] = [Math.min(...seen), name === "accuracy" ? 1 : Math.max(...seen)];
        const isLog = name === "loss" && low > 0;
        const put = isLog ? Math.log10 : (number) => number;
        const height = name === "loss" ? 210 : 150;
        const x = scaleOf([curve.epoch[0], curve.epoch.at(-1)], [MARGIN.left, width - MARGIN.right]);
        const y = scaleOf([put(low), put(high)], [height - MARGIN.bottom, MARGIN.top]);
        const svg = makeSvg(width, height, `${name} over the epochs`);
        const texts = { accuracy: (tick) => `${write(100 * tick)} %` };
        for (const tick of isLog ? roundPowers(low, high) : roundNumbers(y.low, y.high, 4)) {
            drawTick(svg, MARGIN.left, width - MARGIN.right, y(put(tick)), (texts[name] ?? write)(tick));
        }
        roundNumbers(x.low, x.high, width / 110).filter(Number.isInteger).forEach((tick) =>
            draw("text", { x: x(tick), y: height - 6, "text-anchor": "middle" }, svg, write(tick)));
        const dots = lines.map(({ kind, numbers }) => {
            draw("path", { class: `line ${kind}`, d: pathThrough(numbers.map((number, i) => [x(curve.epoch[i]), y(put(number))])) }, svg);
            return { dot: draw("circle", { class: `dot ${kind}`, r: 4 }, svg), at: (i) => y(put(numbers[i])) };
        });
        const mark = draw("line", { class: "guide", y1: MARGIN.top, y2: height - MARGIN.bottom }, svg);
        svg.addEventListener("pointermove", (event) => {
            const epoch = x.invert(event.clientX - svg.getBoundingClientRect().left);
            const after = curve.epoch.findIndex((each) => each >= epoch);
            this.choose(after < 0 ? curve.epoch.length - 1 : after);
        });
        return { element: make("div", {}, make("h3", {}, name), svg), show: (i) => {
            const at = x(curve.epoch[i]);
            Object.entries({ x1: at, x2: at }).forEach(([key, number]) => mark.setAttribute(key, number));
            dots.forEach(({ dot, at: height }) => {
                dot.setAttribute("cx", at);
                dot.setAttribute("cy", height(i));
            });
        } };
    }

    choose(i) {
        this.chosen = i;
        this.panels.forEach((panel) => panel.show(i));
        const { curve } = this;
        const slider = this.find("epoch");
        slider.value = i;
        slider.style.setProperty("--to", `${(100 * i) / Math.max(curve.epoch.length - 1, 1)}%`);
        const tell = (name) => LINES.filter(([prefix]) => curve[prefix + name]).map(([prefix, kind]) => {
            const number = curve[prefix + name][i];
            return `${this.tellKind(kind).toLowerCase()} ${name === "accuracy" ? `${write(Number((100 * number).toPrecision(4)))} %` : write(Number(number.toPrecision(4)))}`;
        }).join(", ");
        const text = `Epoch ${curve.epoch[i]}. ${this.names.map((name) => `${name[0].toUpperCase()}${name.slice(1)}: ${tell(name)}.`).join(" ")}`;
        this.find("row").textContent = text;
        slider.setAttribute("aria-valuetext", text);
    }
}

// Round numbers on a scale of powers of ten.
function roundPowers(low, high) {
    const from = Math.floor(Math.log10(low));
    const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => from + i);
    const ticksAt = (factors, every) => powers.filter((power) => power % every === 0)
        .flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`))).filter((tick) => tick >= low && tick <= high);
    const fine = ticksAt([1, 2, 5], 1);
    return fine.length < 2 ? roundNumbers(low, high, 4) : fine.length <= 6 ? fine : ticksAt([1], Math.ceil(powers.length / 6));
}

function makeSvg(width, height, label) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    Object.entries({ width, height, role: "img", "aria-label": label }).forEach(([key, text]) => svg.setAttribute(key, text));
    return svg;
}

function drawTick(svg, from, to, at, text) {
    draw("line", { class: "rule", x1: from, x2: to, y1: at, y2: at }, svg);
    draw("text", { x: from - 8, y: at + 4, "text-anchor": "end" }, svg, text);
}

function showNumbers(place, { numbers }) {
    const { truth, answers, total, largest, quartiles } = numbers;
    const drawn = truth.length < total ? ` ${truth.length} of ${total} rows are drawn.` : "";
    const room = widthOf(place);
    const width = Math.min((room - 32) / (room > 700 ? 2 : 1), 520);
    const heads = ["truth", "answer", "residual"];
    place.replaceChildren(
        make("div", {}, make("h3", {}, `Across: the truth. Up: the answer. On the line they are equal.${drawn}`), drawScatter(truth, answers, width)),
        make("div", {}, make("h3", {}, "Residuals: answer minus truth"), drawResiduals(answers.map((answer, i) => answer - truth[i]), width),
            make("p", { className: "soft" }, `Half of them lie from ${quartiles[1]} to ${quartiles[3]}, all from ${quartiles[0]} to ${quartiles[4]}.`),
            make("h3", {}, "The largest"), makeTable("The largest residuals", heads, largest)));
}

function drawScatter(truth, answers, width) {
    const all = [...truth, ...answers];
    const height = Math.min(width, 380);
    const svg = makeSvg(width, height, `Answers over the truth, for ${truth.length} rows`);
    const span = [Math.min(...all), Math.max(...all)];
    const x = scaleOf(span, [MARGIN.left, width - MARGIN.right]);
    const y = scaleOf(span, [height - MARGIN.bottom, MARGIN.top]);
    for (const tick of roundNumbers(y.low, y.high, height / 60)) {
        drawTick(svg, MARGIN.left, width - MARGIN.right, y(tick), write(tick));
    }
    for (const tick of roundNumbers(x.low, x.high, width / 70)) {
        draw("text", { x: x(tick), y: height - 6, "text-anchor": "middle" }, svg, write(tick));
    }
    draw("line", { class: "guide", x1: x(x.low), y1: y(y.low), x2: x(x.high), y2: y(y.high) }, svg);
    truth.forEach((number, i) => draw("circle", { class: "point", cx: x(number), cy: y(answers[i]), r: 3.5 }, svg));
    return svg;
}

// How often a residual is how large.
function drawResiduals(residuals, width) {
    const height = 150;
    const svg = makeSvg(width, height, "How often a residual is how large");
    const [low, high] = [Math.min(...residuals, 0), Math.max(...residuals, 0)];
    const edges = roundNumbers(low, high > low ? high : low + 1, 16);
    const step = edges.length > 1 ? edges[1] - edges[0] : 1;
    const first = Math.floor(low / step);
    const counts = new Array(Math.floor(high / step) - first + 1).fill(0);
    residuals.forEach((residual) => counts[Math.floor(residual / step) - first]++);
    const x = scaleOf([first * step, (first + counts.length) * step], [MARGIN.left, width - MARGIN.right]);
    const y = scaleOf([0, Math.max(...counts)], [height - MARGIN.bottom, MARGIN.top]);
    for (const tick of roundNumbers(0, y.high, 3).filter(Number.isInteger)) {
        drawTick(svg, MARGIN.left, width - MARGIN.right, y(tick), write(tick));
    }
    counts.forEach((count, i) => {
        const left = x((first + i) * step);
        const rows = draw("rect", { class: "column", x: left + 1, y: y(count), width: Math.max(x((first + i + 1) * step) - left - 2, 1), height: y(0) - y(count) }, svg);
        draw("title", {}, rows, `${count} of ${residuals.length}`);
    });
    draw("line", { class: "guide", x1: x(0), x2: x(0), y1: MARGIN.top, y2: height - MARGIN.bottom }, svg);
    for (const tick of roundNumbers(x.low, x.high, width / 70)) {
        draw("text", { x: x(tick), y: height - 6, "text-anchor": "middle" }, svg, write(tick));
    }
    return svg;
}
