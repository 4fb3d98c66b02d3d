// Gradient descent by hand: a function, the picture of it, the rate, and what each step says.

const WORDS = { slow: "slow", converges: "converges", overshoots: "overshoots", oscillates: "oscillates", diverges: "diverges", unbounded: "falls without end" };

function mount(place, data) {
    const find = finder(place);
    let f, start, valley, course, picture, fields;
    let zoom = 1;
    let others = []; // starts that are left where they are
    let bottoms = []; // of their valleys
    let beside = []; // the descents from there
    let rivals = []; // those of other methods
    const player = new Player(find("player"), show, 350);
    const rate = new LogField("Learning rate", data.rate, () => change());
    find("rate").append(rate.element);
    const methods = new Rivals(find("methods"), () => follow());
    const svg = draw("svg", { role: "group", "aria-label": "The function and the descent" }, find("scene"));

    function use(text, numbers) {
        const read = parse(text);
        if (read.names.length !== 1 && read.names.length !== 2) {
            throw new Error(`${read.names.length} names; expected one or two, such as x**2 + y**2`);
        }
        const begin = read.names.map((name, i) => numbers.get(name) ?? [2, 1.5][i]);
        const [value, gradient] = slopeAt(read, begin);
        if (![value, ...gradient].every(Number.isFinite)) {
            throw new Error(`the value is ${write(value)} at ${tellPoint(read.names, begin)}; type a start where it is finite`);
        }
        f = read;
        fields = f.names.map((name, i) => new Field(name, begin[i], (number) => move(start.with(i, number))));
        find("start").replaceChildren(...fields.map((field) => field.element));
        picture = new (f.names.length === 1 ? Curve : Landscape)(svg, f, (point) => {
            point.forEach((number, i) => fields[i].set(number));
            move(point);
        });
        start = begin;
        keep([]);
        course = null;
        zoom = 1;
        look();
        aim();
        follow();
    }

    // The valley below the start, and the critical rate there.
    function look() {
        valley = findValley(f, start);
        rate.center(valley.critical, `critical${valley.isLevel ? "" : " at the start"} ${write4(valley.critical)}`);
        find("found").replaceChildren();
    }

    function aim() {
        const width = widthOf(find("scene"));
        const height = Math.round(Math.min(Math.max(width * 0.6, 300), 460));
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        Object.assign(svg.style, { width: `${width}px`, height: `${height}px` });
        picture.aim(start, valley, [...others, ...bottoms], zoom, [width, height]);
    }

    // The start is where the reader puts it; the picture stays, unless it is left.
    function move(point) {
        start = point;
        look();
        if (!picture.shows(point)) {
            aim();
        }
        change();
    }

    function keep(starts) {
        others = starts;
        bottoms = starts.map((each) => findValley(f, each)).filter(({ isLevel }) => isLevel).map(({ point }) => point);
        find("only").hidden = !others.length;
    }

    const change = oncePerFrame(() => follow());

    function follow() {
        const isFresh = !course;
        const wasAtEnd = course && player.time > 0 && player.time === player.length;
        /** @type {[number, number, number]} */
        const settings = [rate.number, data.maxSteps, data.tolerance];
        course = descend(f, start, ...settings);
        beside = others.map((other) => ({ ...descend(f, other, ...settings), look: "beside" }));
        rivals = methods.descend(f, start, ...settings);
        const length = Math.max(...[course, ...beside, ...rivals].map(({ steps }) => steps.length)) - 1;
        player.start(length, length, wasAtEnd ? length : isFresh ? 0 : player.time);
        judge();
    }

    function judge() {
        const lowest = Math.min(valley.isLevel ? valley.value : Infinity, ...[course, ...rivals].flatMap(({ steps }) => steps.map((step) => step.value)));
        const judgeOne = (each) => (each.status === "oscillating" ? "oscillates" : judgeRate(each, lowest));
        const verdict = judgeOne(course);
        methods.judge(rivals, (each) => WORDS[judgeOne(each)]);
        const times = Number.isFinite(valley.critical) ? `${write4(course.rate / valley.critical)} times the critical rate` : "";
        find("judgement").className = `judgement ${verdict}`;
        find("judgement").replaceChildren(make("strong", {}, WORDS[verdict]), times);
        find("message").textContent = course.message;
    }

    function show(time) {
        if (course) {
            const own = Math.min(time, course.steps.length - 1);
            picture.show([course, ...beside, ...rivals], time, start, valley);
            drawHistory(find("history"), [course, ...rivals], time, valley.isLevel ? valley.value : Infinity);
            const others = time > 0 ? rivals.map((each) => tellRival(f.names, each, Math.min(time, each.steps.length - 1))) : [];
            find("telling").replaceChildren(...tellStep(f.names, course, own), ...others);
        }
    }

    find("add").addEventListener("click", () => {
        keep([...others, start]);
        picture.mirror();
        aim(); // so that all are seen
    });
    find("only").addEventListener("click", () => {
        keep([]);
        find("add").focus();
        change();
    });
    find("find").addEventListener("click", () => {
        try {
            const found = findRate(f, start);
            const rounded = Number(found.rate.toPrecision(3));
            const told = `From ${write4(found.rates[0])} on, ${found.rates.length} steps tried a rate 1.1 times the last, up to ${write4(found.rates.at(-1))}. ${write(rounded)} is ${found.reason}.`;
            find("found").replaceChildren(drawSearch(found), make("p", { className: "soft" }, told));
            rate.set(rounded);
            change();
        } catch (error) {
            find("found").replaceChildren(make("p", { className: "soft" }, error.message));
        }
    });
    find("smaller").addEventListener("click", () => zoomBy(1 / 1.5));
    find("larger").addEventListener("click", () => zoomBy(1.5));
    find("fit").addEventListener("click", () => zoomBy(1 / zoom));
    function zoomBy(factor) {
        zoom *= factor;
        aim();
        show(player.time);
    }
    new ResizeObserver(oncePerFrame(() => {
        aim();
        show(player.time);
    })).observe(find("scene"));
    readFormula(find, data.formula, (text) => use(text, new Map(f.names.map((name, i) => [name, start[i]]))));
    use(data.formula, new Map(Object.entries(data.start)));
}
