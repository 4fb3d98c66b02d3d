// Ask me: gradients are hidden, and the reader finds them from the result on. What is wrong with a
// number tells which path is missing, or which factor.

class Quiz {
    course; change; light; tries; atOnce;

    // `change()` is called when the question or what was found is another one; `light(edges)` shows
    // a path.
    constructor(course, change, light) {
        Object.assign(this, { course, change, light, tries: 0, atOnce: 0 });
        const all = course.gradientsAt(course.steps.length);
        this.found = new Set([course.root]);
        this.waiting = [...course.nodes].reverse().filter((node) => node !== course.root && all.has(node));
        this.total = this.waiting.length;
        [this.node = course.root] = this.waiting;
    }

    // The gradients that are found already.
    gradients() {
        const all = this.course.gradientsAt(this.course.steps.length);
        return new Map([...all].filter(([node]) => this.found.has(node)));
    }

    choose(node) {
        this.node = node;
        this.tries = 0;
        this.change();
    }

    answer(x) {
        const verdict = judge(this.course, this.node, x);
        this.tries += 1;
        this.light(verdict.path ?? null);
        if (verdict.isRight) {
            this.atOnce += this.tries === 1;
            this.reveal();
        }
        return verdict.text;
    }

    reveal() {
        this.found.add(this.node);
        this.waiting = this.waiting.filter((node) => node !== this.node);
        this.change();
    }

    next() {
        this.light(null);
        this.choose(this.waiting[0] ?? this.course.root);
    }

    // The question, a field for the answer, and what was answered.
    elements(isNew) {
        const { course, node } = this;
        const [name, y] = [course.names.get(node), course.names.get(course.root)];
        const count = `${this.total - this.waiting.length} of ${this.total} found`;
        if (!this.waiting.length && this.found.has(node) && isNew) {
            const many = this.atOnce === this.total ? "all of them" : this.atOnce;
            return [make("h3", {}, "Ask me"), line("Every gradient is found."), make("p", { className: "soft" }, `${count}, ${many} at the first try.`)];
        }
        const field = make("input", { ariaLabel: `The gradient of ${name}`, autocomplete: "off", inputMode: "text", placeholder: "a number, or 2 * 0.5 + 1" });
        const verdict = make("p", { className: "verdict", role: "status" });
        const [check, tell] = [make("button", { className: "main" }, "Check"), make("button", { type: "button" }, "Show me")];
        const form = make("form", { className: "answer" }, field, check, tell);
        const finish = () => {
            field.readOnly = true;
            check.textContent = "Next";
            tell.hidden = true;
        };
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            if (field.readOnly) {
                this.next();
                return;
            }
            const x = this.read(field.value);
            verdict.textContent = x === null ? "Write a number, or a formula such as 2 * 0.5 + 1." : this.answer(x);
            verdict.className = `verdict ${this.found.has(node) ? "right" : "wrong"}`;
            if (this.found.has(node)) {
                finish();
            }
        });
        tell.addEventListener("click", () => {
            this.reveal();
            field.value = write(this.gradients().get(node));
            verdict.replaceChildren(...sumOf(course, node));
            finish();
            field.focus();
        });
        if (this.found.has(node)) {
            finish();
            field.value = write(this.gradients().get(node));
        }
        const users = partsOf(course, node).map(({ edge }) => course.names.get(edge.node));
        return [make("h3", {}, `Ask me, ${count}`), line("What is ", slopeOf(y, name), "?"), form, verdict,
            make("p", { className: "soft" }, node === course.root ? "The gradient of the result itself."
                : `${name} = ${write(node.data)} goes into ${join([...new Set(users)])}. Begin with the gradient${users.length > 1 ? "s" : ""} there.`)];
    }

    // The number that a text is; names stand for the numbers of their nodes.
    read(text) {
        try {
            const formula = parse(text.trim().replaceAll("−", "-").replaceAll("×", "*"));
            const known = new Map(this.course.nodes.map((node) => [this.course.names.get(node), node.data]));
            const x = formula.evaluate(...formula.names.map((name) => known.get(name) ?? NaN));
            return Number.isNaN(x) ? null : x;
        } catch {
            return null;
        }
    }
}

// The shares that the gradient of a node is the sum of.
function partsOf(course, node) {
    const all = course.gradientsAt(course.steps.length);
    return course.users.get(node).map((edge) => ({ edge, share: shareOf(edge, all), g: all.get(edge.node), slope: edge.node.partials[edge.i] }))
        .filter(({ share }) => share !== null);
}

