// A network that learns while the reader watches, and changes what it learns with.

const ACTIVATIONS = ["tanh", "relu", "leaky_relu", "sigmoid", "elu", "silu", "gelu", "sin", "linear"];
const BUDGET = 5; // milliseconds of steps in a frame
const [MOST_LAYERS, MOST_NEURONS] = [5, 32];

function mount(place, data) {
    const find = finder(place);
    const random = new Random(7);
    const sets = [...data.sets, ...Object.keys(SHAPES).filter((name) => !data.sets.some((set) => set.name === name)).map((name) => scatter(name, random))];
    let course, plane, layout;
    let neuron = null;
    let isRunning = false;
    let frames = 0;
    let critical = Infinity;
    let axes;
    const rate = new LogField("Learning rate", data.rate, (number) => {
        course.rate = number;
        tell();
    });

    // Begin with a set and a network; without parameters, with new ones.
    function begin(set, widths, activations, parameters, curve) {
        axes = course?.set === set ? axes : chooseAxes(set.train.inputs);
        const network = new Network(widths, activations, parameters ?? drawWeights(widths, activations, random));
        course = new Course(set, network, rate.number, readBatch(), random, curve);
        neuron = null;
        arrange();
    }

    // The same again with other weights.
    function restart() {
        const { set, network } = course;
        pause();
        begin(set, network.widths, network.activations);
    }

    // Another shape of the network, which keeps what it has learned where that has a place.
    function reshape(widths, activation) {
        const { network: old } = course;
        const activations = widths.slice(1).map((_, i) => (i === widths.length - 2 ? outputOf(old) : activation));
        const network = new Network(widths, activations, drawWeights(widths, activations, random));
        for (let layer = 1; layer < Math.min(widths.length, old.widths.length); layer++) {
            const isSame = layer === widths.length - 1 === (layer === old.widths.length - 1);
            for (let j = 0; isSame && j < Math.min(widths[layer], old.widths[layer]); j++) {
                keep(network, old, layer, j);
            }
        }
        course.network = network;
        neuron = null;
        course.renew();
        course.measure();
        arrange();
    }

    function keep(network, old, layer, j) {
        const [fanIn, before] = [network.widths[layer - 1], old.widths[layer - 1]];
        const [to, from] = [network.places[layer - 1] + j * (fanIn + 1), old.places[layer - 1] + j * (before + 1)];
        for (let i = 0; i < fanIn; i++) {
            network.parameters[to + i] = i < before ? old.parameters[from + i] : network.parameters[to + i];
        }
        network.parameters[to + fanIn] = old.parameters[from + before];
    }

    // Show another network or other data.
    function arrange() {
        const { network, set } = course;
        plane = new Plane(course.train, axes);
        find("activation").value = network.activations[0];
        find("activation").disabled = network.widths.length === 2;
        find("axis-x").replaceChildren("→ ", tellAxis(0));
        find("axis-y").replaceChildren("↑ ", tellAxis(1));
        find("others").replaceChildren(tellOthers());
        find("remarks").hidden = !set.remarks?.length;
        find("remarks").replaceChildren(make("h3", {}, "The data"), makeFacts(set.remarks ?? []));
        find("open").hidden = true;
        closeGraph();
        layOut();
        settle();
    }

    // Draw for the width and the colors that there are.
    function layOut() {
        const { network } = course;
        layout = placeNeurons(network.widths, widthOf(find("wires")));
        find("network").style.height = `${layout.height}px`;
        find("layers").replaceChildren(...tellLayers());
        find("wires").replaceChildren(find("network"), ...layout.places.map(makeButton));
        find("key").replaceChildren(...tellKey());
        markNeurons();
        show();
    }

    // The critical rate and the diagnosis of a network that stands still.
    function settle() {
        critical = course.isOver() ? Infinity : course.critical(20);
        tell();
    }

    function makeButton([x, y], i) {
        const button = make("button", { type: "button", ariaLabel: nameNeuron(i), title: nameNeuron(i) });
        Object.assign(button.style, { left: `${x - 2}px`, top: `${y - 2}px`, width: `${layout.size + 4}px`, height: `${layout.size + 4}px` });
        if (i < course.network.widths[0]) { // an input: its name stands between it and the next layer
            const room = layout.places[course.network.widths[0]][0] - x - layout.size - 8;
            button.append(make("span", { className: "name", style: `max-width: ${room}px` }, course.set.features[i]));
        }
        button.addEventListener("click", () => choose(neuron === i ? null : i));
        button.addEventListener("keydown", (event) => steer(event, i));
        return button;
    }

    function nameNeuron(i) {
        return nameOf(course.network, course.set, i);
    }

    function buttons() {
        return [...find("wires").querySelectorAll("button")];
    }

    function choose(chosen) {
        neuron = chosen;
        markNeurons();
        const isNeuron = neuron !== null && neuron >= course.network.widths[0];
        const hasRoom = isNeuron && fanInOf(course.network, neuron) <= MOST_INPUTS;
        find("open").hidden = !isNeuron;
        find("open").setAttribute("aria-disabled", !hasRoom);
        find("open").textContent = hasRoom ? "Open its graph" : `More than ${MOST_INPUTS} inputs: too many for a graph`;
        closeGraph();
        show();
    }

    // The neuron that is chosen, to which the tab key leads.
    function markNeurons() {
        buttons().forEach((button, i) => {
            button.setAttribute("aria-pressed", i === neuron);
            button.tabIndex = i === (neuron ?? 0) ? 0 : -1;
        });
    }

    // The graph of the chosen neuron, with the numbers of the moment, to step through.
    function openGraph() {
        const { network, train, set } = course;
        if (find("open").ariaDisabled === "true") {
            return;
        }
        find("neuron").hidden = false;
        mountPart("graph", graphOf(network, neuron, train, set.features), find("neuron"));
        find("neuron").prepend(make("h3", {}, `${nameNeuron(neuron)} at the first point, as it was when it was opened`));
        find("neuron").scrollIntoView({ behavior: isStill.matches ? "auto" : "smooth" });
        find("neuron").querySelector(".node.root").focus({ preventScroll: true });
    }

    function closeGraph() {
        find("neuron").hidden = true;
        find("neuron").replaceChildren();
    }

    // Arrows go from neuron to neuron.
    function steer(event, i) {
        const { starts, widths } = course.network;
        const layer = starts.findLastIndex((start) => start <= i);
        const [row, to] = [i - starts[layer], { ArrowLeft: layer - 1, ArrowRight: layer + 1 }[event.key]];
        const move = { ArrowUp: row > 0 ? i - 1 : i, ArrowDown: row + 1 < widths[layer] ? i + 1 : i }[event.key]
            ?? (widths[to] ? starts[to] + Math.min(row, widths[to] - 1) : undefined);
        if (move !== undefined) {
            event.preventDefault();
            buttons()[move].focus();
        } else if (event.key === "Escape") {
            choose(null);
        }
    }

    function tellLayers() {
        const { widths, activations } = course.network;
        const hidden = widths.slice(1, -1);
        const change = (next) => reshape([widths[0], ...next, widths.at(-1)], activations.length > 1 ? activations[0] : find("activation").value);
        const stack = (label, count, fewer, more) => make("div", { className: "stack", role: "group", ariaLabel: label },
            press("−", `${label}: one fewer`, fewer), make("span", {}, count), press("+", `${label}: one more`, more));
        const press = (sign, label, act) => {
            const button = make("button", { type: "button", ariaLabel: label, title: label }, sign);
            button.setAttribute("aria-disabled", act === null);
            button.addEventListener("click", () => {
                act?.();
                find("layers").querySelector(`[aria-label="${label}"]`)?.focus();
            });
            return button;
        };
        return [
            stack("Hidden layers", `${hidden.length} hidden layer${hidden.length === 1 ? "" : "s"}`,
                hidden.length ? () => change(hidden.slice(0, -1)) : null,
                hidden.length < MOST_LAYERS ? () => change([...hidden, hidden.at(-1) ?? 4]) : null),
            make("div", { className: "columns" }, ...hidden.map((width, i) => {
                const element = stack(`Neurons of layer ${i + 1}`, String(width),
                    width > 1 ? () => change(hidden.with(i, width - 1)) : null,
                    width < MOST_NEURONS ? () => change(hidden.with(i, width + 1)) : null);
                element.style.setProperty("--at", `${layout.places[course.network.starts[i + 1]][0] + layout.size / 2}px`);
                return element;
            })),
        ];
    }

    function tellAxis(i) {
        const { features, target } = course.set;
        if (features.length < 3) {
            return features[axes[i]] ?? target;
        }
        const select = make("select", { ariaLabel: i ? "Upward" : "To the right" }, ...features.map((name, k) => make("option", { value: k }, name)));
        select.value = axes[i];
        select.addEventListener("change", () => {
            axes[i] = Number(select.value);
            plane = new Plane(course.train, axes);
            find("others").replaceChildren(tellOthers());
            show();
        });
        return select;
    }

    // What the map leaves out.
    function tellOthers() {
        const others = course.set.features.length - axes.length;
        return others > 1 ? `The other ${others} inputs stand at their medians.` : others ? "The other input stands at its median." : "";
    }

    function tellKey() {
        const { set, test } = course;
        const { classes, plus, minus } = look();
        const item = (name, color) => {
            const span = make("span", {}, name);
            span.style.setProperty("--color", css(color));
            return span;
        };
        const colors = set.loss === "cross_entropy" ? classes : [minus, plus];
        const items = (set.classes ?? ["low", "high"].map((end) => `${end} ${set.target}`)).slice(0, 12).map((name, i) => item(name, colors[i % colors.length]));
        return [...items, ...(test ? [make("span", { className: "test" }, `for ${course.heldOut}, not to learn from`)] : [])];
    }

    function show() {
        showMap();
        drawPoints(find("points"), plane, course);
        showNetwork();
    }

    function showMap() {
        const { network, set } = course;
        plane.fill(network);
        drawMap(find("map"), network, plane, set.loss, neuron);
    }

    function showNetwork() {
        const { network, set, train, test, figures, curve } = course;
        drawNetwork(find("network"), network, plane, layout);
        drawCurve(find("curve"), curve);
        setText(find("epoch"), course.epoch.toLocaleString("en"));
        setText(find("caption"), neuron === null ? "What the network says" : nameNeuron(neuron) + formulaOf(network, set, neuron));
        find("map").ariaLabel = `Map of ${neuron === null ? "what the network says" : nameNeuron(neuron)}, with the points`;
        find("figures").replaceChildren(...tellFigures("Training", figures.train, train), ...(test ? tellFigures(capitalize(course.heldOut), figures.test, test) : []));
        find("curve").ariaLabel = `Loss over ${course.epoch} epochs, now ${write(figures.train.loss)}`;
        rate.point(critical, `critical ${write(Number(critical.toPrecision(2)))}`);
    }

    function tellFigures(name, { loss, right }, { rows, loss: { isRight } }) {
        const share = make("strong", {}, `${right === rows.length ? 100 : Math.min(Math.round((1000 * right) / rows.length) / 10, 99.9)} %`);
        return [make("dt", {}, name), make("dd", {}, ...(isRight ? [share, " right", make("br")] : []), `loss ${write(Number(loss.toPrecision(6)))}`)];
    }

    function tell() {
        const findings = course.diagnose(critical, namesFor(course.network, course.set));
        const ill = new Set(findings.flatMap(({ places = [] }) => places));
        buttons().forEach((button, i) => button.classList.toggle("ill", ill.has(i)));
        const parts = findings.map(({ kind, ...facts }) => tellFinding(describe(data.words[kind], facts)));
        const nothing = make("p", { className: "soft" }, course.losses.length
            ? "Nothing keeps it from learning: the loss goes down, no unit is dead or saturated, and the rate is below the critical one."
            : "Press play. What keeps the network from learning is said here.");
        const box = find("diagnosis");
        const made = make("div", {}, ...(parts.length ? parts : [nothing]));
        if (box.lastChild?.textContent !== made.textContent) {
            box.replaceChildren(make("h3", {}, "Does it learn?"), made);
        }
    }

    // A few steps, as many as there is time for, and then the picture.
    function advance() {
        if (!isRunning) {
            return;
        }
        const pace = find("pace").value;
        const end = performance.now() + BUDGET;
        for (let k = 0; (pace === "most" || k < Number(pace)) && (k === 0 || performance.now() < end); k++) {
            course.step();
        }
        frames++;
        course.measure();
        if (course.isOver()) {
            pause();
            return;
        }
        critical = frames % 4 ? critical : course.critical(1);
        const period = isStill.matches ? 30 : 1; // a picture now and then, for who asked for that
        if (frames % (2 * period) === 0) {
            showMap();
        } else if (frames % (2 * period) === period) {
            showNetwork();
        }
        if (frames % 30 === 0) {
            tell();
        }
        requestAnimationFrame(advance);
    }

    function run() {
        isRunning = !course.isOver();
        mark();
        requestAnimationFrame(advance);
    }

    function pause() {
        isRunning = false;
        mark();
        settle();
        show();
    }

    function mark() {
        const play = find("play");
        play.querySelector("path").setAttribute("d", ICONS[isRunning ? "pause" : "play"]);
        play.ariaLabel = play.title = isRunning ? "Pause" : "Train";
    }

    function readBatch() {
        const batch = find("batch").value;
        return batch === "all" ? batch : Number(batch);
    }

    function listen() {
        const press = (name, label, act) => {
            const button = make("button", { type: "button", className: name, ariaLabel: label, title: label });
            button.dataset.part = name;
            draw("path", { d: ICONS[name] }, draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, button));
            button.addEventListener("click", act);
            return button;
        };
        find("buttons").append(
            press("first", "Start again with new weights", restart),
            press("play", "Train", () => (isRunning ? pause() : run())),
            press("next", "One step", () => {
                course.step();
                course.measure();
                pause();
            }));
        find("open").addEventListener("click", openGraph);
        find("batch").addEventListener("change", () => {
            course.batch = readBatch();
            course.renew();
        });
        find("activation").addEventListener("change", () => reshape(course.network.widths, find("activation").value));
        find("set").addEventListener("change", () => {
            const set = sets[Number(find("set").value)];
            const { widths, activations } = course.network;
            const ends = [set.features.length, ...widths.slice(1, -1), set.outputs];
            pause();
            begin(set, ends, [...activations.slice(0, -1), set === data.sets[0] ? data.activations.at(-1) : "linear"]);
        });
        const layOutAgain = () => {
            layOut();
            tell();
        };
        isDark.addEventListener("change", layOutAgain);
        watchWidth(place, layOutAgain);
    }

    const names = [...new Set([...ACTIVATIONS, ...data.activations.slice(0, -1)])];
    find("activation").append(...names.map((name) => make("option", {}, name)));
    find("set").append(...sets.map((set, i) => make("option", { value: i }, set.name)));
    if (![...find("batch").options].some((option) => option.value === String(data.batch))) {
        find("batch").prepend(make("option", {}, data.batch));
    }
    find("batch").value = data.batch;
    listen();
    find("rate").replaceWith(rate.element);
    begin(sets[0], data.widths, data.activations, data.parameters, data.curve);
    mark();
}

function outputOf(network) {
    return network.activations.at(-1);
}

function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}
