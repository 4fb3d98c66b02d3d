// The report of a training: figures, curves, what was answered, what to know, how to repeat it.

const NAMES = { train: "Training", validation: "Validation", test: "Test" };

function mount(place, data) {
    const find = finder(place);
    find("lead").textContent = data.lead;
    fill("figures", tellFigures(data.parts), "parts");
    fill("findings", tellFindings(data), "diagnosis");
    fill("facts", data.facts.length && makeFacts(data.facts));
    fill("changes", data.changes.length && makeTable("What is left out or changed", ["column", "what is done"], data.changes));
    fill("warnings", data.warnings.length && make("ul", {}, ...data.warnings.map((text) => make("li", {}, text))));
    fill("settings", makeFacts(data.settings));
    find("command").textContent = data.command;
    find("command").hidden = !data.command;
    find("course").hidden = data.curve.epoch.length < 2;
    find("answers").hidden = !data.parts.length;
    const curves = new Curves(find, data.curve, data.held_out);
    let chosen = data.parts.at(-1);
    const buttons = data.parts.map((part) => {
        const button = make("button", { type: "button" }, NAMES[part.name]);
        button.addEventListener("click", () => choose(part));
        return button;
    });
    find("choice").append(...buttons);
    find("choice").hidden = buttons.length < 2;

    function choose(part) {
        chosen = part;
        buttons.forEach((button, i) => button.setAttribute("aria-pressed", data.parts[i] === part));
        if (part) {
            (part.classes ? showClasses : showNumbers)(find("details"), part);
        }
    }

    // Put something where it belongs; what is not there takes its card away.
    function fill(name, content, card = name) {
        find(card).hidden = !content;
        find(name).replaceChildren(...(content ? [content] : []));
    }

    function arrange() {
        curves.arrange();
        choose(chosen);
    }

    watchWidth(place, arrange);
    arrange();
}

function tellFigures(parts) {
    const [first] = parts;
    return first && makeTable("Figures", ["", ...parts.map(({ name }) => NAMES[name])],
        first.figures.map(([name], i) => [name, ...parts.map(({ figures }) => figures[i][1])]));
}

function tellFindings({ findings, unchecked }) {
    const paragraphs = findings.map(tellFinding);
    const nothing = make("p", {}, "Nothing is seen that kept it from learning.");
    const rest = unchecked.length ? [make("p", { className: "soft" }, `Not checked: ${unchecked.join("; ")}.`)] : [];
    return make("div", {}, ...(paragraphs.length ? paragraphs : [nothing]), ...rest);
}
