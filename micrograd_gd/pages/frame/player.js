// A player: to the start, back, play, next, to the end, and a slider through time.

const ICONS = {
    first: "M6 6h2v12H6zM18 6v12l-9-6z",
    back: "M16 6v12l-9-6z",
    play: "M8 5v14l11-7z",
    pause: "M7 5h4v14H7zM13 5h4v14h-4z",
    next: "M8 6v12l9-6z",
    last: "M16 6h2v12h-2zM6 6v12l9-6z",
};

class Player {
    show; pace; time; length; clock;

    // `show(time)` is called whenever the time changes, `pace` milliseconds apart while it plays.
    constructor(place, show, pace = 1000) {
        Object.assign(this, { show, pace, time: 0, length: 0, clock: null });
        const button = (name, label, act) => {
            const made = make("button", { type: "button", className: name, ariaLabel: label, title: label });
            made.dataset.part = name;
            const icon = draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, made);
            draw("path", { d: ICONS[name] }, icon);
            made.addEventListener("click", act);
            return made;
        };
        this.slider = make("input", { type: "range", min: 0, ariaLabel: "Step" });
        this.slider.dataset.part = "slider";
        this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
        this.count = make("output");
        this.button = button("play", "Play", () => this.toggle());
        this.before = [button("first", "To the start", () => this.go(0)), button("back", "Step back", () => this.go(this.time - 1))];
        this.after = [button("next", "Step forward", () => this.go(this.time + 1)), button("last", "To the end", () => this.go(this.length))];
        const buttons = make("div", { className: "buttons" }, ...this.before, this.button, ...this.after);
        place.classList.add("player");
        place.append(buttons, this.slider, this.count);
    }

    // A new course of so many steps, of which the first `split` are drawn in another color.
    start(length, split = length, time = 0) {
        this.length = length;
        this.slider.max = length;
        this.slider.style.setProperty("--split", `${(100 * split) / Math.max(length, 1)}%`);
        this.go(time);
    }

    go(time) {
        this.time = Math.min(Math.max(time, 0), this.length);
        if (this.time === this.length) {
            this.stop();
        }
        const text = `${this.time} of ${this.length}`;
        this.slider.value = this.time;
        this.slider.style.setProperty("--to", `${(100 * this.time) / Math.max(this.length, 1)}%`);
        this.slider.setAttribute("aria-valuetext", `step ${text}`);
        this.count.textContent = text;
        // Not `disabled`, which would take the focus away from who steps by the keyboard.
        this.before.forEach((button) => button.setAttribute("aria-disabled", this.time === 0));
        this.after.forEach((button) => button.setAttribute("aria-disabled", this.time === this.length));
        this.show(this.time);
    }

    toggle() {
        if (this.clock !== null) {
            this.stop();
            return;
        }
        this.clock = setInterval(() => this.go(this.time + 1), this.pace);
        this.mark("pause", "Pause");
        this.go(this.time === this.length ? 0 : this.time + 1);
    }

    stop() {
        clearInterval(this.clock);
        this.clock = null;
        this.mark("play", "Play");
    }

    mark(icon, label) {
        this.button.querySelector("path").setAttribute("d", ICONS[icon]);
        this.button.ariaLabel = this.button.title = label;
    }
}
