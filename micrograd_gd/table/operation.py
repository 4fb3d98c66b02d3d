"""A row of the operation table: what it knows, and how it is computed."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any

from micrograd_gd.caches import cached_property
from micrograd_gd.errors import OperationError, TranslationError
from micrograd_gd.keywords import answer_keywords
from micrograd_gd.table import expression, ieee
from micrograd_gd.table.numbers import number, shorten

Formula = str | Callable[..., Any]


@dataclass(frozen=True, eq=False, repr=False)
class Operation:
    """A row of the table; calling it computes a number, or records a node if given a `Value`."""

    name: str
    operands: tuple[str, ...]
    value: Formula
    partials: tuple[Formula, ...]
    doc: str
    method: str = ""
    infix: str = ""
    latex: str = ""
    domain: str = ""
    kinks: tuple[str, ...] = ()
    convention: str = ""
    properties: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    identities: tuple[tuple[str, float, str], ...] = ()  # an operand, its number, the result then
    defaults: tuple[float, ...] = ()
    folds: bool = False
    _compiled: dict[Any, Callable[..., Any]] = field(default_factory=dict)
    _slopes: list["Operation | None"] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let `help` and `inspect.signature` show the row as they show a function."""
        shown = {"__name__": self.name, "__doc__": self.doc, "__signature__": self.signature()}
        vars(self).update(shown)

    def signature(self, *, method: bool = False) -> Signature:
        """How the row is called as a function, or as a method of its first operand.

        >>> operation("leaky_relu").signature(), operation("add").signature(method=True)
        (<Signature (x, slope=0.01)>, <Signature (self, b, /)>)
        """
        by_place, by_name = Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD
        defaults = dict.fromkeys(self.operands, Parameter.empty) | self.optional()
        first, *rest = [Parameter(x, by_name, default=defaults[x]) for x in self.operands]
        if self.folds:
            first = first.replace(kind=by_place)
            name = self.operands[1] if len(rest) == 1 else "operands"
            rest = [Parameter(name, Parameter.VAR_POSITIONAL)]
        elif method and len(rest) < 2 and not self.defaults:
            rest = [parameter.replace(kind=by_place) for parameter in rest]
        return Signature([Parameter("self", by_place) if method else first, *rest])

    def __call__(self, *operands: Any, **named: Any) -> Any:
        """The number, or, where an operand is a `Value`, the node."""
        if named or len(operands) != self._count:
            operands = self.complete(operands, named)
        are_floats = True
        for operand in operands:
            if type(operand) is not float:
                record = getattr(type(operand), "record", None)
                if record is not None:
                    return record(self, *operands)
                are_floats = False
        if not are_floats:
            pairs = enumerate(operands, 1)
            operands = tuple([number(x, f"operand {i} of {self!r}") for i, x in pairs])
        return self._compute(*operands)

    def complete(self, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """All operands in order, with defaults filled in; TypeError where their number is wrong."""
        if self.folds:
            if not named and operands and not (len(operands) - 1) % (len(self.operands) - 1):
                return operands
        elif len(operands) == len(self.operands) and not named:
            return operands
        elif named.keys() <= set(self.operands[len(operands) :]):
            given = self.optional() | dict(zip(self.operands, operands, strict=False)) | named
            if len(given) == len(self.operands) >= len(operands):
                return tuple([given[letter] for letter in self.operands])
        if message := answer_keywords(self.name, named, self.operands):
            raise TypeError(message)
        told = ", ".join([*map(shorten, operands), *(f"{k}={v!r}" for k, v in named.items())])
        raise TypeError(f"{self!r} cannot be called with the operands ({told})")

    @cached_property
    def _count(self) -> int:
        """How many operands a call without defaults has; of a row that folds, none is right."""
        return -1 if self.folds else len(self.operands)

    @cached_property
    def _compute(self) -> Callable[..., float]:
        """The value as a function of floats, whatever it is written in."""
        if isinstance(self.value, str) and not self.folds:
            return self.on_floats()
        return lambda *operands: self.rule((False,) * len(operands))(*operands)[0]

    def arity(self, terms: int) -> int:
        """How many operands a call takes; of a row that folds, one and those of so many terms."""
        return 1 + terms * (len(self.operands) - 1) if self.folds else len(self.operands)

    def terms(self, operands: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What each step of a row that folds adds; its operands are s, then every w, then every x.

        >>> operation("dot").terms(["s", "w1", "w2", "x1", "x2"])
        [('w1', 'x1'), ('w2', 'x2')]
        """
        count = self._term_count(operands)
        return [tuple(operands[1 + i :: count]) for i in range(count)]

    def _term_count(self, operands: Sequence[Any]) -> int:
        return (len(operands) - 1) // (len(self.operands) - 1)

    def optional(self) -> dict[str, float]:
        """The operands that may be left out, with what stands for them then."""
        required = len(self.operands) - len(self.defaults)
        return dict(zip(self.operands[required:], self.defaults, strict=True))

    @cached_property
    def syntax(self) -> ast.operator | ast.unaryop | None:
        """The operator that Python's syntax has for the row, if any.

        >>> ast.dump(operation("pow").syntax)
        'Pow()'
        """
        if not (self.infix and self.method):
            return None
        text = f"a {self.infix} b" if len(self.operands) == 2 else f"{self.infix} a"
        try:
            return getattr(ast.parse(text, mode="eval").body, "op", None)
        except SyntaxError:
            return None

    def write_call(self, operands: Sequence[ast.expr]) -> ast.expr:
        """The row applied to operands, as Python writes it: by its operator, or else as a call.

        >>> ast.unparse(operation("pow").write_call([ast.Name("a"), ast.Constant(2)]))
        'a ** 2'
        """
        if isinstance(self.syntax, ast.operator):
            return ast.BinOp(operands[0], self.syntax, operands[1])
        if isinstance(self.syntax, ast.unaryop):
            return ast.UnaryOp(self.syntax, operands[0])
        return ast.Call(ast.Name(self.name, ast.Load()), [*operands], [])

    @property
    def neutral(self) -> tuple[float | None, float | None]:
        """For a row of two operands, each one's number that leaves the other operand as it is.

        >>> operation("add").neutral, operation("div").neutral
        ((-0.0, -0.0), (None, 1.0))
        """
        if len(self.operands) != 2:
            return None, None
        a, b = self.operands
        found = {letter: x for letter, x, y in self.identities if {letter, y} == {a, b}}
        return found.get(a), found.get(b)

    def is_constant(self, operands: Sequence[Any]) -> bool:
        """Whether a plain number among the operands makes the result the same for all others."""
        return any(type(operands[i]) is float and operands[i] == x for i, x in self.fixing)

    @property
    def fixing(self) -> list[tuple[int, float]]:
        """The places of operands, each with the number that makes the result a constant.

        >>> operation("pow").fixing
        [(1, 0.0), (0, 1.0)]
        """
        constants = [
            each for each in self.identities if not any(x in each[2] for x in self.operands)
        ]
        return [(self.operands.index(x), number) for x, number, _ in constants]

    @property
    def is_internal(self) -> bool:
        """Whether the row is there to be the derivative of others, and is offered to nobody."""
        return "internal" in self.properties

    @cached_property
    def is_choice(self) -> bool:
        """Whether it takes one of its operands, by their own numbers, and leaves others.

        >>> operation("relu").is_choice, operation("exp").is_choice
        (True, False)

        `where` chooses by a test. It is there to keep away from numbers that are not finite.

        >>> operation("where").is_choice
        False
        """
        partials = [p for p in self.partials if isinstance(p, str)]
        is_plain = "None" not in partials and "flat" not in self.properties
        return is_plain and any("None" in partial for partial in partials)

    def may_leave(self, i: int) -> bool:
        """Whether that choice leaves operand i for some numbers, so that no derivative flows there.

        >>> operation("clip").may_leave(0), operation("mod").may_leave(0)
        (True, False)
        """
        return self.is_choice and "None" in str(self.partials[i])

    @property
    def is_unary(self) -> bool:
        """Whether the row is offered as a function of one number, such as an activation."""
        return len(self.operands) - len(self.defaults) == 1 and not self.is_internal

    def __repr__(self) -> str:
        first, *rest = self.operands
        if self.folds:
            rest = [f"*{letter}" for letter in rest]
        defaults = self.optional()
        rest = [f"{x}={defaults[x]:g}" if x in defaults else x for x in rest]
        return f"{self.name}({', '.join([first, *rest])})"

    def __reduce__(self) -> tuple[Any, ...]:
        return operation, (self.name,)

    def tree(self, formula: Formula) -> ast.expr:
        """The syntax tree of one of this row's formulas; TranslationError if it is Python code."""
        if not isinstance(formula, str):
            raise TranslationError(
                f"{self.name} was added as Python code, and this needs it as expressions: "
                f"give ops.primitive the value and the partials as text"
            )
        return expression.parse(formula, (*self.operands, "y"), path=True)

    def rule(self, active: tuple[bool, ...]) -> Callable[..., Any]:
        """A function of floats: the value, then the partials, None for operands not active.

        A row that folds gives all its partials.
        """
        key = None if self.folds else active
        if key not in self._compiled:
            self._compiled[key] = self._fold() if self.folds else self._rule(active)
        return self._compiled[key]

    def _rule(self, active: tuple[bool, ...]) -> Callable[..., Any]:
        partials = zip(self.partials, active, strict=True)
        if not isinstance(self.value, str):
            return _rule_of_callables(self.value, [p if wanted else None for p, wanted in partials])
        value = ast.NamedExpr(ast.Name("y", ast.Store()), self.float_tree(self.value))
        fixing = [f"{self.operands[i]} == {x!r}" for i, x in self.fixing if not active[i]]
        absent = f"None if {' or '.join(fixing)} else " if fixing else ""
        wanted = [self.float_tree(f"{absent}{p}" if wanted else "None") for p, wanted in partials]
        return expression.function(
            self.operands, ast.Tuple([value, *wanted], ast.Load()), ON_FLOATS
        )

    def _fold(self) -> Callable[..., Any]:
        sum_so_far, *groups = self.operands
        step = ", ".join(groups)
        steps = f"zip({', '.join('_' + group for group in groups)}, strict=True)"
        cuts = [f"_{g} = _all[{i} * _n : {i + 1} * _n]" for i, g in enumerate(groups)]
        slopes = [
            f"*_{p}" if p in groups else f"*[{self._source(p)} for {step}, in {steps}]"
            for p in self.partials[1:]
        ]
        source = f"""
def fold({sum_so_far}, *_all):
    _n = len(_all) // {len(groups)}
    {"; ".join(cuts)}
    for {step}, in {steps}:
        {sum_so_far} = {self._source(self.value)}
    return {sum_so_far}, 1.0, {", ".join(slopes)}
"""
        names = dict(ON_FLOATS)
        exec(source, names)  # noqa: S102 — made of the table's own checked expressions
        fold: Callable[..., Any] = names["fold"]
        return fold

    def _source(self, formula: Formula) -> str:
        return ast.unparse(self.float_tree(formula))

    def float_tree(self, formula: Formula) -> ast.expr:
        """The syntax tree of one of this row's formulas over floats; `ON_FLOATS` has its calls."""
        tree = self.tree(formula)
        for name in expression.calls(tree).keys() - ON_FLOATS.keys():
            ON_FLOATS[name] = OPERATIONS[name].on_floats()
        return expression.on_floats(tree)

    def on_floats(self, formula: Formula = "") -> Callable[..., float]:
        """The value, or another formula of the operands alone, as a function of floats."""
        formula = formula or self.value
        if not isinstance(formula, str):
            return formula
        return expression.function(self.operands, self.float_tree(formula), ON_FLOATS)

    def partial(self, i: int, operands: Sequence[Any], y: Any) -> Any:
        """∂y/∂operand i over any number type: a number, a differentiable node, or None."""
        if self.folds:
            if i == 0:
                return 1.0
            count = self._term_count(operands)
            i, operands = (i - 1) // count + 1, (None, *operands[1 + (i - 1) % count :: count])
        formula = self.partials[i]
        if isinstance(formula, str):
            if formula not in self._compiled:
                body = expression.on_values(self.tree(formula))
                arguments = (*self.operands, "y")
                self._compiled[formula] = expression.function(arguments, body, ON_VALUES)
            formula = self._compiled[formula]
        return formula(*operands, y)

    def slope(self, i: int) -> "Operation | None":
        """The partial for operand i as an operation of the operands and y that has no derivative.

        None where the formula takes no branch, so that `partial` records the same for all numbers,
        and where it says for some numbers that no derivative flows, so that there is no result. Of
        an operation that chooses among its operands, it is 0 there.
        """
        if not self._slopes and not self.folds:
            pairs = zip(self.operands, self.partials, strict=True)
            self._slopes.extend(self._slope(letter, formula) for letter, formula in pairs)
        return self._slopes[i] if self._slopes else None

    def _slope(self, letter: str, formula: Formula) -> "Operation | None":
        none: Formula = lambda *_: None  # noqa: E731 — with its type
        # A row's own result is y, and so its operand, the result here, has a longer name.
        result = "y" + "_" * max(map(len, self.operands))
        if isinstance(formula, str):
            none, nodes = "None", [*ast.walk(self.tree(formula))]
            if not any(isinstance(n, (ast.IfExp, ast.Compare)) for n in nodes):
                return None
            if "None" in formula and not self.is_choice:
                return None
            formula = formula.replace("None", "0")
            tree = expression.substitute(self.tree(formula), {"y": ast.Name(result, ast.Load())})
            formula = ast.unparse(tree)
        operands = (*self.operands, result)
        name, doc = f"d{self.name}/d{letter}", f"Slope of {self.name} along {letter}."
        return Operation(name, operands, formula, (none,) * len(operands), doc)


def _rule_of_callables(value: Callable[..., Any], partials: Sequence[Any]) -> Callable[..., Any]:
    def rule(*operands: float) -> tuple[Any, ...]:
        y = number(value(*operands), "the value")
        slopes = [partial and partial(*operands, y) for partial in partials]
        return (y, *(s if s is None else number(s, "the partial") for s in slopes))

    return rule


OPERATIONS: dict[str, Operation] = {}

# What a call in a formula means: the function of `ieee` or the row's value; the row itself.
ON_FLOATS: dict[str, Any] = {name: getattr(ieee, name) for name in ieee.__all__}
ON_VALUES: dict[str, Any] = {}


def by_syntax() -> dict[type[ast.AST], Operation]:
    """The rows that Python's syntax has an operator for, by its class in a syntax tree.

    >>> by_syntax()[ast.Mult]
    mul(a, b)
    """
    return {type(row.syntax): row for row in OPERATIONS.values() if row.syntax}


def operation(name: str) -> Operation:
    """The row called `name`, or a row's slope; OperationError if there is none.

    >>> operation("div").value, operation("drelu/dx").name
    ('a / b', 'drelu/dx')
    """
    if name not in OPERATIONS:
        row, _, letter = name[1:].partition("/d")
        if name[:1] == "d" and row in OPERATIONS and letter in OPERATIONS[row].operands:
            slope = OPERATIONS[row].slope(OPERATIONS[row].operands.index(letter))
            if slope is not None:
                return slope
        raise OperationError(
            f"no operation is called {name!r}; add it with ops.primitive before it is used"
        )
    return OPERATIONS[name]
