// What a step says: the chain rule in symbols and in numbers.

function writeCall({ row, operands }, of) {
    const parts = operands.map((x) => (x instanceof Value ? of(x) : write(x)));
    if (!row.infix || parts.length > 2) {
        return `${row.name}(${parts.join(", ")})`;
    }
    const safe = parts.map((part) => (/^[-−]/.test(part) ? `(${part})` : part));
    return safe.length === 2 ? `${safe[0]} ${row.infix} ${safe[1]}` : `${row.infix}${safe[0]}`;
}

// An operation by its beginning; a leaf, such as layers.0.neurons.1.w.2, or a part by its end.
function shorten(text, kind, less = 0, isPart = false) {
    const most = (kind === "inner" ? 17 : 15) - less; // leaves and the result are bold
    return text.length <= most ? text : kind === "leaf" || isPart ? `…${text.slice(1 - most)}` : `${text.slice(0, most - 1)}…`;
}

// The partial of an edge as the table has it, written with the names of the nodes. The operands of
// a row that folds come in groups: the start, then one letter of all terms after the other.
function writePartial({ node, i }, names) {
    const { row, operands } = node;
    const size = row.folds ? (operands.length - 1) / (row.operands.length - 1) : 1;
    const [group, term] = row.folds && i > 0 ? [1 + Math.floor((i - 1) / size), (i - 1) % size] : [i, 0];
    const found = new Map(row.operands.map((letter, k) => [letter, operands[row.folds && k > 0 ? 1 + (k - 1) * size + term : k]]));
    return row.partials[group].replace(/[A-Za-z_]\w*(?![\w(])/g, (word) => {
        const operand = word === "y" ? node : found.get(word);
        return operand === undefined ? word : operand instanceof Value ? names.get(operand) : write(operand);
    });
}

// A number or a name in the color of what it is.
function tint(kind, text) {
    return make("span", { className: kind }, text);
}

// ∂y/∂x as a fraction.
function slopeOf(above, below, kind = "grad") {
    return make("span", { className: `fraction ${kind}`, role: "img", ariaLabel: `d ${above} by d ${below}` },
        make("span", {}, `∂${above}`), make("span", {}, `∂${below}`));
}

function line(...parts) {
    return make("p", { className: "equation" }, ...parts);
}

// The slope of an edge as a formula, and what it is the slope of.
function ruleOf(course, edge) {
    const { names } = course;
    const [above, below] = [names.get(edge.node), names.get(edge.operand)];
    return make("p", { className: "rule" }, slopeOf(above, below, "slope"), " = ", make("code", {}, writePartial(edge, names)),
        ", the slope of ", make("code", {}, `${above} = ${writeCall(edge.node, (x) => names.get(x))}`));
}

// The elements that tell of the step before a time.
function tell(course, time) {
    const { steps, names, root, split } = course;
    if (time === 0) {
        return [make("h3", {}, "Before the first step"), line("The leaves have their numbers."),
            make("p", { className: "soft" }, "Forward, every node computes its number from those before it. "
                + "Backward, every node passes its gradient on to those it was computed from.")];
    }
    const step = steps[time - 1];
    const name = names.get(step.node);
    if (step.kind === "forward") {
        return [make("h3", {}, `Forward, ${time} of ${split}`),
            line(`${name} = `, writeCall(step.node, (x) => names.get(x)), " = ",
                tint("data", writeCall(step.node, (x) => write(x.data))), " = ", tint("data", write(step.node.data))),
            make("p", { className: "soft" }, step.node.row.doc)];
    }
    if (step.kind === "seed") {
        return [make("h3", {}, "Backward begins"), line(slopeOf(name, name), " = ", tint("grad", "1")),
            make("p", { className: "soft" }, `The gradient of ${name} is 1: how fast the result changes with itself.`)];
    }
    return tellEdge(course, time, step, names.get(root));
}

function tellEdge(course, time, step, y) {
    const [name, operand] = [course.names.get(step.node), course.names.get(step.operand)];
    const all = course.gradientsAt(course.steps.length);
    const parts = course.users.get(step.operand).filter((edge) => shareOf(edge, all) !== null);
    const part = parts.length > 1 && parts.includes(step) ? `, part ${1 + parts.indexOf(step)} of ${parts.length} of the sum` : "";
    const head = make("h3", {}, `Backward, ${time - course.split - 1} of ${course.edges.length}${part}`);
    const before = course.gradientsAt(time - 1);
    const share = shareOf(step, before);
    if (share === null) {
        const why = before.has(step.node) ? "for these numbers" : `since no gradient has reached ${name}`;
        return [head, line(`Nothing flows from ${name} to ${operand}.`), make("p", { className: "soft" }, `Nothing flows ${why}.`), ruleOf(course, step)];
    }
    const old = before.get(step.operand) ?? 0;
    const [g, partial] = [write(before.get(step.node)), write(step.node.partials[step.i])].map((x) => (x.startsWith("−") ? `(${x})` : x));
    return [head,
        line(slopeOf(y, operand), " += ", slopeOf(y, name), " × ", slopeOf(name, operand, "slope")),
        line(...(before.has(step.operand) ? [tint("grad", write(old)), " + "] : []), tint("grad", g), " × ", tint("slope", partial),
            " = ", tint("grad", write(before.has(step.operand) ? old + share : share))),
        ruleOf(course, step)];
}
