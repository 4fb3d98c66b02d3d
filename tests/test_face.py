"""The face: every name that users type, loaded when first used, known to type checkers."""

import ast
import inspect
import pickle
import re
from pathlib import Path

import pytest

import micrograd_gd
from micrograd_gd import data, errors, functional, losses, nn, optim

FACE = """
Value no_grad detect_anomaly scope engine_name primitive
grad value_and_grad vjp jvp linearize jacobian jacfwd jacrev hessian hvp derivative stop_gradient
custom_vjp scipy_objective solve
jit vmap trace to_c to_js to_torch to_jax
functional nn losses optim data viz testing errors exercises
MLP Layer Neuron Module
minimize curve_fit positive between free
find_learning_rate sweep_learning_rates critical_learning_rate
Objective diagnose fit
formula parse explain graph draw_dot live
save load
check_gradients
__version__
"""
NAMES = FACE.split()


def test_the_face_has_these_names_and_no_others():
    assert dir(micrograd_gd) == micrograd_gd.__all__ == sorted(NAMES)


def test_the_first_page_of_help_lists_every_name_once():
    index = inspect.getdoc(micrograd_gd).partition("All names")[2].partition("\n\n")[2]
    listed = [name for line in index.splitlines() for name in line[15:].split()]
    assert sorted(listed) == sorted({*NAMES} - {"__version__"})


def test_a_fresh_interpreter_lists_the_same_names(python):
    names = python("-c", "import micrograd_gd; print(*dir(micrograd_gd))").stdout
    assert names.split() == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name):
    found = getattr(micrograd_gd, name)
    assert inspect.ismodule(found) or getattr(found, "__doc__", None)
    assert vars(micrograd_gd)[name] is found  # from then on, without asking


def test_a_star_gives_every_name(python):
    names = python("-c", "from micrograd_gd import *; print(*dir())").stdout
    assert {*NAMES} <= {*names.split()}


