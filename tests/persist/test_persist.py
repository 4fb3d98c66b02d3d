"""A model that comes back from its file is the one that went in; a file that is wrong says so."""

import json
import math
import os
import struct
import sys
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_gd import MLP, Module, Value, fit, load, save
from micrograd_gd.data import Scaling, moons
from micrograd_gd.errors import ArgumentError, ModelFileError, ShapeError
from micrograd_gd.optim import Adam, GradientDescent, Momentum
from micrograd_gd.persist.document import COSTS, parse
from micrograd_gd.training.predictor import Predictor

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def predictor():
    return Predictor(
        MLP(2, [3, 2], activation="tanh", seed=1),
        Scaling((0.1, -2.0), (3.0, 0.7)),
        None,
        ("width", 'height "é"'),
        "kind",
        ("cat", "dog"),
    )


@pytest.fixture
def path(predictor, tmp_path):
    save(predictor, tmp_path / "model.json")
    return tmp_path / "model.json"


def alter(path, change):
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    return path


def complaint(path):
    with pytest.raises(ModelFileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_all_that_surrounds_a_network_comes_back(predictor, path):
    loaded = load(path)
    for field in ("scaling", "target_scaling", "feature_names", "target_name", "class_names"):
        assert getattr(loaded, field) == getattr(predictor, field)
    assert repr(loaded.network) == repr(predictor.network)
    assert loaded.network.state_dict() == predictor.network.state_dict()


@given(st.lists(finite, min_size=13, max_size=13), st.lists(finite, min_size=2, max_size=2))
def test_parameters_and_predictions_come_back_to_the_last_bit(tmp_path_factory, numbers, row):
    network = MLP(2, [3, 1], activation="tanh", seed=0)
    for parameter, number in zip(network.parameters(), numbers, strict=True):
        parameter.data = number
    path = tmp_path_factory.mktemp("models") / "model.json"
    save(Predictor(network), path)
    again = load(path).network
    assert [math.copysign(1, p.data) for p in again.parameters()] == [
        math.copysign(1, number) for number in numbers
    ]
    assert again.state_dict() == network.state_dict()
    assert repr(again(row).data) == repr(network(row).data)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "hardtanh", "linear", "gelu"])
def test_activations_come_back_by_name(activation, tmp_path):
    network = MLP(2, [3, 1], activation=activation, output_activation=activation, seed=0)
    save(Predictor(network), tmp_path / "model.json")
    again = load(tmp_path / "model.json").network
    assert repr(again) == repr(network)
    assert again([0.3, -0.8]).data == network([0.3, -0.8]).data


def test_equal_models_give_equal_bytes(predictor, path):
    first = path.read_bytes()
    save(predictor, path)
    assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == ["model.json"]


def test_the_sign_of_one_output_or_the_largest_of_several_decides():
    one = Predictor(MLP(1, 1, init=lambda *_: 1.0), class_names=("no", "yes"))
    assert one.predict([[-1.0], [0.0], [1.0]]) == ["no", "no", "yes"]
    two = MLP(1, 2, seed=0)
    two.load_state_dict({"layers.0.neurons.0.w.0": -1, "layers.0.neurons.1.w.0": 1,
                         "layers.0.neurons.0.b": 0, "layers.0.neurons.1.b": 0})  # fmt: skip
    assert Predictor(two, class_names=("no", "yes")).predict([[-1.0], [1.0]]) == ["no", "yes"]


def test_numbers_come_in_the_units_of_the_target():
    network = MLP(1, 1, init=lambda *_: 1.0)
    predictor = Predictor(network, Scaling((1.0,), (2.0,)), Scaling((100.0,), (10.0,)))
    assert predictor.predict([[3.0], [1.0]]) == [110.0, 100.0]


