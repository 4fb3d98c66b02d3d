// A training under way: the network, its samples, and what the losses were.

const LONGEST = 400; // points of the curve

class Course {
    set; network; rate; batch; random; curve;

    constructor(set, network, rate, batch, random, curve = []) {
        Object.assign(this, { set, network, rate, batch, random, curve });
        this.train = new Samples(set.train.inputs, set.train.targets, set.loss);
        this.heldOut = set.held_out ?? "test"; // what the rows are for that it does not learn from
        this.test = set.test && new Samples(set.test.inputs, set.test.targets, set.loss);
        // The rules of the diagnosis look at so many samples.
        this.some = Object.assign(Object.create(Samples.prototype), this.train, { rows: this.train.rows.subarray(0, MOST) });
        this.order = this.train.rows.slice();
        this.epoch = curve.length ? curve[curve.length - 1].epoch : 0;
        this.renew();
        this.losses = curve.map((row) => row.train).slice(0, -1);
        this.measure();
    }

    // After a change of the network or of the rate: what was found out before does not hold any more.
    renew() {
        this.position = 0;
        this.total = 0;
        this.losses = [];
        this.curvature = new Curvature();
    }

    // A step on the next batch; an epoch is over when all samples have had their turn.
    step() {
        const count = this.order.length;
        if (this.batch === "all" || this.batch >= count) {
            this.losses.push(this.network.descend(this.rate, this.train));
            this.epoch++;
            return;
        }
        if (this.position === 0) {
            this.random.shuffle(this.order);
            this.total = 0;
        }
        const end = Math.min(this.position + this.batch, count);
        this.total += (end - this.position) * this.network.descend(this.rate, this.train, this.order, this.position, end);
        this.position = end % count;
        if (this.position === 0) {
            this.losses.push(this.total / count);
            this.epoch++;
        }
    }

    // The figures as they are now, for the curve.
    measure() {
        const train = this.network.measure(this.train);
        const test = this.test && this.network.measure(this.test);
        this.figures = { train, test };
        const row = { epoch: this.epoch, train: train.loss, test: test?.loss };
        const before = this.curve[this.curve.length - 1];
        if (before?.epoch === row.epoch) {
            this.curve[this.curve.length - 1] = row;
        } else {
            this.curve.push(row);
        }
        if (this.curve.length > LONGEST) { // every other one is enough
            this.curve = this.curve.filter((_, i) => i % 2 === 0 || i === this.curve.length - 1);
        }
        if (this.losses.length > 20000) {
            this.losses = [this.losses[0], ...this.losses.slice(-10000)];
        }
    }

    isOver() {
        return !Number.isFinite(this.figures.train.loss);
    }

    // The rate above which steps grow, of plain steps on all samples.
    critical(products) {
        return this.curvature.critical(this.network, this.some, products);
    }

    diagnose(critical, names) {
        return diagnose(this.network, this.some, [...this.losses, this.figures.train.loss], this.rate, critical, names);
    }
}
