"""A row of the operation table: what it knows, how it is computed, and how one is added."""

import ast
import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any

from micrograd_gd.errors import OperationError, TranslationError
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
            rest = [Parameter("_and_".join(self.operands[1:]), Parameter.VAR_POSITIONAL)]
        elif method and len(rest) < 2 and not self.defaults:
            rest = [parameter.replace(kind=by_place) for parameter in rest]
        return Signature([Parameter("self", by_place) if method else first, *rest])

    def __call__(self, *operands: Any, **named: Any) -> Any:
        """The number, or, where an operand is a `Value`, the node."""
        operands = self.complete(operands, named)
        for operand in operands:
            record = getattr(type(operand), "record", None)
            if record is not None:
                return record(self, *operands)
        floats = [
            x if type(x) is float else number(x, f"operand {i} of {self!r}")
            for i, x in enumerate(operands, 1)
        ]
        return self.rule((False,) * len(floats))(*floats)[0]

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
        told = ", ".join([*map(shorten, operands), *(f"{k}={v!r}" for k, v in named.items())])
        raise TypeError(f"{self!r} cannot be called with the operands ({told})")

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

    @property
    def is_internal(self) -> bool:
        """Whether the row is there to be the derivative of others, and is offered to nobody."""
        return "internal" in self.properties

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
        wanted = [self.float_tree(p if wanted else "None") for p, wanted in partials]
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
        and where it says for some numbers that no derivative flows, so that there is no result.
        """
        if not self._slopes and not self.folds:
            pairs = zip(self.operands, self.partials, strict=True)
            self._slopes.extend(self._slope(letter, formula) for letter, formula in pairs)
        return self._slopes[i] if self._slopes else None

    def _slope(self, letter: str, formula: Formula) -> "Operation | None":
        none: Formula = lambda *_: None  # noqa: E731 — with its type
        if isinstance(formula, str):
            none, nodes = "None", [*ast.walk(self.tree(formula))]
            if "None" in formula or not any(isinstance(n, (ast.IfExp, ast.Compare)) for n in nodes):
                return None
        operands = (*self.operands, "y")
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
_listeners: list[Callable[[Operation], None]] = []
_taken: list[Callable[[str], bool]] = []
_built_in: set[str] = set()  # the names of the table's own rows
_added: set[str] = set()  # the names that users gave


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


def subscribe(
    listener: Callable[[Operation], None], taken: Callable[[str], bool] = lambda _: False
) -> None:
    """Call `listener` with every row, those of today and those to come, if no name is `taken`."""
    _built_in.update(() if _listeners else OPERATIONS)
    for row in OPERATIONS.values():
        listener(row)
    _listeners.append(listener)
    _taken.append(taken)


def primitive(
    name: str,
    operands: str,
    value: Formula,
    partials: Formula | Sequence[Formula],
    doc: str,
    **columns: Any,
) -> Operation:
    """Add an operation, by expressions or by Python functions, and return it ready to be called.

    `partials` has one formula per operand. A Python function takes the operands, a partial takes
    the result besides; it is written over any number type, or its derivative is not differentiable.
    Such a row works everywhere but where the formula itself is needed (other languages, docs).
    An operation that was added so may be added again, and is replaced.

    Raises OperationError for a name that is taken, a missing partial or an unknown name.

    >>> double = primitive("double", "x", "2 * x", "2", "Twice.")
    >>> double(4.0)
    8.0
    """
    letters, defaults = _operands(name, operands)
    if unknown := columns.keys() - _COLUMNS:
        raise OperationError(f"{name}: no column is called {', '.join(sorted(unknown))}")
    row = Operation(
        name=name,
        operands=letters,
        value=value,
        partials=(partials,) if isinstance(partials, str) or callable(partials) else (*partials,),
        doc=doc,
        folds="*" in operands,
        defaults=defaults,
        **{column: _WORDS.get(column, str)(text) for column, text in columns.items()},
    )
    _check(row)
    if _listeners:  # the table is complete, so what this row calls must be there
        check_calls(row)
        _check_names(row)
    if name not in ieee.__all__:
        ON_FLOATS.pop(name, None)
    OPERATIONS[name] = ON_VALUES[name] = row
    for listener in _listeners:
        listener(row)
    return row


_COLUMNS = {
    "method", "infix", "latex", "domain", "kinks", "convention", "properties", "aliases",
}  # fmt: skip
_PROPERTIES = {"commutative", "odd", "even", "increasing", "flat", "internal"}

_WORDS: dict[str, Callable[[str], Any]] = {  # columns that hold several words
    "kinks": lambda text: tuple(text.split(", ")),
    "properties": lambda text: frozenset(text.split()),
    "aliases": lambda text: tuple(text.split()),
}


def _operands(name: str, text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    try:
        parts = [part.partition("=") for part in text.replace(" = ", "=").split()]
        letters = tuple(letter.lstrip("*") for letter, _, _ in parts)
        defaults = tuple(float(default) for _, equals, default in parts if equals)
    except ValueError:
        raise OperationError(f"{name}: {text!r} are no operands; write 'a b' or 'x c=1'") from None
    is_odd = not all(map(str.isidentifier, letters)) or any(map(keyword.iskeyword, letters))
    taken = {"y", "self", *OPERATIONS}
    if not letters or is_odd or taken & set(letters) or len(set(letters)) < len(letters):
        raise OperationError(f"{name}: {text!r} are no operands; write 'a b' or 'x c=1', never y")
    return letters, defaults


def _check(row: Operation) -> None:
    if not row.name.isidentifier() or keyword.iskeyword(row.name) or row.name in _built_in:
        raise OperationError(f"{row.name!r} cannot be the name of a new operation, or is taken")
    if len(row.partials) != len(row.operands):
        raise OperationError(f"{row!r} has {len(row.partials)} partials; one an operand is due")
    if not row.doc.endswith("."):
        raise OperationError(f"{row!r} needs one sentence that says what it is, not {row.doc!r}")
    if unknown := row.properties - _PROPERTIES:
        raise OperationError(f"{row!r}: no property is called {', '.join(sorted(unknown))}")
    _check_formulas(row)


def _check_formulas(row: Operation) -> None:
    kinds = {isinstance(formula, str) for formula in (row.value, *row.partials)}
    if len(kinds) == 2 or (row.folds and kinds == {False}):
        raise OperationError(
            f"{row!r}: value and partials must be all text or all Python functions, and text where "
            f"the number of operands is open"
        )
    if row.folds and row.partials[0] != "1":
        raise OperationError(f"{row!r} folds, so it must add to the sum so far: its partial is 1")
    letters = row.operands[1:] if row.folds else (*row.operands, "y")
    for formula in (row.domain, *row.kinks, row.value):
        if isinstance(formula, str) and formula:
            expression.parse(formula, row.operands)
    for formula in row.partials:
        if isinstance(formula, str):
            expression.parse(formula, letters, path=True)


def check_calls(row: Operation) -> None:
    """Raise OperationError if a formula of the row calls what is no function of the table."""
    for formula in (row.value, *row.partials, *filter(None, [row.domain]), *row.kinks):
        if isinstance(formula, str):
            for name, count in expression.calls(row.tree(formula)).items():
                if name not in OPERATIONS:
                    raise OperationError(f"{row!r}: {name!r} in {formula!r} is no operation")
                if count != len(OPERATIONS[name].operands):
                    raise OperationError(f"{row!r}: {formula!r} calls {name} with {count} operands")


def _check_names(row: Operation) -> None:
    names = {row.name, *row.aliases, *([f"__{row.method}__"] if row.method else [])}
    for name in sorted(names - _added):
        if any(is_taken(name) for is_taken in _taken):
            raise OperationError(f"{row!r}: {name!r} is taken; choose another name")
    _added.update(names)
