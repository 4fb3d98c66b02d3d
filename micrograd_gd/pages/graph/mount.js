// A graph to step through: the formula on top, the picture, the player, and what each step says.

function mount(place, data) {
    const find = finder(place);
    let course, drawing, selected, fields, zoom;
    let quiz = null;
    const player = new Player(find("player"), follow);

    function use(newCourse, isOver) {
        course = newCourse;
        redraw();
        selected = course.leaves[0] ?? course.root;
        ask(false);
        fields = new Map(course.leaves.map((leaf) =>
            [leaf, new Field(course.names.get(leaf), leaf.data, (number) => change(leaf, number))]));
        find("fields").replaceChildren(...[...fields.values()].map((field) => field.element));
        fit();
        showNode();
        player.stop();
        player.start(course.steps.length, course.split, isOver ? course.steps.length : 0);
    }

    function redraw() {
        drawing = new Drawing(find("graph"), course, { choose, drag: course.leaves.length ? drag : null, leave });
    }

    // After a box was opened or closed: the boxes in view, at the same time as before.
    function rearrange(group, time, hasFocus) {
        const node = course.lastOf(group);
        const [first, last] = course.placeOf(node);
        redraw();
        fit(zoom);
        selected = group;
        showNode();
        player.stop();
        player.start(course.steps.length, course.split, { start: 0, forward: first, backward: last, end: Infinity }[time]);
        if (hasFocus) {
            drawing.focus(node).focus({ preventScroll: true });
        }
        reveal(node);
    }

    function timeOf() {
        return player.time === 0 ? "start" : player.time === player.length ? "end" : player.time > course.split ? "backward" : "forward";
    }

    function close(group) {
        const time = timeOf();
        course.close(group);
        rearrange(group, time, true);
    }

    // Leave the box that a node came out of, which closes.
    function leave(node) {
        const group = course.groupOf?.(node);
        if (group) {
            close(group);
        }
    }

    const refresh = oncePerFrame(() => {
        course.root.forward();
        show(true);
        showNode();
    });

    // Before the first step there is nothing to follow, so all steps are taken at once.
    function change(leaf, number) {
        leaf.data = number;
        if (player.time === 0 && !quiz) {
            course.root.forward();
            player.go(course.steps.length);
        }
        refresh();
    }

    function drag(leaf, number) {
        fields.get(leaf).set(number);
        change(leaf, number);
    }

    // Go to where a node is computed; from there, and for a leaf, to where its gradient is complete.
    function choose(node) {
        const time = timeOf();
        if (course.open?.(node)) {
            rearrange(node, time, true);
            return;
        }
        const [first, last] = course.placeOf(node);
        const isSame = selected === node;
        if (quiz) {
            quiz.choose(node);
            return;
        }
        selected = node;
        showNode();
        player.stop();
        player.go(isSame ? (first && player.time !== first ? first : last) : player.time);
    }

    function showNode() {
        const isHidden = quiz !== null && !quiz.found.has(selected);
        find("panel").replaceChildren(...course.tellNode(selected, isHidden, (path) => drawing.light(path), close));
    }

    // Begin to ask, or give it up.
    function ask(isOn) {
        quiz = isOn ? new Quiz(course, showQuiz, (path) => drawing.light(path)) : null;
        drawing.light(null);
        find("ask").setAttribute("aria-pressed", isOn);
        find("ask").textContent = isOn ? "Give up" : "Ask me";
        find("player").hidden = isOn;
    }

    // The question is written anew when it is about another node.
    function showQuiz(isFresh = selected !== quiz.node, takesFocus = true) {
        selected = quiz.node;
        drawing.show({ time: course.split + 1, gradients: quiz.gradients(), missing: "?", selected });
        showNode();
        if (isFresh) {
            find("telling").replaceChildren(...quiz.elements(isFresh));
            if (takesFocus) {
                find("telling").querySelector("input")?.focus({ preventScroll: true });
            }
            reveal(selected);
        }
    }

    function show(isHasty = false) {
        if (quiz) {
            showQuiz(false);
            return;
        }
        const { time } = player;
        const gradients = course.gradientsAt(time);
        const state = { time, gradients, missing: time === course.steps.length ? "0" : "·", selected };
        drawing[isHasty ? "showSoon" : "show"](state);
        find("telling").replaceChildren(...course.tell(time));
    }

    // Bring the box in question into view.
    function follow(time) {
        show();
        const step = course.steps[time - 1];
        if (step && !quiz) {
            reveal(step.operand ?? step.node);
        }
    }

    // The picture as large as asked for; else as it fits, if that can be read, or else to be scrolled.
    function fit(scale) {
        const view = find("view");
        const [width, height] = drawing.size;
        const readable = (factor) => (factor < 0.6 ? 0.72 : Math.min(factor, 1.3));
        view.style.setProperty("--height", `${height * readable(view.clientWidth / width) + 100}px`);
        zoom = scale ?? readable(fitting());
        find("graph").style.width = `${width * zoom}px`;
        find("graph").style.height = `${height * zoom}px`;
    }

    // The scale at which all of the picture is seen.
    function fitting() {
        const [view, [width, height]] = [find("view"), drawing.size];
        return Math.min(view.clientWidth / width, (view.clientHeight - 50) / height, 1.3);
    }

    // Bring the box of a node into view, and leave the view where it is already.
    function reveal(node) {
        const view = find("view");
        const [box, frame] = [drawing.boxes.get(node).group, view].map((element) => element.getBoundingClientRect());
        const distance = (from, to, size) => (from < 16 || to > size - 16 ? (from + to - size) / 2 : 0);
        view.scrollBy({
            left: distance(box.left - frame.left, box.right - frame.left, frame.width),
            top: distance(box.top - frame.top, box.bottom - frame.top, frame.height),
            behavior: isStill.matches ? "auto" : "smooth",
        });
    }

    find("ask").addEventListener("click", () => {
        player.stop();
        ask(quiz === null);
        if (quiz) {
            showQuiz(true);
        } else {
            show();
            showNode();
        }
    });
    find("smaller").addEventListener("click", () => fit(zoom / 1.25));
    find("larger").addEventListener("click", () => fit(zoom * 1.25));
    find("fit").addEventListener("click", () => fit(fitting()));
    readFormula(find, data.formula, (text) => {
        const numbers = new Map(course.leaves.map((leaf) => [leaf.name ?? course.names.get(leaf), leaf.data]));
        use(new Backpropagation(buildFormula(text, numbers)));
    });
    data.hidden.forEach((name) => (find(name).hidden = true));
    place.classList.toggle("narrow", ["leaves", "panel"].every((name) => data.hidden.includes(name)));
    use(data.boxes ? new Folded(data) : new Backpropagation(build(data.nodes)), data.start === "end");
    selected = course.nodes.find((node) => node.label && node.label === data.selected) ?? selected;
    showNode();
    show();
    if (data.start === "ask") {
        ask(true);
        showQuiz(true, false);
    }
}
