// The language of formulas, as `notation/parse.py` reads it: the same texts, the same numbers.

const LONGEST = 10000; // characters of a formula
const WORD = 100; // characters of a name or a number
const DEEPEST = 200; // levels of nesting

// The function that a text writes down: its names, in order of appearance, and how to call it with
// values or numbers in that order. Throws an Error where the text is no formula.
function parse(text) {
    if (text.length > LONGEST) {
        throw new Error(`${text.length} characters are too many; at most ${LONGEST}`);
    }
    const lines = text.trim().split(/\r\n|\r|\n/);
    const names = [];
    const defined = new Set();
    const steps = lines.map((line, i) => {
        const isLast = i === lines.length - 1;
        const [, name, formula] = isLast ? [null, null, line] : readDefinition(line);
        const reader = new Reader(formula);
        const tree = reader.readAll();
        for (const found of reader.names) {
            if (!defined.has(found) && !names.includes(found)) {
                names.push(found);
            }
        }
        if (name) {
            defined.add(name);
        }
        return [name, tree];
    });
    const evaluate = (...numbers) => {
        const known = new Map(names.map((name, i) => [name, numbers[i]]));
        let y;
        for (const [name, tree] of steps) {
            y = evaluateTree(tree, known);
            known.set(name, y);
        }
        return y;
    };
    return { text, names, evaluate };
}

function readDefinition(line) {
    const found = /^\s*([\p{ID_Start}_]\p{ID_Continue}*)\s*=(.*)$/u.exec(line);
    const name = found?.[1].normalize("NFKC");
    if (!found || name in CONSTANTS || name in ROWS || KEYWORDS.has(name)) {
        throw new Error(`the line ${JSON.stringify(line)} does not begin with 'name ='`);
    }
    return [line, name, found[2]];
}

const CONSTANTS = Object.assign(Object.create(null), { inf: Infinity, nan: NaN });
const COMPARE = {
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, "==": (a, b) => a === b,
    "!=": (a, b) => a !== b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};

// Trees: [kind, …parts]. What a test decides is read off the numbers, as Python does.
function evaluateTree(tree, known) {
    const [kind, ...parts] = tree;
    const value = (part) => evaluateTree(part, known);
    const isTrue = (x) => numberOf(x) !== 0;
    switch (kind) {
        case "number":
            return parts[0];
        case "name":
            return known.get(parts[0]);
        case "call":
            return call(parts[0], parts[1].map(value));
        case "plus":
            return value(parts[0]);
        case "not":
            return isTrue(value(parts[0])) ? 0 : 1;
        case "if":
            return value(isTrue(value(parts[1])) ? parts[0] : parts[2]);
        case "and":
        case "or": {
            let x;
            for (const part of parts[0]) {
                x = value(part);
                if (isTrue(x) === (kind === "or")) {
                    break;
                }
            }
            return x;
        }
        case "compare": {
            let left = numberOf(value(parts[0]));
            for (const [sign, part] of parts[1]) {
                const right = numberOf(value(part));
                if (!COMPARE[sign](left, right)) {
                    return 0;
                }
                left = right;
            }
            return 1;
        }
    }
}