def test_a_score_that_is_nan_is_no_answer():
    network = MLP(1, 2, init=lambda *_: 1e308)
    with pytest.raises(ArgumentError, match="row 1: the model's score is nan"):
        Predictor(MLP(2, [1, 1], init=lambda *_: 1e308, activation="linear")).predict(
            [[1.0, 1.0], [1e308, -1e308]]
        )
    assert Predictor(network, class_names=("a", "b")).predict([[0.0]]) == ["a"]


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="3 feature names; expected 2, to fit the network"):
        Predictor(MLP(2, 1), feature_names=("a", "b", "c"))
    with pytest.raises(ShapeError, match="3 class names; expected 2"):
        Predictor(MLP(2, 1), class_names=("a", "b", "c"))
    with pytest.raises(ShapeError, match="2 outputs without class names; expected 1"):
        Predictor(MLP(2, 2))
    with pytest.raises(ShapeError, match="1 columns of the scaling; expected 2"):
        Predictor(MLP(2, 1), Scaling((0.0,), (1.0,)))
    with pytest.raises(ShapeError, match="2 columns of the target's scaling; expected 1"):
        Predictor(MLP(2, 1), target_scaling=Scaling((0.0, 0.0), (1.0, 1.0)))


def test_what_cannot_be_read_back_is_not_saved(path):
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match="activation"):
        save(Predictor(MLP(1, [2, 1], activation=lambda x: x * x)), path)
    network = MLP(1, 1)
    network.parameters()[0].data = math.nan
    with pytest.raises(ArgumentError, match="a parameter is not finite"):
        save(Predictor(network), path)
    assert path.read_bytes() == before
    with pytest.raises(FileNotFoundError):
        save(Predictor(MLP(1, 1)), path.parent / "none" / "model.json")


def test_a_missing_file_a_folder_and_binary_data_are_told_apart(tmp_path):
    assert complaint(tmp_path / "none.json").startswith("no such file; expected a saved model")
    assert complaint(tmp_path).startswith("a folder; expected a saved model")
    binary = tmp_path / "picture.json"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    assert complaint(binary) == "binary data; expected a saved model, in JSON"


def test_a_file_cut_off_anywhere_is_refused(path):
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 37):
        path.write_bytes(whole[:length])
        assert "expected a saved model" in complaint(path)


@pytest.mark.parametrize("text", ["1", "[]", "null", '"text"', "{}", '{"format": "other"}'])
def test_other_json_is_refused(text, tmp_path):
    (tmp_path / "other.json").write_text(text)
    assert complaint(tmp_path / "other.json").startswith("JSON of another kind; expected")


def test_json_that_overstrains_the_parser_is_refused(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 200_000)
    assert "no valid JSON" in complaint(tmp_path / "deep.json")
    (tmp_path / "long.json").write_text("1" * 10_000)
    assert "cannot be read" in complaint(tmp_path / "long.json")


PARTS = ["[]", "{}", '{"a":0}', "[{}]", "500", "-1.5", '"ab"', "[500]", '{"a":"b","c":"d"}']


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("part", [*PARTS, '"😀":0'])
def test_a_file_that_would_fill_the_memory_is_refused_unread(part, suffix, tmp_path, monkeypatch):
    needs(suffix)
    most = 10_000_000  # as any other, and sooner written
    monkeypatch.setattr("micrograd_gd.persist.document.MOST_MEMORY", most)
    path = tmp_path / f"hostile{suffix}"
    cost = sum(cost * f"{part},".encode().count(mark) for mark, cost in COSTS.items())
    middle = f"{part}," * (most // cost)
    raw = (f'{{"x": {{{middle}"b":0}}}}' if ":0" in part else f'{{"x": [{middle}0]}}').encode()
    size = path.write_bytes(struct.pack("<Q", len(raw)) + raw if suffix != ".json" else raw)
    del middle, raw
    tracemalloc.start()
    try:
        message = complaint(path)
        assert f"bytes of memory; expected up to {most}" in message
        assert tracemalloc.get_traced_memory()[1] < 2.5 * size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("entry", [*PARTS, '"é"', '"😀"', "[[300],[]]", '[{"":300}]'])
@pytest.mark.parametrize("is_object", [True, False])
def test_what_json_takes_in_memory_is_known_before_it_is_read(entry, is_object):
    entry, count = json.loads(entry), 700  # where the table of a dict has just grown
    many = {f"{i:x}": entry for i in range(count)} if is_object else [entry] * count
    raw = json.dumps(many, ensure_ascii=False).encode("utf-8", "surrogatepass")
    parse(raw)  # so that what is imported lazily is there
    tracemalloc.start()
    try:
        parse(raw)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    text = sys.getsizeof(raw.decode("utf-8", "surrogatepass"))
    assert used < text + sum(cost * raw.count(mark) for mark, cost in COSTS.items()) + 1000


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize(
    ("limit", "message"),
    [("LARGEST", "bytes to save; up to 100 can be"), ("document.MOST_MEMORY", "bytes of memory")],
)
def test_what_could_not_be_loaded_is_not_saved(limit, message, suffix, tmp_path, monkeypatch):
    needs(suffix)
    monkeypatch.setattr(f"micrograd_gd.persist.{limit}", 100)
    with pytest.raises(ArgumentError, match=message):
        save(MLP(2, [1], seed=0), tmp_path / f"model{suffix}")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.5])
