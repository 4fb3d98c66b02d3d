// Momentum and Adam beside plain descent, as `optim.py` has them.

// How a step is made of the slope g, the rate, the number of steps before and what is remembered:
// what to subtract, then what to remember. `tell` says it in words, for what is remembered then.
const METHODS = {
    plain: { change: (g, rate) => [rate * g] },
    momentum: {
        name: "Momentum",
        about: "A heavy ball: its velocity is 0.9 of what it was, plus the slope.",
        change(g, rate, _, [before = 0]) {
            const velocity = 0.9 * before + g;
            return [rate * velocity, velocity];
        },
        tell: (count, g, [before = 0], [velocity]) =>
            [`velocity = 0.9 × ${safe4(before)} + ${safe4(g)} = ${write4(velocity)}`, safe4(velocity)],
    },
    adam: {
        name: "Adam",
        about: "The mean of the slopes over their typical size: steps about as long as the rate, be it steep or flat.",
        change(g, rate, count, [mean = 0, square = 0]) {
            const [m, v] = [0.9 * mean + (1 - 0.9) * g, 0.999 * square + (1 - 0.999) * g * g];
            const [unbiased, size] = unbias(m, v, count + 1);
            return [(rate * unbiased) / (size + 1e-8), m, v];
        },
        tell(count, g, before, [m, v]) {
            const [mean, size] = unbias(m, v, count);
            return [`mean of the slopes ${write4(mean)}, typical size ${write4(size)}`, `${safe4(mean)} / ${write4(size)}`];
        },
    },
};

// The running means of g and of g², as if they had not begun at 0; of the second, the root.
function unbias(m, v, count) {
    return [m / (1 - 0.9 ** count), Math.sqrt(v / (1 - 0.999 ** count))];
}

// A button for each method, and how it ended where it is on: `change()` when one is switched.
class Rivals {
    constructor(place, change) {
        this.names = Object.keys(METHODS).slice(1);
        this.rows = new Map(this.names.map((name) => {
            const button = make("button", { type: "button", title: METHODS[name].about, className: name });
            const sample = draw("svg", { viewBox: "0 0 34 16", "aria-hidden": "true" }, button);
            draw("path", { class: "line", d: "M0 8H34" }, sample);
            drawDot(sample, "dot", [17, 8], 5, name);
            button.append(METHODS[name].name);
            button.setAttribute("aria-pressed", false);
            button.addEventListener("click", () => {
                button.setAttribute("aria-pressed", !this.isOn(name));
                change();
            });
            return [name, { button, about: make("span", { className: "soft" }) }];
        }));
        place.append(...[...this.rows.values()].flatMap(({ button, about }) => [button, about]));
    }

    isOn(name) {
        return this.rows.get(name).button.ariaPressed === "true";
    }

    // The descents of those that are on.
    descend(f, start, rate, maxSteps, tolerance) {
        return this.names.filter((name) => this.isOn(name))
            .map((name) => ({ ...descend(f, start, rate, maxSteps, tolerance, METHODS[name]), look: name }));
    }

    // Say how they ended, with a word for each.
    judge(courses, wordOf) {
        for (const [name, { about }] of this.rows) {
            const course = courses.find(({ look }) => look === name);
            about.textContent = !course ? METHODS[name].about
                : `${wordOf(course)}: ${write4(course.steps.at(-1).value)} after ${countSteps(course.steps.length - 1)}`;
        }
    }
}

// What the step before a time was made of.
function tellRival(names, { steps, rate, look }, time) {
    const [before, now] = [steps[time - 1], steps[time]];
    const { name, tell } = METHODS[look];
    const lines = names.map((letter, i) => {
        const [told, step] = tell(time, before.gradient[i], before.memory[i], now.memory[i]);
        return make("p", {}, make("strong", {}, `${letter} ← ${safe(before.point[i])} − ${write(rate)} × ${step} = ${write(now.point[i])}`), ` ${told}`);
    });
    return make("div", { className: `rival ${look}` }, make("h3", {}, name), ...lines);
}

function safe4(x) {
    return safe(Number.isFinite(x) ? Number(x.toPrecision(4)) : x);
}
