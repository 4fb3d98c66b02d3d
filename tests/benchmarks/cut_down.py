"""Programs that fail, made smaller: statements and parts of expressions are left out."""

import ast
import time


def cut_down(case, smaller, fails, seconds=20.0):
    """The smallest case that is found and fails; `smaller(case)` has the next ones to try."""
    end = time.monotonic() + seconds
    tried = smaller(case)
    while time.monotonic() < end and (each := next(tried, None)):
        if fails(each):
            case, tried = each, smaller(each)
    return case


def cuts(source):
    """Shorter programs: without a statement, or with a part of an expression for the whole."""
    tree = ast.parse(source)
    whiles = [each for each in ast.walk(tree) if isinstance(each, ast.While)]
    kept = {part for each in whiles for part in ast.walk(each)}  # which cut might run for ever
    for node in ast.walk(tree.body[0]):
        if node in kept:
            continue
        for field, value in ast.iter_fields(node):
            parts = value if isinstance(value, list) else [value]
            for i, part in enumerate(parts):
                for instead in _replacements(part):
                    changed = [*parts[:i], *instead, *parts[i + 1 :]]
                    setattr(node, field, changed if parts is value else changed[0])
                    if len(cut := ast.unparse(tree)) < len(source):
                        yield cut
                    setattr(node, field, value)


def _replacements(part):
    """What may stand in place of a statement or of an expression, as lists of such."""
    if isinstance(part, (ast.If, ast.For)):
        return [part.body, part.orelse, []]
    if isinstance(part, ast.stmt):
        return [[]]
    if isinstance(part, ast.expr) and not isinstance(part, (ast.Name, ast.Constant, ast.Lambda)):
        below = [x for x in ast.walk(part) if isinstance(x, ast.expr)][1:]
        return [[x] for x in below if not isinstance(x, ast.Lambda)] + [[ast.Constant(1.0)]]
    return []