def test_another_version_is_refused(version, path):
    message = complaint(alter(path, lambda content: content.update(version=version)))
    assert message == (
        f"a model of format version {version!r}; "
        "expected version 1: use the micrograd_gd that wrote it"
    )


def test_every_key_is_needed_and_no_other_taken(path):
    whole = path.read_bytes()
    for key in [key for key in json.loads(whole) if key not in ("format", "version")]:
        path.write_bytes(whole)
        message = complaint(alter(path, lambda content, key=key: content.pop(key)))
        assert message == f"no '{key}' in the model; expected a whole model"
    path.write_bytes(whole)
    assert "unknown ['more']" in complaint(alter(path, lambda content: content.update(more=1)))
    path.write_bytes(whole.replace(b'"version": 1,', b'"version": 1, "version": 1,'))
    assert complaint(path) == "a key twice in one object; expected every key once"


A_WEIGHT = "layers.0.neurons.0.w.0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["parameters"].pop(A_WEIGHT), "16 parameters for layers of width [2, 3, 2]"),
        (lambda c: c["parameters"].update(more=1.0), "18 parameters for layers of width [2, 3, 2]"),
        (lambda c: c["parameters"].update({A_WEIGHT: "1"}), f"{A_WEIGHT} is '1'; expected a fin"),
        (lambda c: c["parameters"].update({A_WEIGHT: True}), f"{A_WEIGHT} is True; expected a f"),
        (lambda c: c["parameters"].update({A_WEIGHT: None}), f"{A_WEIGHT} is None; expected a f"),
        (lambda c: c["parameters"].update({A_WEIGHT: 10**400}), "expected a finite number"),
        (lambda c: c["parameters"].update({A_WEIGHT: math.nan}), "the number NaN; expected finite"),
        (lambda c: c["parameters"].update({A_WEIGHT: math.inf}), "the number Infinity; expected"),
        (lambda c: c.update(parameters=[1.0] * 17), "parameters is [1.0, 1.0"),
        (lambda c: c["architecture"].update(nin=3), "17 parameters for layers of width [3, 3, 2]"),
        (lambda c: c["architecture"].update(nin=10**9), "17 parameters for layers of width [10"),
        (lambda c: c["architecture"].update(nin=0), "layers of width [0, 3, 2]; expected whole"),
        (lambda c: c["architecture"].update(nin="2"), "layers of width ['2', 3, 2]; expected"),
        (lambda c: c["architecture"].update(nouts=[]), "nouts is []; expected a list"),
        (lambda c: c["architecture"].update(nouts=3), "nouts is 3; expected a list"),
        (lambda c: c["architecture"].update(activation="no"), "no activation is called 'no'"),
        (lambda c: c["architecture"].update(activation=7), "activation is 7; expected text"),
        (lambda c: c.update(architecture=None), "architecture is None; expected an object"),
        (lambda c: c.update(class_names=["a"]), "1 class names; expected 2"),
        (lambda c: c.update(class_names="ab"), "class_names is 'ab'; expected a list"),
        (lambda c: c.update(class_names=None), "2 outputs without class names; expected 1"),
        (lambda c: c.update(feature_names=["a", 1]), "feature_names is 1; expected text"),
        (lambda c: c.update(target_name=None), "target_name is None; expected text"),
        (lambda c: c["scaling"].pop("mean"), "no 'mean' in scaling"),
        (lambda c: c["scaling"].update(scale=[1.0]), "2 means and 1 scales"),
        (lambda c: c["scaling"].update(scale=[1.0, 0.0]), "a scale is 0.0; expected a positive"),
        (lambda c: c.update(scaling=[1, 2]), "scaling is [1, 2]; expected an object"),
    ],
)
def test_an_entry_that_does_not_fit_is_named(change, message, path):
    assert message in complaint(alter(path, change))