def test_type_checkers_see_the_same_names_from_the_same_homes():
    tree = ast.parse(Path(micrograd_gd.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and node.orelse)
    seen = {}
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name  # which says that it is offered to others
            seen[alias.name] = statement.module.removeprefix("micrograd_gd").lstrip(".")
    homes = {name: home for home, names in micrograd_gd.HOMES.items() for name in names.split()}
    assert seen == homes


def test_the_import_loads_next_to_nothing(python):
    """It takes some 15 ms on this account, wherever it runs."""
    code = "import sys, micrograd_gd; print(*(n for n in sys.modules if 'micrograd_gd' in n))"
    loaded = python("-c", code).stdout.split()
    assert {name for name in loaded if not name.startswith("__editable__")} == {
        "micrograd_gd",
        "micrograd_gd._version",
        "micrograd_gd.errors",
        "micrograd_gd.keywords",
        "micrograd_gd.names",
        "micrograd_gd.text",
    }


# A name that is not there is answered with one that is.


@pytest.mark.parametrize(
    ("owner", "name", "ours"),
    [
        (micrograd_gd, "jitt", "did you mean 'jit'"),
        (micrograd_gd, "Adam", "use optim.Adam"),
        (micrograd_gd, "SGD", "use optim.SGD"),
        (micrograd_gd, "exp", "use functional.exp"),
        (micrograd_gd, "tensor", "use Value"),
        (micrograd_gd, "autograd", "use grad"),
        (micrograd_gd, "Linear", "use nn.Layer"),
        (micrograd_gd, "Sequential", "use nn.MLP"),
        (micrograd_gd, "ArgumentError", "use errors.ArgumentError"),
        (nn, "Linear", r"use nn.Layer\(nin, nout, activation=None\)"),
        (nn, "Layre", "did you mean 'Layer'"),
        (nn, "Linaer", r"use nn.Layer\(nin, nout, activation=None\)"),
        (optim, "adma", "did you mean 'Adam'"),
        (micrograd_gd, "tahn", "did you mean 'functional.tanh'"),
        (errors, "ShapeEror", "did you mean 'ShapeError'"),
        (nn, "ReLU", 'use activation="relu"'),
        (losses, "MSELoss", "use losses.mse"),
        (losses, "mean_squared", "use losses.mse"),
        (losses, "average", "^micrograd_gd.losses has no 'average'$"),
        (optim, "AdamW", "use optim.Adam"),
        (optim, "lr_scheduler", "use a schedule"),
        (data, "make_moons", "use data.moons"),
        (functional, "softmx", "did you mean 'softmax'"),
        (functional, "mse_loss", "use losses.mse"),
        (functional, "cross_entropy", "use losses.cross_entropy"),
        (nn.MLP(1, 1), "forward", r"a model has no 'forward': use a call, such as model\(x\)"),
        (nn.MLP(1, 1), "paramters", "has no attribute 'paramters'"),
        (nn.MLP(1, 1), "train", "use the model as it is"),
    ],
)
def test_an_unknown_name_is_answered_with_ours(owner, name, ours):
    with pytest.raises(AttributeError, match=ours):
        getattr(owner, name)
    assert not hasattr(owner, name)


def test_every_answer_names_something_that_is_there():
    """Of `optim.Adam` and `nn.Layer(...)`, the name before the bracket."""
    from micrograd_gd.names import ELSEWHERE

    for answer in ELSEWHERE.values():
        if found := re.match(r"(nn|losses|optim|data)\.(\w+)", answer):
            module, name = found.groups()
            assert name in getattr(micrograd_gd, module).__all__
    assert "MicrogradError" in dir(errors)


# The modules that users type.


@pytest.mark.parametrize(
    "name", ["data", "errors", "exercises", "functional", "losses", "nn", "optim", "testing", "viz"]
)
def test_a_module_offers_its_own_names_alone(name):
    module = getattr(micrograd_gd, name)
    assert [x for x in dir(module) if x[0].isalpha()] == sorted(module.__all__)
    # None is a module, though one below may have the same name, such as that of viz.render.
    assert not any(inspect.ismodule(getattr(module, x)) for x in module.__all__)


# So is a keyword.


def find_calls():
    """Every function, class and operation of the face, with the names of its arguments."""
    for name in NAMES:
        found = getattr(micrograd_gd, name)
        inner = found.__all__ if inspect.ismodule(found) else ()
        for path, call in [(name, found), *((f"{name}.{x}", getattr(found, x)) for x in inner)]:
            is_error = isinstance(call, type) and issubclass(call, Exception)
            if callable(call) and not (is_error or path in QUICK):
                parameters = inspect.signature(call).parameters.values()
                takes_any = inspect.Parameter.VAR_KEYWORD in {x.kind for x in parameters}
                if not takes_any and call is not nn.Module:  # which takes nothing, as object does
                    yield pytest.param(
                        call, [x.name for x in parameters if x.name != "lr"], id=path
                    )


# Too short to be wrapped.
QUICK = {*map("functional.{}".format, ("dot", "greater", "greater_equal", "hardtanh"))}
QUICK |= {"functional.mean", "functional.total"}
CALLS = [*find_calls()]


@pytest.mark.parametrize(("call", "known"), CALLS)
def test_a_wrong_keyword_is_answered_with_those_that_are_there(call, known):
    for name in known:
        wrong = name[1:] + name[0] if len(name) > 2 and name[1:] != name[:-1] else name + "_"
        with pytest.raises(TypeError, match=rf"\w+\(\) has no argument '{wrong}'.+\b{name}\b"):
            call(**{wrong: 1.0})
    with pytest.raises(TypeError, match=r"has no argument 'zzz'(; it has|, nor any other)"):
        call(zzz=1.0)


@pytest.mark.parametrize(("call", "known"), CALLS)
def test_what_answers_keywords_is_pickled_by_its_name(call, known):
    assert pickle.loads(pickle.dumps(call)) is call  # noqa: S301 — this very test wrote it


@pytest.mark.parametrize(
    ("call", "keyword", "answer"),
    [
        (micrograd_gd.fit, "steps", "use epochs"),
        (micrograd_gd.fit, "n_epochs", "use epochs"),
        (micrograd_gd.minimize, "steps", "use max_steps"),
        (micrograd_gd.minimize, "tol", "use tolerance"),
        (micrograd_gd.minimize, "x0", "use start"),
        (micrograd_gd.critical_learning_rate, "start", "use at"),
        (micrograd_gd.MLP, "hidden", "use nouts"),
        (micrograd_gd.Layer, "activaton", "did you mean 'activation'"),
        (optim.SGD, "momentum", "use optim.Momentum"),
        (data.moons, "n_samples", "use n"),
        (losses.mse, "reduction", "losses are means"),
        (functional.leaky_relu, "negative_slope", "use slope"),
        (micrograd_gd.Value, "requires_grad", "every value records"),
        (micrograd_gd.Value(1.0).backward, "retain_graph", "a graph is kept"),
        (micrograd_gd.Value(1.0).leaky_relu, "slop", "did you mean 'slope'"),
    ],
)
def test_a_keyword_of_other_libraries_is_answered_with_ours(call, keyword, answer):
    args = (1, 1) if call is micrograd_gd.Layer else ()
    with pytest.raises(TypeError, match=rf"has no argument '{keyword}': {answer}"):
        call(*args, **{keyword: 1})


def test_a_type_error_of_the_function_itself_stays_as_it_is():
    with pytest.raises(TypeError, match=r"^not this$"):
        micrograd_gd.minimize(_fail, 1.0)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'targets'"):
        micrograd_gd.Objective(nn.MLP(1, 1), [[1.0]])


def _fail(_):
    raise TypeError("not this")


def test_a_data_set_that_is_left_whole_is_answered_with_how_to_pass_it():
    whole = data.moons(4)
    for call in (micrograd_gd.fit, micrograd_gd.Objective, micrograd_gd.viz.plot_decision_boundary):
        with pytest.raises(TypeError, match=r"takes inputs and targets: write \*dataset"):
            call(nn.MLP(2, 1), whole)


def test_the_face_is_whole_where_an_extra_is_missing(python):
    """`help` and `import *` look at every name; one that needs a package says so when called."""
    code = """
import sys
sys.modules["mpmath"] = None
import micrograd_gd, inspect
from micrograd_gd import *
inspect.getmembers(micrograd_gd)
try:
    check_gradients(lambda x: x, 1.0)
except ImportError as error:
    print(error)
"""
    said = python("-c", code).stdout
    assert said == (
        "check_gradients needs mpmath, which is not installed: run pip install "
        "'micrograd_gd[check]'\n"
    )