// A number as Python writes it, a name, or a sign; each at the place where the last one ended.
const TOKEN = new RegExp(
    [
        /(?<hex>0[xX](?:_?[\da-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+)/,
        /(?<number>(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?)/,
        /(?<name>[\p{ID_Start}_]\p{ID_Continue}*)/u,
        /(?<sign>\*\*|\/\/|<=|>=|==|!=|[-+*\/%<>(),.])/,
    ].map((part) => part.source).join("|"),
    "uy",
);

class Reader {
    constructor(text) {
        this.names = [];
        this.tokens = [];
        let at = 0;
        while ((at += /^[ \t]*/.exec(text.slice(at))[0].length) < text.length) {
            TOKEN.lastIndex = at;
            const found = TOKEN.exec(text);
            if (!found) {
                throw new Error(`${JSON.stringify(text[at])} has no meaning here`);
            }
            at = TOKEN.lastIndex;
            this.tokens.push(checkToken(found, text.slice(at)));
        }
        this.place = 0;
    }

    readAll() {
        const tree = this.readExpression();
        if (this.place < this.tokens.length) {
            throw new Error(`${this.tokens[this.place].text} is not expected here`);
        }
        checkDepth(tree);
        return tree;
    }

    // Whether the next token is a sign or a word among these; if so, it is taken.
    take(...texts) {
        const token = this.tokens[this.place];
        if (token && token.kind !== "number" && texts.includes(token.text)) {
            this.place += 1;
            return token.text;
        }
        return null;
    }

    expect(text) {
        if (!this.take(text)) {
            const found = this.tokens[this.place]?.text ?? "the end";
            throw new Error(`${found} is not expected here, but ${text}`);
        }
    }

    readExpression() {
        const body = this.readLogical("or");
        if (!this.take("if")) {
            return body;
        }
        const test = this.readLogical("or");
        this.expect("else");
        return ["if", body, test, this.readExpression()];
    }

    readLogical(word) {
        const next = () => (word === "or" ? this.readLogical("and") : this.readNot());
        const parts = [next()];
        while (this.take(word)) {
            parts.push(next());
        }
        return parts.length > 1 ? [word, parts] : parts[0];
    }

    readNot() {
        return this.take("not") ? ["not", this.readNot()] : this.readComparison();
    }

    readComparison() {
        const first = this.readChain(["+", "-"]);
        const others = [];
        let sign;
        while ((sign = this.take(...Object.keys(COMPARE)))) {
            others.push([sign, this.readChain(["+", "-"])]);
        }
        return others.length ? ["compare", first, others] : first;
    }

    readChain(signs) {
        const isSum = signs[0] === "+";
        const next = () => (isSum ? this.readChain(["*", "/", "//", "%"]) : this.readSigned());
        let left = next();
        let sign;
        while ((sign = this.take(...signs))) {
            left = ["call", BINARY[sign], [left, next()]];
        }
        return left;
    }

    readSigned() {
        const sign = this.take("-", "+");
        if (!sign) {
            return this.readPower();
        }
        const operand = this.readSigned();
        return sign === "+" ? ["plus", operand] : ["call", UNARY[sign], [operand]];
    }

    readPower() {
        const base = this.readPostfix();
        return this.take("**") ? ["call", BINARY["**"], [base, this.readSigned()]] : base;
    }

    // What a call of a method follows: x.tanh().exp()
    readPostfix() {
        let tree = this.readAtom();
        while (this.take(".")) {
            const name = this.takeName();
            this.expect("(");
            tree = this.readCall(name, [tree]);
        }
        return tree;
    }

    readAtom() {
        if (this.take("(")) {
            const tree = this.readExpression();
            this.expect(")");
            return tree;
        }
        const token = this.tokens[this.place];
        if (token?.kind === "number") {
            this.place += 1;
            return ["number", token.number];
        }
        const name = this.takeName();
        if (this.take("(")) {
            return this.readCall(name, []);
        }
        if (name in ROWS) {
            throw new Error(`${name} is an operation: write ${name}(…)`);
        }
        if (name in CONSTANTS) {
            return ["number", CONSTANTS[name], "name"];
        }
        this.names.push(name);
        return ["name", name];
    }

    takeName() {
        const token = this.tokens[this.place];
        if (token?.kind !== "name") {
            throw new Error(`${token?.text ?? "the end"} is not expected here`);
        }
        this.place += 1;
        return token.text;
    }

    readCall(name, operands) {
        while (!this.take(")")) {
            operands.push(this.readExpression());
            if (!this.take(",")) {
                this.expect(")");
                break;
            }
        }
        const row = ROWS[ALIASES[name] ?? name];
        if (!row || row.folds) {
            throw new Error(`no operation is called ${name}`);
        }
        const missing = row.operands.length - operands.length;
        if (missing < 0 || missing > row.defaults.length) {
            throw new Error(`${name} takes ${row.operands.join(", ")}`);
        }
        const defaults = row.defaults.slice(row.defaults.length - missing);
        return ["call", row, [...operands, ...defaults.map((x) => ["number", x])]];
    }
}

function checkToken(/** @type {RegExpExecArray} */ { 0: text, groups }, rest) {
    if (text.length > WORD) {
        throw new Error(`${text.slice(0, 20)}… is longer than ${WORD} characters`);
    }
    if (groups.name) {
        const name = text.normalize("NFKC");
        const isWord = WORDS.has(name);
        if (KEYWORDS.has(name) && !isWord) {
            throw new Error(`${name} is not part of the language`);
        }
        return { kind: isWord ? "word" : "name", text: name };
    }
    if (groups.sign) {
        return { kind: "sign", text };
    }
    const isOctal = /^0[\d_]*[1-9]/.test(text) && /^[\d_]+$/.test(text);
    if (isOctal || /^[\p{ID_Continue}]/u.test(rest)) {
        throw new Error(`${text} is no number`);
    }
    return { kind: "number", text, number: Number(text.replaceAll("_", "")) };
}

const WORDS = new Set(["and", "else", "if", "not", "or"]);

// A name counts two levels, as in Python's syntax tree.
function checkDepth(tree) {
    const waiting = [[tree, 1]];
    while (waiting.length) {
        const [[kind, ...parts], depth] = waiting.pop();
        if (depth + (kind === "name") > DEEPEST) {
            throw new Error(`nested deeper than ${DEEPEST} times`);
        }
        const below = {
            number: () => [], name: () => [],
            call: () => parts[1],
            and: () => parts[0], or: () => parts[0],
            compare: () => [parts[0], ...parts[1].map(([, part]) => part)],
        }[kind] ?? (() => parts);
        waiting.push(...below().map((part) => [part, depth + 1]));
    }
}