@given(st.data())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "model.json"
    save(Predictor(MLP(1, [2, 1], seed=0)), path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with suppress(ModelFileError):
        load(path).predict([[1.0]])


# Networks, other modules, optimizers and runs, in both formats.

any_float = st.sampled_from([math.nan, math.inf, -math.inf, -0.0]) | finite
FORMATS = [".json", ".safetensors"]


def bits(numbers):
    """What tells -0 from 0; a nan is a nan."""
    return [struct.pack("<d", x) if x == x else "nan" for x in numbers]


def needs(suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors", reason="the extra safetensors is not installed")


@pytest.mark.parametrize("suffix", FORMATS)
@given(st.lists(any_float, min_size=13, max_size=13))
def test_a_network_comes_back_to_the_last_bit(tmp_path_factory, suffix, numbers):
    needs(suffix)
    network = MLP(2, [3, 1], activation="tanh", output_activation="sigmoid", seed=0)
    for parameter, number in zip(network.parameters(), numbers, strict=True):
        parameter.data = number
    path = tmp_path_factory.mktemp("models") / f"network{suffix}"
    save(network, path)
    again = load(path)
    assert repr(again) == repr(network)
    assert bits(p.data for p in again.parameters()) == bits(numbers)
    first = path.read_bytes()
    save(again, path)
    assert path.read_bytes() == first


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_predictor_comes_back_whole(predictor, tmp_path, suffix):
    needs(suffix)
    path = tmp_path / f"model{suffix}"
    save(predictor, path)
    loaded = load(path)
    for field in ("scaling", "target_scaling", "feature_names", "target_name", "class_names"):
        assert getattr(loaded, field) == getattr(predictor, field)
    assert loaded.network.state_dict() == predictor.network.state_dict()


class Line(Module):
    def __init__(self, slope=1.0):
        self.parts = {"slope": Value(slope), "offsets": [Value(2.0), Value(-0.0)]}


@pytest.mark.parametrize("suffix", FORMATS)
@given(any_float)
def test_another_module_gets_its_parameters_back(tmp_path_factory, suffix, slope):
    needs(suffix)
    path = tmp_path_factory.mktemp("models") / f"line{suffix}"
    save(Line(slope), path)
    line = Line()
    assert load(path, into=line) is line
    assert bits(line.state_dict().values()) == bits([slope, 2.0, -0.0])
    with pytest.raises(ModelFileError, match="parameters of another module; expected those of MLP"):
        load(path, into=MLP(1, 1))
    with pytest.raises(ModelFileError, match=r"expected load\(path, into=…\), a Module"):
        load(path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kind", [GradientDescent, Momentum, Adam])
def test_an_optimizer_goes_on_from_its_state(tmp_path, suffix, kind):
    needs(suffix)
    path = tmp_path / f"optimizer{suffix}"

    def step_once(model, optimizer, times):
        for _ in range(times):
            optimizer.zero_grad()
            (model([0.5, -1.0]) ** 2).backward()
            optimizer.step()

    whole, halved = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=1)
    step_once(whole, kind(whole.parameters(), 0.01), 10)
    first = kind(halved.parameters(), 0.01)
    step_once(halved, first, 5)
    save(first, path)
    second = kind(halved.parameters(), 0.01)
    assert load(path, into=second) is second
    step_once(halved, second, 5)
    assert halved.state_dict() == whole.state_dict()
    another = Adam if kind is Momentum else Momentum
    with pytest.raises(ModelFileError, match=f"the state of {kind.__name__}; expected that of"):
        load(path, into=another(whole.parameters(), 0.1))
    with pytest.raises(ModelFileError, match="expected load"):
        load(path, into=whole)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("kind", [GradientDescent, Adam])
def test_a_run_that_is_resumed_ends_like_one_that_was_not(tmp_path, suffix, batch_size, kind):
    needs(suffix)
    inputs, targets = moons(20, seed=0)
    options = {
        "loss": "binary_cross_entropy",
        "batch_size": batch_size,
        "seed": 0,
        "progress": False,
    }
    whole, halved = (MLP(2, [4, 1], seed=1) for _ in range(2))
    expected = fit(whole, inputs, targets, epochs=9, optimizer=kind(whole.parameters(), 0.1),
                   validation=(inputs[:3], targets[:3]), **options)  # fmt: skip
    first = fit(halved, inputs, targets, epochs=4, optimizer=kind(halved.parameters(), 0.1),
                validation=(inputs[:3], targets[:3]), **options)  # fmt: skip
    first.training.about = {"data": "moons", "tries": [1, 2.5, None]}
    save(first.training, tmp_path / f"run{suffix}")
    state = load(tmp_path / f"run{suffix}")
    again = MLP(2, [4, 1], seed=7)
    optimizer = kind(again.parameters(), 0.7)  # the rate comes from the state
    history = fit(again, inputs, targets, epochs=9, optimizer=optimizer, resume=state,
                  validation=(inputs[:3], targets[:3]), **options)  # fmt: skip
    assert history.rows == expected.rows
    assert again.state_dict() == whole.state_dict()
    assert history.training.state_dict() == {
        **expected.training.state_dict(),
        "about": first.training.about,
    }


def test_what_a_run_tells_of_infinity_comes_back(tmp_path):
    history = fit(MLP(1, 1, seed=0), [[1.0]], [2.0], epochs=2, progress=False)
    history.rows[0]["speed"], history.rows[1]["speed"] = math.inf, math.nan
    history.rows[2]["speed"] = -0.0
    save(history.training, tmp_path / "run.json")
    column = [row["speed"] for row in load(tmp_path / "run.json")["rows"]]
    assert bits(column) == bits([math.inf, math.nan, -0.0])
    json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)


def test_what_cannot_be_saved_is_told(tmp_path):
    with pytest.raises(
        ArgumentError, match=r"a list cannot be saved; expected save\(thing, path\), "
    ):
        save([1.0], tmp_path / "list.json")
    history = fit(MLP(1, 1, seed=0), [[1.0]], [2.0], epochs=2, progress=False)
    history.training.about = {"model": history.training.model}
    with pytest.raises(ArgumentError, match=r"cannot be saved .*; expected plain JSON"):
        save(history.training, tmp_path / "run.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["m.pt", "m.pkl", "m.npz", "m", "m.json.gz"])
def test_a_name_that_promises_another_format_is_refused(tmp_path, name):
    with pytest.raises(ArgumentError, match=rf"^{name} is no name .*ending \.json, or \.safetens"):
        save(MLP(1, 1), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_safetensors_is_an_error_that_says_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ArgumentError, match=r"pip install 'micrograd_gd\[safetensors\]'"):
        save(MLP(1, 1), tmp_path / "network.safetensors")


@pytest.mark.skipif(os.name != "posix", reason="named pipes are of POSIX")
def test_a_file_that_is_no_ordinary_one_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    assert complaint(tmp_path / "pipe.json") == "no ordinary file; expected a saved model"


def test_a_file_beyond_all_models_is_not_read(tmp_path):
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(2**31)
    assert "2147483648 bytes; expected a saved model, up to 134217728" in complaint(
        tmp_path / "huge.json"
    )


def tensors(header, data=b""):
    raw = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(raw)) + raw + data


HEAD = {"format": "micrograd_gd network", "version": 1,
        "architecture": {"nin": 1, "nouts": [1], "activation": "relu",
                         "output_activation": "linear"}}  # fmt: skip
WEIGHT = {"dtype": "F64", "shape": [1, 1], "data_offsets": [0, 8]}
BIAS = {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}


def network_file(head=HEAD, weight=WEIGHT, bias=BIAS, data=bytes(16), **more):
    metadata = {"__metadata__": {"micrograd_gd": json.dumps(head)}}
    return tensors({**metadata, "layers.0.weight": weight, "layers.0.bias": bias, **more}, data)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no valid safetensors file"),
        (b"\xff" * 8, "no valid safetensors file"),
        (struct.pack("<Q", 2**62) + b"{}", "no valid safetensors file"),
        (tensors(b"[" * 100_000), "no valid safetensors file"),
        (tensors({}), "safetensors of another kind; expected a model that this package saved"),
        (tensors({"a": WEIGHT}, bytes(8)), "safetensors of another kind"),
        (tensors({"__metadata__": {"micrograd_gd": "["}}), "no valid JSON"),
        (tensors({"__metadata__": {"micrograd_gd": "{}"}}), "JSON of another kind"),
        (network_file(data=bytes(8)), "no valid safetensors file"),
        (network_file(weight={**WEIGHT, "shape": [2**40, 2**40]}), "no valid safetensors file"),
        (network_file(weight={**WEIGHT, "dtype": "I64"}), "is I64 of shape (1, 1); expected F64"),
        (network_file(weight={**WEIGHT, "shape": [1]}), "of shape (1,); expected (1, 1)"),
        (network_file(weight={**WEIGHT, "shape": [1, 1, 1]}), "is F64 of shape (1, 1, 1); exp"),
        (network_file({**HEAD, "version": 2}), "a network of format version 2; expected version"),
        (network_file({**HEAD, "architecture": {}}), "no 'nin', 'nouts'"),
        (
            network_file(
                {**HEAD, "architecture": {**HEAD["architecture"], "nouts": [10**9, 10**9]}}
            ),
            "2 arrays for layers of width [1, 1000000000, 1000000000]",
        ),
        (
            network_file({**HEAD, "architecture": {**HEAD["architecture"], "nin": 10**9}}),
            "of shape (1, 1); expected (1, 1000000000)",
        ),
    ],
)
def test_a_safetensors_file_that_is_wrong_says_so(tmp_path, raw, message):
    needs(".safetensors")
    path = tmp_path / "network.safetensors"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_file_of_these_cases_is_right_without_a_change(tmp_path):
    needs(".safetensors")
    (tmp_path / "network.safetensors").write_bytes(network_file())
    assert load(tmp_path / "network.safetensors").state_dict() == {
        "layers.0.neurons.0.w.0": 0.0, "layers.0.neurons.0.b": 0.0,
    }  # fmt: skip


