"""The programs of FPBench, which are written in its language FPCore, as functions of Python."""

import math
import operator

from micrograd_gd import functional


def program(case, constant):
    """The function of a list of numbers that a case of FPBench is."""
    text = case["fpcore"].replace("(", " ( ").replace(")", " ) ").replace("PI", str(math.pi))
    tree = parse(iter(text.split()), constant)

    def f(x):
        return evaluate(tree, dict(zip(case["args"], x, strict=True)))

    return f


def parse(words, constant):
    """A tree of lists, names and constants; at a closing bracket, that bracket."""
    word = next(words)
    if word == "(":
        return [*iter(lambda: parse(words, constant), ")")]
    try:
        return constant(float(word))
    except ValueError:
        return word


def evaluate(tree, names):
    if not isinstance(tree, list):
        return names[tree] if isinstance(tree, str) else tree
    head, *rest = tree
    if head == "!":  # an annotation: property, what it is, and the expression
        return evaluate(rest[-1], names)
    if head == "if":
        condition, yes, no = rest
        return evaluate(yes if evaluate(condition, names) else no, names)
    if head in {"let", "let*"}:
        return evaluate(rest[1], bound(rest[0], names, one_by_one=head == "let*"))
    if head in {"while", "while*"}:
        condition, variables, result = rest
        one_by_one = head == "while*"
        names = bound([each[:2] for each in variables], names, one_by_one=one_by_one)
        while evaluate(condition, names):
            steps = [[name, step] for name, _, step in variables]
            names = bound(steps, names, one_by_one=one_by_one)
        return evaluate(result, names)
    return FPCORE[head](*(evaluate(each, names) for each in rest))


def bound(pairs, names, *, one_by_one):
    """The names with new ones, of which each sees those before it or none of them."""
    new = dict(names)
    for name, tree in pairs:
        new[name] = evaluate(tree, new if one_by_one else names)
    return new


FPCORE = {
    "+": operator.add,
    "-": lambda a, *b: a - b[0] if b else -a,
    "*": operator.mul,
    "/": operator.truediv,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "and": lambda a, b: a and b,
    "fabs": abs,
    "sqrt": functional.sqrt,
    "exp": functional.exp,
    "log": functional.log,
    "sin": functional.sin,
    "cos": functional.cos,
    "tan": functional.tan,
    "atan": functional.atan,
    "pow": functional.pow,
}