function join(texts) {
    return texts.length > 1 ? `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}` : texts[0];
}

function isNear(x, y) {
    return Object.is(x, y) || Math.abs(x - y) <= Math.max(0.005 * Math.abs(y), 1e-9);
}

// Whether a number is the gradient; if not, what it lacks, with the path that is missing.
function judge(course, node, x) {
    const parts = partsOf(course, node);
    const gradient = course.gradientsAt(course.steps.length).get(node) ?? 0;
    if (isNear(x, gradient)) {
        return { isRight: true, text: `Right. ${sumOf(course, node).join("")}` };
    }
    const missing = missingParts(course, node, parts, x) ?? missingPaths(course, node, x);
    if (missing) {
        return missing;
    }
    const [first] = parts;
    const of = (edge) => [course.names.get(edge.node), course.names.get(node)];
    if (x !== 0 && isNear(-x, gradient)) {
        return { text: "The size is right, the sign is not." };
    }
    if (isNear(x, sum(parts.map(({ slope }) => slope))) && parts.length) {
        const [above, below] = of(first.edge);
        return { text: parts.length > 1 ? "These are the slopes, added up. First multiply each by the gradient of the node that it leads to."
            : `That is the slope ∂${above}/∂${below}. Multiply it by the gradient of ${above}, which is ${write(first.g)}.` };
    }
    const passed = parts.find(({ g }) => isNear(x, g));
    if (passed) {
        const [above, below] = of(passed.edge);
        return { text: `That is the gradient of ${above}. Multiply it by the slope ∂${above}/∂${below}, which is ${write(passed.slope)}.` };
    }
    if (Math.abs(x - gradient) <= 0.05 * Math.abs(gradient)) {
        return { text: "Close. One more digit." };
    }
    if (!parts.length) {
        return { text: "Nothing flows here for these numbers." };
    }
    const [above, below] = of(first.edge);
    return { text: parts.length > 1 ? `Not yet. It is a sum of ${parts.length} parts, one for each arrow that leaves ${below}: gradient times slope.`
        : `Not yet. Multiply the gradient of ${above}, ${write(first.g)}, by the slope of ${above} = ${writeCall(first.edge.node, (z) => course.names.get(z))} by ${below}.` };
}

// Where some of the parts add up to the number: the others are missing.
function missingParts(course, node, parts, x) {
    const lacking = restOf(parts, ({ share }) => share, x);
    if (!lacking) {
        return null;
    }
    const { paths } = explain(course, node, 50);
    const through = paths.find(({ edges }) => lacking.some(({ edge }) => edges.at(-1) === edge));
    const names = join([...new Set(lacking.map(({ edge }) => course.names.get(edge.node)))]);
    const path = through && writePath(course, node, through);
    const amount = write(sum(lacking.map(({ share }) => share)));
    return { text: `A part is missing: what comes through ${names} adds ${amount}.${path ? ` That is the path ${path}.` : ""}`, path: through?.edges };
}

// The same for whole paths.
function missingPaths(course, node, x) {
    const { count, paths } = explain(course, node, 10);
    const lacking = count === paths.length ? restOf(paths, ({ product }) => product, x) : null;
    return lacking && { text: `A path is missing: ${writePath(course, node, lacking[0])} adds ${write(lacking[0].product)}.`, path: lacking[0].edges };
}

// The fewest items without which the others add up to x, if there are such.
function restOf(items, numberOf, x) {
    if (items.length < 2 || items.length > 10) {
        return null;
    }
    const choices = Array.from({ length: 2 ** items.length - 2 }, (_, i) => items.filter((__, k) => (i + 1) & (1 << k)));
    choices.sort((a, b) => a.length - b.length);
    const total = sum(items.map(numberOf));
    return choices.find((rest) => isNear(x, total - sum(rest.map(numberOf))) && rest.some((item) => numberOf(item) !== 0)) ?? null;
}

function sum(numbers) {
    return numbers.reduce((a, b) => a + b, 0);
}

// 2 × 0.5 + 1 × 3 = 4
function sumOf(course, node) {
    const parts = partsOf(course, node);
    const safe = (x) => (x < 0 ? `(${write(x)})` : write(x));
    const terms = parts.map(({ g, slope }) => `${safe(g)} × ${safe(slope)}`).join(" + ");
    return [terms ? `${terms} = ${write(sum(parts.map(({ share }) => share)))}.` : ""];
}