def test_other_libraries_read_the_weights(tmp_path):
    needs(".safetensors")
    from safetensors.numpy import load_file

    network = MLP(2, [3, 1], seed=0)
    save(network, tmp_path / "network.safetensors")
    arrays = load_file(tmp_path / "network.safetensors")
    x = [0.3, -0.7]
    hidden = (arrays["layers.0.weight"] @ x + arrays["layers.0.bias"]).clip(0)
    (y,) = arrays["layers.1.weight"] @ hidden + arrays["layers.1.bias"]
    assert y == pytest.approx(network(x).data, rel=1e-14)


RUN_CHANGES = [
    (lambda c: c["arrays"].pop("best"), "no array 'best'; expected one of shape (2,)"),
    (lambda c: c["arrays"].update(more=[1.0]), "unknown arrays ['more']"),
    (lambda c: c["arrays"].update(best=[1.0]), "'best' is of shape (1,); expected (2,)"),
    (lambda c: c["arrays"].update(best=[[1.0], [2.0]]), "best is [1.0]; expected a finite number"),
    (lambda c: c.update(figures=["speed"]), "a history without a loss"),
    (lambda c: c.update(order=[3, [1] * 10, None]), "order is no state of a random generator"),
    (lambda c: c.update(order=[3, [2**32] * 625, None]), "order is no state of a random"),
    (lambda c: c.update(order=3), "order is 3; expected a list"),
    (lambda c: c.update(steps=-1), "steps is -1; expected a whole number"),
    (lambda c: c.update(kept={"loss": 1}), "no array 'kept.loss'; expected one of shape (2,)"),
    (lambda c: c.update(about=[]), "about is []; expected an object"),
    (lambda c: c.update(learning_rate="x"), "learning_rate is 'x'; expected a finite number"),
]


