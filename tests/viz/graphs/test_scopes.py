"""Large graphs stay readable: parts of a model in frames, or folded into one box each."""

import gc
import math
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, Module, Value, graph, losses, no_grad, scope
from micrograd_gd.core import blocks
from micrograd_gd.errors import ArgumentError
from micrograd_gd.functional import softmax
from micrograd_gd.testing.strategies import expressions
from micrograd_gd.viz.graphs.folding import Bundle, Folding
from micrograd_gd.viz.graphs.numbering import Numbering
from micrograd_gd.viz.graphs.scopes import models_by_name, path_of_a_parameter, places

SAMPLES = [[Random(i).uniform(-1, 1), Random(-i).uniform(-1, 1)] for i in range(100)]


class Unit(Module):
    """A neuron as a user writes it, one node an operation."""

    def __init__(self, width):
        self.weights = [Value(0.5 + i) for i in range(width)]
        self.bias = Value(0.1)

    def __call__(self, x):
        return (sum(w * xi for w, xi in zip(self.weights, x, strict=True)) + self.bias).tanh()


class Net(Module):
    """Two layers of such neurons, in plain lists, without labels."""

    def __init__(self):
        self.hidden = [Unit(2) for _ in range(3)]
        self.out = Unit(3)

    def __call__(self, x):
        return self.out([unit(x) for unit in self.hidden])


def find(root, model=None):
    """The name of every node's place, by node."""
    numbering = Numbering(root)
    scopes, numbers = places(numbering, models_by_name(model))
    return dict(zip(numbering.nodes, map(scopes.name, numbers), strict=True))


def text(root, **options):
    return str(graph(root, **options)).splitlines()


def frames(root, **options):
    """The titles of all frames, from the outermost in."""
    source = graph(root, **options).dot
    return re.findall(r"subgraph cluster_\d+ \{\s.*?label=<<b>(.*?)</b>>", source)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("layers.0.neurons.3.w.1", ["layers.0", "neurons.3"]),
        ("layers.0.neurons.3.b", ["layers.0", "neurons.3"]),
        ("layers.0.3.w.1", ["layers.0", "3"]),
        ("encoder.block.w", ["encoder", "block"]),
        ("w.1.2", []),
        ("b", []),
        ("3.14", []),
        ("..", []),
    ],
)
def test_a_parameter_lies_where_its_name_says(name, path):
    assert path_of_a_parameter(name) == path


def test_every_node_of_an_mlp_is_in_its_neuron():
    model = MLP(2, [3, 1], seed=0)
    y = model([1.0, Value(2.0)])
    where = find(y, model)
    for name, parameter in model.named_parameters():
        assert where[parameter] == re.sub(r"\.[wb](\.\d+)?$", "", name)
    assert where[y] == "layers.1.neurons.0"
    counts = [*where.values()]
    for i in range(3):
        assert counts.count(f"layers.0.neurons.{i}") == 5  # two weights, a bias, dot, relu


def test_loops_of_a_user_fall_into_their_neurons_as_well():
    model = Net()
    where = find(model([1.0, 2.0]), model)
    names = [*where.values()]
    for i in range(3):  # 3 parameters; 2 products, 0 + …, +, + bias, tanh
        assert names.count(f"hidden.{i}") == 9
    assert names.count("out") == 4 + 3 + 3 + 1 + 1
    assert "" not in names


def test_without_a_model_the_labels_of_parameters_tell_the_parts():
    model = MLP(2, [3, 1], seed=0)
    y = model([1.0, 2.0])
    assert find(y) == find(y, model)
    for parameter in model.parameters():
        parameter.label = ""
    assert set(find(y).values()) == {""}
    assert "layers.0.neurons.1" in find(y, model).values()


def test_inputs_with_a_dot_in_their_names_are_no_parameters():
    model = MLP(2, [2, 1], seed=0)
    x = [Value(1.0, label="Sepal.Length"), Value(2.0, label="x.1")]
    y = model(x)
    where = find(y)
    assert [where[each] for each in x] == ["", ""]
    assert where[y] == "layers.1.neurons.0"


def test_what_sums_over_samples_is_outside_of_the_model():
    model = Net()
    scores = [model(sample) for sample in SAMPLES[:5]]
    where = find(losses.mse(scores, [1.0] * 5), model)
    outside = [node for node, name in where.items() if name == ""]
    assert [node.op.name for node in outside if node.op] == ["total", "div"]
    assert {where[score] for score in scores} == {"out"}


def test_one_parameter_that_two_results_share_is_enough_to_be_outside():
    unit = Unit(2)
    v, w = unit.weights
    model = Net()
    model.hidden = [unit]
    for root in (v * 1 + (v * 2 + w * 2), w * 1 + (v * 2 + w * 2)):
        inner = root.operands[1]
        assert find(root, model)[inner] == "hidden.0"
        assert find(root, model)[root] == ""


