// What all kinds of parts share: how elements are made, how numbers are written, and the life of
// the page. A kind is mounted on an element that holds its `part.html`.

const { Value, parse, call, ROWS } = micrograd;
const kinds = {};

function mountAll() {
    const given = JSON.parse(document.getElementById("data").textContent);
    document.querySelectorAll("[data-kind]").forEach((/** @type {HTMLElement} */ place, i) =>
        kinds[place.dataset.kind](place, given[i]));
}

// A part that comes later, of a kind that another part uses.
function mountPart(kind, data, place) {
    const section = make("section", { className: kind });
    /** @type {HTMLTemplateElement} */
    const template = document.querySelector(`template[data-template="${kind}"]`);
    section.append(template.content.cloneNode(true));
    place.replaceChildren(section);
    kinds[kind](section, data);
}

// The element of a part that has a name: names are unique within a part, so a page may hold several.
function finder(place) {
    return (name) => place.querySelector(`[data-part="${name}"]`);
}

// An element with properties and children; texts stay text, whatever stands in them.
function make(tag, properties = {}, ...children) {
    const { role, ...others } = properties;
    const element = Object.assign(document.createElement(tag), others);
    if (role) {
        element.setAttribute("role", role);
    }
    element.append(...children);
    return element;
}

// Names, and beside each a text.
function makeFacts(pairs) {
    return make("dl", { className: "facts" }, ...pairs.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
}

function draw(tag, attributes, parent, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text !== undefined) {
        element.textContent = text;
    }
    parent.append(element);
    return element;
}

// A number as it is read: six digits, with a true minus sign.
function write(x) {
    const text = Object.is(x, -0) ? "-0"
        : Number.isFinite(x) ? String(Number(x.toPrecision(6))) : String(x).replace("Infinity", "∞");
    return text.replace(/^-/, "−").replace("e-", "e−").replace("e+", "e");
}

function capitalize(text) {
    return text[0].toUpperCase() + text.slice(1);
}

// What keeps a loss up: what it is, how it shows, and what to do.
function tellFinding({ name, evidence, remedy }) {
    return make("p", {}, make("strong", {}, capitalize(name)), `: ${evidence}. `,
        make("span", { className: "soft" }, `${capitalize(remedy)}.`));
}

// Call a function once before the next picture, however often it was asked for.
function oncePerFrame(callback) {
    let isWaiting = false;
    return () => {
        if (!isWaiting) {
            isWaiting = true;
            requestAnimationFrame(() => {
                isWaiting = false;
                callback();
            });
        }
    };
}

// The width that a picture has; while a notebook opens, there is no room yet.
function widthOf(place) {
    return Math.max(place.clientWidth, 200);
}

// Arrange a part again whenever its width is another.
function watchWidth(place, arrange) {
    let width = place.clientWidth;
    new ResizeObserver(() => {
        if (place.clientWidth !== width) {
            width = place.clientWidth;
            arrange();
        }
    }).observe(place);
}

const isStill = matchMedia("(prefers-reduced-motion: reduce)");
