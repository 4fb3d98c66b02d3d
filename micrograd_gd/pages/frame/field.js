// A number to type, to drag by a slider, or to step by the arrow keys. The keyboard of a phone is the
// one for text: that for numbers has no minus.

class Field {
    // `change(number)` is called at every change by hand.
    constructor(name, number, change) {
        this.change = change;
        this.input = make("input", { type: "text", autocomplete: "off", spellcheck: false, ariaLabel: name });
        this.slider = make("input", { type: "range", step: "any", ariaLabel: `${name}, slider` });
        this.element = make("div", { className: "field", role: "group", title: name },
            make("span", { className: "name" }, name.length > 10 ? `…${name.slice(-9)}` : name), this.slider, this.input);
        this.input.addEventListener("input", () => {
            const typed = Number(this.input.value.replace("−", "-").replace(",", "."));
            const isNumber = this.input.value.trim() !== "" && this.takes(typed);
            this.input.setAttribute("aria-invalid", !isNumber);
            if (isNumber) {
                this.aim(typed);
                change(typed);
            }
        });
        const steer = (event) => {
            const isSlider = event.target === this.slider;
            const sign = { ArrowUp: 1, ArrowDown: -1, ...(isSlider && { ArrowRight: 1, ArrowLeft: -1 }) }[event.key];
            if (sign) {
                event.preventDefault();
                this.move(sign * (event.shiftKey ? 10 : 1));
            }
        };
        this.element.addEventListener("keydown", steer);
        this.input.addEventListener("blur", () => this.set(this.number));
        this.slider.addEventListener("input", () => {
            this.number = this.numberAt(this.slider.valueAsNumber);
            this.input.value = write(this.number);
            this.paint();
            change(this.number);
        });
        this.set(number);
    }

    takes(number) {
        return Number.isFinite(number);
    }

    // The number at a place of the slider.
    numberAt(place) {
        return roundTo(place, this.grain);
    }

    // Show a number, without telling of it.
    set(number) {
        this.input.value = write(number);
        this.input.setAttribute("aria-invalid", false);
        this.aim(number);
    }

    // So many grains up.
    move(grains) {
        this.set(roundTo(this.number + grains * this.grain, this.grain));
        this.change(this.number);
    }

    // The slider reaches from a number as far below 0 as above, and further when it is passed.
    aim(number) {
        this.number = number;
        this.slider.hidden = !Number.isFinite(number);
        if (this.slider.hidden) {
            return;
        }
        if (!(Math.abs(number) <= this.reach) || number === 0) {
            this.reach = number === 0 ? this.reach ?? 5 : Math.max(2 * Math.abs(number), 1e-300);
            this.reach = Math.abs(number) < 2.5 && Math.abs(number) >= 0.05 ? 5 : this.reach;
            Object.assign(this.slider, { min: -this.reach, max: this.reach });
            this.grain = 10 ** Math.floor(Math.log10(this.reach / 40));
        }
        this.slider.value = number;
        this.paint();
    }

    paint() {
        const at = 50 + 50 * Math.min(Math.max(this.number / this.reach, -1), 1);
        this.slider.style.setProperty("--from", `${Math.min(at, 50)}%`);
        this.slider.style.setProperty("--to", `${Math.max(at, 50)}%`);
    }
}

// A number above 0 whose slider has a place for each power of ten, with one number marked on it.
class LogField extends Field {
    constructor(name, number, change) {
        super(name, number, change);
        this.mark = make("span", { className: "mark" });
        this.element.classList.add("logarithmic");
        this.element.append(this.mark);
    }

    takes(number) {
        return Number.isFinite(number) && number > 0;
    }

    numberAt(place) {
        return Number((10 ** place).toPrecision(3));
    }

    // Twenty grains make a power of ten.
    move(grains) {
        this.set(this.numberAt(Math.log10(this.number) + grains / 20));
        this.change(this.number);
    }

    // The slider reaches further when it is passed.
    aim(number) {
        this.number = number;
        this.low = Math.min(this.low ?? -3, Math.floor(Math.log10(number)));
        this.high = Math.max(this.high ?? 1, Math.ceil(Math.log10(number)));
        Object.assign(this.slider, { min: this.low, max: this.high });
        this.slider.value = Math.log10(number);
        this.slider.setAttribute("aria-valuetext", write(number));
        this.paint();
    }

    // Mark a number, with two powers of ten to its left and one to its right.
    center(marked, text) {
        const middle = this.takes(marked) ? Math.log10(marked) : -1;
        Object.assign(this, { low: middle - 2, high: middle + 1 });
        this.aim(this.number);
        this.point(marked, text);
    }

    // Mark a number where it is, if the slider reaches so far.
    point(marked, text) {
        const place = Math.log10(marked);
        this.marked = this.takes(marked) && place >= this.low && place <= this.high ? marked : null;
        this.mark.hidden = !this.marked;
        this.mark.textContent = text;
        this.paint();
    }

    paint() {
        const at = (x) => (Math.log10(x) - this.low) / (this.high - this.low);
        this.slider.style.setProperty("--to", `${100 * at(this.number)}%`);
        this.element.style.setProperty("--mark", this.marked ? at(this.marked) : 0);
    }
}

function roundTo(x, grain) {
    return Number((Math.round(x / grain) * grain).toPrecision(12));
}
