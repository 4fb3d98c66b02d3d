// What a step says, and the small picture of all of them.

function write4(x) {
    return write(Number.isFinite(x) ? Number(x.toPrecision(4)) : x);
}

function tellPoint(names, point) {
    return names.map((name, i) => `${name} = ${write(point[i])}`).join(", ");
}

// The elements that tell of the step before a time, and of the slope where it led.
function tellStep(names, { steps, rate, message }, time) {
    const now = steps[time];
    const slopes = names.map((name, i) => `${write4(now.gradient[i])}${names.length > 1 ? ` along ${name}` : ""}`).join(", ");
    if (time === 0) {
        return [make("h3", {}, "Before the first step"), make("p", { className: "equation" }, tellPoint(names, now.point)),
            make("p", { className: "soft" }, `The value is ${write(now.value)}, the slope ${slopes}. A step goes against the slope: rate × slope is how far.`)];
    }
    const before = steps[time - 1];
    const lines = names.map((name, i) => make("p", { className: "equation" }, `${name} ← ${safe(before.point[i])} − ${write(rate)} × `,
        make("span", { className: "grad" }, safe(before.gradient[i])), " = ", make("span", { className: "data" }, write(now.point[i]))));
    const went = now.value < before.value ? "down" : now.value > before.value ? "up" : "nowhere";
    const turned = turnsOf([before, now])[0] ? " It went too far: the slope points back." : "";
    return [make("h3", {}, `Step ${time}`), ...lines,
        make("p", { className: "soft" }, `The value went ${went}, from ${write(before.value)} to ${write(now.value)}. The slope is now ${slopes}.${turned}`),
        ...(time === steps.length - 1 ? [make("p", { className: "soft" }, message)] : [])];
}

function safe(x) {
    return x < 0 ? `(${write(x)})` : write(x);
}

// The value over the steps of plain descent, and of others; what grows beyond twice the first height
// leaves the picture.
function drawHistory(place, courses, time, lowest) {
    const [width, height] = [300, 110];
    const [{ steps }] = courses;
    const values = courses.map((course) => course.steps.map((step) => step.value));
    const [own] = values;
    const all = values.flat();
    const low = Math.min(lowest, ...all.filter((value) => value > -2 * Math.abs(own[0]) - 1e3));
    const height0 = own[0] - low || 1;
    const last = Math.max(...values.map(({ length }) => length)) - 1;
    const x = scaleOf([0, Math.max(last, 1)], [8, width - 8]);
    const y = scaleOf([low, low + Math.min(Math.max(...all) - low || 1, 2 * height0)], [height - 20, 8]);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Value over steps, ${wentFrom(steps)}` }, place);
    place.replaceChildren(svg);
    draw("line", { class: "rule", x1: 8, x2: width - 8, y1: height - 20, y2: height - 20 }, svg);
    courses.forEach(({ look = "plain" }, k) => {
        const group = draw("g", { class: look }, svg);
        const points = values[k].map((value, i) => [x(i), clamp(y(value), height)]);
        draw("path", { class: "later", d: pathThrough(points) }, group);
        draw("path", { class: "line", d: pathThrough(points.slice(0, time + 1)) }, group);
        drawDot(group, "now", points[Math.min(time, points.length - 1)], 4.5, look);
    });
    draw("text", { class: "tick", x: 8, y: height - 5 }, svg, `step 0: ${write4(own[0])}`);
    const { look, steps: longest } = courses.find((course) => course.steps.length === last + 1);
    const name = look ? `${METHODS[look].name}, ` : "";
    const end = draw("g", { class: look ?? "plain" }, svg);
    draw("text", { class: look ? "tick other" : "tick", x: width - 8, y: height - 5, "text-anchor": "end" }, end, `${name}step ${last}: ${write4(longest.at(-1).value)}`);
}