@pytest.mark.parametrize(("change", "message"), RUN_CHANGES)
def test_an_entry_of_a_run_that_does_not_fit_is_named(tmp_path, change, message):
    history = fit(MLP(1, 1, seed=0), [[1.0]], [2.0], epochs=2, progress=False)
    save(history.training, tmp_path / "run.json")
    with pytest.raises(ModelFileError) as caught:
        load(alter(tmp_path / "run.json", change))
    assert message in str(caught.value)


def test_a_state_of_another_model_is_refused_by_fit(tmp_path):
    history = fit(MLP(1, 1, seed=0), [[1.0]], [2.0], epochs=2, progress=False)
    state = history.training.state_dict()
    other = MLP(2, 1, seed=0)
    before = other.state_dict()
    with pytest.raises(ArgumentError, match=r"parameters is .*; expected 3 numbers"):
        fit(other, [[1.0, 2.0]], [2.0], resume=state)
    with pytest.raises(ArgumentError, match="the state of a training has about, rows"):
        fit(other, [[1.0, 2.0]], [2.0], resume={})
    assert other.state_dict() == before
    with pytest.raises(ArgumentError, match="order is no state of a random generator"):
        fit(MLP(1, 1), [[1.0]], [2.0], resume={**state, "order": [3, [700] * 625, None]})
    with pytest.raises(ArgumentError, match="rows is None; expected a list"):
        fit(MLP(1, 1), [[1.0]], [2.0], resume={**state, "rows": None})
    with pytest.raises(ArgumentError, match=r"row 0 is .*; expected the figures of epoch 0"):
        fit(MLP(1, 1), [[1.0]], [2.0], resume={**state, "rows": [{}]})


