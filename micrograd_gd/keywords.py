"""Keywords of a call that a function does not have, answered with those that it has."""

from collections.abc import Iterable, Sequence
from functools import update_wrapper
from types import FunctionType
from typing import Any

from micrograd_gd.errors import ArgumentError

# In each line words for one argument, here and elsewhere.
SYNONYMS = [
    line.split()
    for line in """
epochs max_steps steps n_epochs num_epochs max_epochs iterations max_iter maxiter n_iter num_steps
tolerance tol atol gtol xtol
value_tolerance ftol
learning_rate lr rate step_size eta alpha
rates learning_rates lrs
start at x0 initial guess
parameters params
f fn fun func function
seed random_state rng key generator
loss loss_fn criterion
optimizer opt optim solver
callbacks callback
validation validation_data eval_set
progress verbose disp
compiled jit compile
argnums argnum
in_axes in_dims
path file filename fname
inputs x X features
targets target y Y labels
predictions inputs input y_pred
scores logits inputs input y_pred
targets y_true
nin in_features n_in input_size
nout out_features n_out units
nouts hidden hidden_sizes hidden_layer_sizes layers
activation act nonlinearity
init weight_init initializer kernel_initializer
n n_samples
classes n_classes
noise std cluster_std sigma
test_fraction test_size
delta beta
epsilon eps
factor gamma
every step_size
order n
slope negative_slope
""".splitlines()
    if line
]

# Words for what is reached in another way.
ELSEWHERE = {
    "momentum": "use optim.Momentum",
    "betas": "use beta1 and beta2",
    "weight_decay": "an optimizer takes it, such as optim.Adam",
    "requires_grad": "every value records; use no_grad or .detach() where one should not",
    "retain_graph": "a graph is kept for as long as a value of it is",
    "reduction": "losses are means over the samples",
    **dict.fromkeys(("dim", "axis"), "it takes one sequence; call it once for each"),
    "dtype": "every number is a 64-bit float",
    "device": "everything runs on the processor",
    **dict.fromkeys(("_children", "_op"), "operations record it; micrograd_gd.micrograd takes it"),
}


def check_keywords(f: Any) -> Any:
    """Let a function, or a class when it is called, say which keyword is meant by a wrong one.

    `lr=` stands for an argument `learning_rate`, as it does in PyTorch. A call that is right costs
    no look at its keywords.

    >>> @check_keywords
    ... def train(model, learning_rate=0.1, epochs=10):
    ...     return learning_rate
    >>> train("a model"), train("a model", lr=0.25)
    (0.1, 0.25)
    >>> train("a model", steps=5)
    Traceback (most recent call last):
    TypeError: train() has no argument 'steps': use epochs
    """
    if isinstance(f, type):
        if "__init__" in vars(f) and not issubclass(f, BaseException):
            init = check_keywords(vars(f)["__init__"])
            f.__init__ = init  # type: ignore[method-assign]  # which is called in the same way
        return f
    if not isinstance(f, FunctionType) or "checks_keywords" in vars(f):
        return f
    code = f.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    place = names.index("learning_rate") if "learning_rate" in names else None

    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of pytest: the function called is what matters
        if place is not None and (rate := kwargs.pop("lr", None)) is not None:
            if "learning_rate" in kwargs or place < min(len(args), code.co_argcount):
                given = "both learning_rate and lr were given"
                raise ArgumentError(f"{given}; expected one of the two")
            kwargs["learning_rate"] = rate
        try:
            return f(*args, **kwargs)
        except TypeError:
            if answer := _find_answer(f, args, kwargs):
                raise TypeError(answer) from None
            raise

    update_wrapper(call, f, updated=())
    vars(call)["checks_keywords"] = True
    if place is not None:
        from inspect import Parameter, signature  # noqa: PLC0415 — slow, and few need it

        own = signature(f)
        lr = Parameter("lr", Parameter.KEYWORD_ONLY, default=None)
        vars(call)["__signature__"] = own.replace(parameters=[*own.parameters.values(), lr])
    return call


def _find_answer(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """What is wrong with the call, where that is its keywords, or a data set left whole."""
    from inspect import Parameter, signature  # noqa: PLC0415 — only a mistake needs it

    parameters = signature(f).parameters
    name = f.__name__
    if name == "__init__":
        name, args, *_ = type(args[0]).__name__, args[1:]
    known = [x for x in parameters if x != "self"]
    takes_any = any(x.kind is Parameter.VAR_KEYWORD for x in parameters.values())
    if not takes_any and (answer := answer_keywords(name, kwargs, known)):
        return answer
    is_whole = any(hasattr(x, "inputs") and hasattr(x, "targets") for x in args)
    if is_whole and "targets" in known and known.index("targets") >= len(args):
        return f"{name}() takes inputs and targets: write *dataset in the place of dataset"
    return ""


def answer_keywords(name: str, keywords: Iterable[str], known: Sequence[str]) -> str:
    """The message for the first keyword that a function does not have; nothing if it has all.

    >>> answer_keywords("fit", ["epochs"], ["model", "epochs"])
    ''
    """
    wrong = next((word for word in keywords if word not in known), None)
    return "" if wrong is None else explain_keyword(name, wrong, known)


def explain_keyword(name: str, word: str, known: Sequence[str]) -> str:
    """The message for a keyword that a function does not have; it says which one is meant.

    >>> explain_keyword("fit", "n_epochs", ["model", "epochs"])
    "fit() has no argument 'n_epochs': use epochs"
    >>> explain_keyword("fit", "ephocs", ["model", "epochs"])
    "fit() has no argument 'ephocs': did you mean 'epochs'?"
    """
    problem = f"{name}() has no argument {word!r}"
    for words in SYNONYMS:
        if word in words and (found := [x for x in words if x in known]):
            return f"{problem}: use {found[0]}"
    if word in ELSEWHERE:
        return f"{problem}: {ELSEWHERE[word]}"
    if close := find_similar(word, known):
        return f"{problem}: did you mean {close!r}?"
    return f"{problem}; it has {', '.join(known)}" if known else f"{problem}, nor any other"


def find_similar(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, if any is; swapped letters are a small slip.

    >>> find_similar("tahn", ["tan", "tanh"]), find_similar("ADAM", ["Adam"])
    ('tanh', 'Adam')
    """
    from difflib import get_close_matches  # noqa: PLC0415 — only a mistake needs it

    by_letters = {x.lower(): x for x in known}
    letters = sorted(word.lower())
    swapped = [x for x in by_letters if sorted(x) == letters]
    close = swapped or get_close_matches(word.lower(), by_letters, n=1)
    return by_letters[close[0]] if close else None