def test_an_operation_on_results_of_one_sample_stays_with_them():
    model = MLP(2, [4, 3], seed=0)
    y = softmax(model([1.0, 2.0]))[0]
    assert find(y, model)[y] == "layers.1"


class Recurrent(Module):
    """A cell that is fed with its own result."""

    def __init__(self):
        self.cell = Unit(2)

    def __call__(self, inputs):
        state = 0.0
        for x in inputs:
            state = self.cell([x, state])
        return state


def test_a_cell_that_is_fed_with_its_own_result_keeps_its_nodes():
    model = Recurrent()
    assert set(find(model([1.0, 2.0, 3.0]), model).values()) == {"cell"}


def test_a_penalty_climbs_to_what_holds_all_its_parameters():
    model = MLP(2, [2, 1], seed=0)
    squares = [p * p for p in model.parameters()]
    where = find(sum(squares), model)
    assert where[squares[0]] == "layers.0.neurons.0"
    neuron, layer = sum(squares[:3]), sum(squares[:6])
    assert find(neuron, model)[neuron] == "layers.0.neurons.0"
    assert find(layer, model)[layer] == "layers.0"
    whole = sum(squares)
    assert find(whole, model)[whole] == ""


def test_leaves_that_are_no_parameters_are_outside():
    x = Value(2.0, label="x")
    model = MLP(2, [2, 1], seed=0)
    assert find(model([x, 1.0]), model)[x] == ""