@pytest.mark.skipif(os.name != "posix", reason="the alarm that ends a hang is of POSIX")
def test_any_bytes_are_read_or_refused_and_nothing_is_run():
    needs(".safetensors")
    import fuzz_files

    outcomes = fuzz_files.fuzz(2000, seed=5)
    assert outcomes["read"] > 20  # a change in a number, say
    assert outcomes["refused"] > 1000


class Doubled(MLP):
    """Computes something else than a plain one of the same layers."""

    def __call__(self, x):
        return 2 * super().__call__(x)


@pytest.mark.parametrize("name", ["a.json", "a.safetensors"])
def test_a_class_made_from_mlp_does_not_come_back_as_a_plain_one(tmp_path, name):
    model, path = Doubled(2, [3, 1], seed=0), tmp_path / name
    save(model, path)
    with pytest.raises(ModelFileError, match="into="):
        load(path)
    again = load(path, into=Doubled(2, [3, 1], seed=1))
    assert again([1.0, 2.0]).data == model([1.0, 2.0]).data
    with pytest.raises(ArgumentError, match="cannot be saved whole: it is a Doubled"):
        save(Predictor(model), path)


@pytest.mark.parametrize("name", ["a.json", "a.safetensors"])
def test_a_network_is_put_into_one_of_the_same_widths(tmp_path, name):
    model, path = MLP(2, [3, 1], seed=0), tmp_path / name
    save(model, path)
    into = Doubled(2, [3, 1], seed=1)
    assert load(path, into=into) is into
    assert into.state_dict() == model.state_dict()
    with pytest.raises(ModelFileError, match="a network of other widths"):
        load(path, into=MLP(2, [4, 1]))
