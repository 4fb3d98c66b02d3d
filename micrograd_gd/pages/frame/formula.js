// The field for a formula: Enter hands it on, and what is wrong with it stands below.

function readFormula(find, text, use) {
    const field = find("formula");
    const resize = () => (field.rows = Math.min(field.value.split("\n").length, 8));
    find("form").addEventListener("submit", (event) => {
        event.preventDefault();
        try {
            use(field.value);
            find("problem").textContent = "";
        } catch (error) {
            find("problem").textContent = error.message;
        }
    });
    field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey) { // a new line is Shift and Enter
            event.preventDefault();
            find("form").requestSubmit();
        }
    });
    field.addEventListener("input", resize);
    field.value = text;
    resize();
}
