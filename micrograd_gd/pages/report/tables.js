// Tables, and what was answered to classes as one.

// The first cell of each row is its head.
function makeTable(label, heads, rows) {
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const body = rows.map((row) => make("tr", {}, ...row.map((cell, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, cell))));
    return make("table", { ariaLabel: label }, make("thead", {}, head), make("tbody", {}, ...body));
}

// Wide tables scroll on their own, not with the page.
function makeScroll(label, table) {
    return make("div", { className: "scroll", role: "region", ariaLabel: label, tabIndex: 0 }, table);
}

function showClasses(place, { classes: names, counts, rows, mistakes }) {
    const children = [];
    if (counts) {
        const table = makeTable("How often each class was taken for which", ["", ...names], counts.map((row, i) => [names[i], ...row]));
        table.className = "counts";
        counts.forEach((row, i) => {
            const total = row.reduce((sum, count) => sum + count, 0);
            row.forEach((count, j) => {
                const cell = table.tBodies[0].rows[i].cells[j + 1];
                cell.className = i === j ? "right" : count ? "wrong" : "none";
                cell.style.setProperty("--share", `${Math.round((45 * count) / (total || 1))}%`);
            });
        });
        children.push(make("div", {}, make("h3", {}, "Down: the class that it is. Across: the answer."), makeScroll("Table of answers", table)));
    }
    const heads = ["", "rows", "precision", "recall", "F1"];
    children.push(make("div", {}, make("h3", {}, "Each class"), makeScroll("Table of classes", makeTable("Each class", heads, rows)),
        ...(mistakes.length ? [make("p", { className: "soft" }, `Most often taken for another: ${mistakes.join(", ")}.`)] : [])));
    place.replaceChildren(...children);
}