@given(st.data())
def test_a_node_is_never_deeper_than_what_it_is_made_of(data):
    """Random arithmetic over the parameters of a model, against the rule in so many words."""
    model = MLP(2, [2, 2], seed=1)
    named = {parameter: name for name, parameter in model.named_parameters()}
    pool = [*named]
    for _ in range(data.draw(st.integers(1, 20))):
        a, b = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(pool))
        pool.append(a * b if data.draw(st.booleans()) else a + 1.0)
    root = sum(pool[len(named) :], Value(0.0))
    where = find(root, model)
    for node in where:
        if node.op is None:
            continue
        used = [x for x in node.operands if isinstance(x, Value)]
        direct = [x for x in used if x in named]
        basis = direct or [x for x in used if x.op is not None]
        paths = [where[x].split(".") if where[x] else [] for x in basis]
        common = []
        for words in zip(*paths, strict=False):
            if len(set(words)) > 1:
                break
            common.append(words[0])
        expected = ".".join(common[: len(common) // 2 * 2])
        assert where[node] == expected or (not direct and where[node] == "")


def test_a_scope_frames_what_is_recorded_in_it():
    x = Value(2.0, label="x")
    with scope("outer"):
        a = x * 3
        with scope("inner <b>"):
            b = a + 1
    y = b * a
    where = find(y)
    assert (where[x], where[a], where[b], where[y]) == ("", "outer", "outer.inner <b>", "")
    assert frames(y) == ["outer", "inner &lt;b&gt;"]


def test_a_scope_of_ones_own_comes_before_what_is_inferred():
    model = MLP(2, [2, 1], seed=0)
    with scope("all"):
        y = model([1.0, 2.0])
    assert {where for node, where in find(y, model).items() if node.op} == {"all"}
    loss = (y - 1) ** 2
    assert find(loss, model)[loss] == ""  # it was recorded outside


def test_a_scope_needs_a_name():
    for name in ("", None, 3):
        with pytest.raises(ArgumentError, match="expected a name such as 'loss'"), scope(name):
            pass
    assert not blocks.open_blocks


def test_scopes_do_not_keep_a_graph_alive():
    gc.collect()
    before = len(blocks.scopes)
    with scope("s"):
        y = Value(math.nan) * 2
    assert len(blocks.scopes) == before + 1
    assert find(y)[y] == "s"
    del y
    assert len(blocks.scopes) == before


def test_a_scope_and_no_grad_go_together():
    with scope("s"), no_grad():
        y = Value(1.0) * 2
    assert y.op is None
    assert find(y + 1)[y] == "s"


def test_a_large_model_is_folded_to_layers_with_counts():
    model = MLP(2, [16, 16, 1], seed=0)
    loss = losses.hinge([model(sample) for sample in SAMPLES], [1] * 100)
    lines = text(loss, model=model)
    assert lines == [
        "layers.0  Layer(2 -> 16 relu, 48 parameters)  3,200 operations",
        "layers.1  Layer(16 -> 16 relu, 272 parameters)  3,200 operations",
        f"layers.2  Layer(16 -> 1 linear, 17 parameters)  {lines[2].split()[-2]} operations",
        *lines[3:],
    ]
    assert lines[-1].endswith(f"in {len(lines) - 1} boxes")
    assert lines[3].split("  ")[0].endswith(" = total(100 values)")
    assert "×1,600" in graph(loss, model=model).dot
    assert "layers.0  3,200 operations, 48 parameters" in text(loss)  # by the labels alone


def test_depth_opens_layers_and_then_neurons():
    model = MLP(2, [3, 2, 1], seed=0)
    y = model([1.0, 2.0])
    assert frames(y, model=model, depth=0) == []
    assert frames(y, model=model, depth=1) == ["layers.0", "layers.1", "layers.2"]
    neurons = [line for line in text(y, model=model, depth=1) if line.startswith("layers.0")]
    assert neurons == [
        f"layers.0.neurons.{i}  Neuron(2 -> 1 relu, 3 parameters)  2 operations" for i in range(3)
    ]
    assert len(frames(y, model=model, depth=2)) == 3 + 3 + 2 + 1
    assert text(y, model=model, depth=2) == text(y)
    assert text(y, model=model, depth=99) == text(y)


def test_expand_opens_one_part_and_what_it_lies_in():
    model = MLP(2, [3, 1], seed=0)
    y = model([1.0, 2.0])
    lines = text(y, model=model, depth=0, expand="layers.0.neurons.1")
    assert lines[2].startswith("layers.0.neurons.1.b  data 0")
    assert sum("Neuron(2" in line for line in lines) == 2
    with pytest.raises(ArgumentError, match=r"no part is called 'layer.0'; the parts are layers.0"):
        graph(y, model=model, expand="layer.0")
    with pytest.raises(ArgumentError, match="the parts are none: give a model"):
        graph(Value(1.0), expand=["layers.0"])


def test_neurons_are_shown_while_their_arrows_can_be_read():
    narrow, wide = MLP(2, [8, 8, 1], seed=0), MLP(2, [16, 16, 1], seed=0)
    assert "layers.0.neurons.7" in str(graph(narrow([1.0, 2.0])))
    assert "neurons" not in str(graph(wide([1.0, 2.0]))).replace("layers.2.neurons", "")


def test_a_run_of_one_operation_is_one_box():
    x = y = Value(1.0)
    for _ in range(100):
        y = y * 1.5
    lines = text(y)
    assert lines[1].startswith("99 × mul  the last: data ")
    assert len(lines) == 4
    assert len(text(y, depth=0)) == 101
    assert x in Numbering(y).nodes


def test_a_value_that_is_used_elsewhere_ends_a_run():
    y = seen = Value(1.0)
    for i in range(100):
        y = y * 1.5
        seen = y if i == 49 else seen
    lines = text(y + seen)
    assert [line.split("  ")[0] for line in lines if "×" in line] == ["50 × mul", "50 × mul"]


def test_a_run_does_not_leave_its_frame():
    y = Value(1.0)
    for _ in range(50):
        y = y * 1.5
    with scope("s"):
        for _ in range(50):
            y = y * 1.5
    lines = text(y, expand="s")
    assert [line.split("  ")[0] for line in lines if "×" in line] == ["50 × mul", "49 × mul"]


def test_what_is_computed_alike_for_every_sample_is_one_box():
    w, b = Value(1.0, label="w"), Value(0.0, label="b")
    loss = sum((w * i + b - 2 * i) ** 2 for i in range(100)) / 100
    steps = ["100 × mul", "100 × add", "100 × sub", "100 × pow", "100 × add"]
    starts = [line.split("  ")[0] for line in text(loss)]
    assert starts[:-1] == ["w", "b", *steps, "v503 = v502 / 100"]
    samples = [(Value(i), Value(2 * i)) for i in range(100)]
    loss = sum((w * x + b - y) ** 2 for x, y in samples) / 100
    starts = {line.split("  ")[0] for line in text(loss)[:-1]}
    assert starts == {"w", "b", "100 leaves", *steps, "v703 = v702 / 100"}


def test_what_is_computed_alike_and_used_differently_is_not_one_box():
    x, y = Value(2.0, label="x"), Value(0.0)
    parts = [x * i for i in range(40)]
    for part in parts[:20]:
        y = y + part.tanh()
    for part in parts[20:]:
        y = y * part.exp()
    starts = [line.split("  ")[0] for line in text(y.tanh()) if "×" in line]
    names = ["add", "exp", "mul", "mul", "mul", "tanh"]
    assert sorted(starts) == [f"20 × {name}" for name in names]


def test_a_box_has_no_arrow_to_itself():
    model = MLP(2, [16, 16, 1], seed=0)
    source = graph(model([1.0, 2.0]), model=model).dot
    assert "b1 -> b2" in source
    assert not re.search(r"(b\d+) -> \1\b", source)


def test_numbers_stand_beside_arrows_only_where_there_is_room():
    model = MLP(2, [16, 16, 1], seed=0)
    loss = losses.mse([model(sample) for sample in SAMPLES[:3]], [1.0] * 3)
    assert "×" in graph(loss, depth=0).dot
    assert "×" not in graph(loss, depth=1).dot


def test_many_leaves_of_one_use_are_one_box():
    leaves = [Value(float(i)) for i in range(80)]
    lines = text(sum(leaves[1:], leaves[0]))
    assert "79 leaves" in lines


def test_boxes_beyond_the_limit_are_left_out_and_counted():
    model = MLP(2, [3, 3, 1], seed=0)
    picture = graph(model([1.0, 2.0]), depth=1, max_nodes=3)
    assert "3 of 8 boxes, the nearest to the result (max_nodes=3)" in picture.dot
    assert str(picture).count("\n") == 3
    wide = sum(Value(1.0) * Value(2.0) * Value(3.0) for _ in range(2))
    for count in range(1, 12):
        assert len(text(wide, max_nodes=count)) == count + 1


def test_two_models_are_told_apart():
    first, second = MLP(1, [2, 1], seed=0), MLP(1, [2, 1], seed=1)
    y = second([first([1.0])])
    assert {"layers.0.neurons.0"} < set(find(y).values())
    names = set(find(y, {"first": first, "second": second}).values())
    assert {"first.layers.0.neurons.0", "second.layers.1.neurons.0"} < names
    assert "MLP 2.layers.0.neurons.1" in find(y, [first, second]).values()
    lines = text(y, model={"first": first, "second": second}, depth=0)
    assert lines[0] == f"first  {first!r}  5 operations"


def test_a_parameter_of_two_models_belongs_to_the_first():
    model = MLP(1, 1, seed=0)
    y = model([1.0])
    assert find(y, {"a": model, "b": model})[y] == "a.layers.0.neurons.0"


def test_a_model_must_be_one():
    for wrong in (3, "model", [Value(1.0)], {"a": None}):
        with pytest.raises(ArgumentError, match="expected a Module, several, or a dict of them"):
            graph(Value(1.0), model=wrong)


def test_a_label_of_a_thousand_dots_is_no_thousand_frames():
    y = Value(1.0, label="a.0." * 1000 + "w") * 2
    assert len(frames(y)) == 8
    graph(y).svg()


def test_what_is_open_as_a_whole_has_no_remark():
    x = Value(1.0, label="x")
    with scope("s"):
        y = x * 2
    assert text(y, depth=0) == ["x  data 1  grad –", "v2 = x * 2  data 2  grad –"]


def test_frames_stay_open_where_runs_alone_make_a_graph_large():
    y = Value(1.0)
    for _ in range(100):
        y = y * 1.5
    with scope("s"):
        z = (y + 1).exp()
    assert frames(z * 2) == ["s"]


def test_drawing_does_not_ask_for_an_order_of_size():
    """A long chain in a scope: no recursion, and every pass is over the nodes once."""
    with scope("chain"):
        y = Value(1.0)
        for _ in range(20_000):
            y = y * 1.0 + 1.0
    assert text(y)[1:2] == ["chain  39,999 operations"]


@given(expressions(smooth=False))
def test_an_open_graph_has_a_box_for_each_node_and_an_arrow_for_each_use(f):
    root = f(*map(Value, f.inputs))
    picture = graph(root, partials=True)
    uses = sum(isinstance(x, Value) for node in root.nodes() for x in node.operands)
    assert picture.dot.count(" -> ") == uses
    assert len(str(picture).splitlines()) == len(root.nodes())


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 30), st.integers(0, 3))
def test_a_folded_graph_loses_no_operation_and_no_arrow(width, classes, samples, depth):
    model = MLP(2, [width, classes], seed=0)
    scores = [model([x, Value(1.0)]) for x, _ in SAMPLES[:samples]]
    root = sum(x for score in scores for x in (score if classes > 1 else [score]))
    numbering = Numbering(root)
    folding = Folding(numbering, *places(numbering, {"": model}))
    folding.fold(depth, ())
    boxes = dict.fromkeys(folding.items)
    bundles = [box for box in boxes if isinstance(box, Bundle)]
    single = [box for box in boxes if not isinstance(box, Bundle)]
    operations = sum(box.operations for box in bundles) + sum(box.op is not None for box in single)
    leaves = sum(box.leaves for box in bundles) + sum(box.op is None for box in single)
    assert operations == sum(node.op is not None for node in numbering.nodes)
    assert operations + leaves == len(numbering.nodes)
    between = sum(
        folding.items[i] is not folding.items[j]
        for i, used in enumerate(numbering.used)
        for j in used
    )
    assert sum(folding.operands(box).total() for box in boxes) == between
    assert folding.nearest(10**6) == set(boxes)
    assert numbering.root in single
