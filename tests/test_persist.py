"""A model that comes back from its file is the one that went in; a file that is wrong says so."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_gd.data import Scaling
from micrograd_gd.errors import ArgumentError, ModelFileError, ShapeError
from micrograd_gd.nn import MLP
from micrograd_gd.persist import Predictor, load_model, save_model

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
    save_model(tmp_path / "model.json", predictor)
    return tmp_path / "model.json"


def changed(path, change):
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    return path


def complaint(path):
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_all_that_surrounds_a_network_comes_back(predictor, path):
    loaded = load_model(path)
    for field in ("scaling", "target_scaling", "feature_names", "target_name", "class_names"):
        assert getattr(loaded, field) == getattr(predictor, field)
    assert repr(loaded.network) == repr(predictor.network)
    assert loaded.network.state_dict() == predictor.network.state_dict()


@settings(max_examples=25, deadline=None)
@given(st.lists(finite, min_size=13, max_size=13), st.lists(finite, min_size=2, max_size=2))
def test_parameters_and_predictions_come_back_to_the_last_bit(tmp_path_factory, numbers, row):
    network = MLP(2, [3, 1], activation="tanh", seed=0)
    for parameter, number in zip(network.parameters(), numbers, strict=True):
        parameter.data = number
    path = tmp_path_factory.mktemp("models") / "model.json"
    save_model(path, Predictor(network))
    again = load_model(path).network
    assert [math.copysign(1, p.data) for p in again.parameters()] == [
        math.copysign(1, number) for number in numbers
    ]
    assert again.state_dict() == network.state_dict()
    assert repr(again(row).data) == repr(network(row).data)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "hardtanh", "linear", "gelu"])
def test_activations_come_back_by_name(activation, tmp_path):
    network = MLP(2, [3, 1], activation=activation, output_activation=activation, seed=0)
    save_model(tmp_path / "model.json", Predictor(network))
    again = load_model(tmp_path / "model.json").network
    assert repr(again) == repr(network)
    assert again([0.3, -0.8]).data == network([0.3, -0.8]).data


def test_equal_models_give_equal_bytes(predictor, path):
    first = path.read_bytes()
    save_model(path, predictor)
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
        save_model(path, Predictor(MLP(1, [2, 1], activation=lambda x: x * x)))
    network = MLP(1, 1)
    network.parameters()[0].data = math.nan
    with pytest.raises(ArgumentError, match="a parameter is not finite"):
        save_model(path, Predictor(network))
    assert path.read_bytes() == before
    with pytest.raises(FileNotFoundError):
        save_model(path.parent / "none" / "model.json", Predictor(MLP(1, 1)))


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


@pytest.mark.parametrize("version", [2, 0, "1", None, True, 1.5])
def test_another_version_is_refused(version, path):
    message = complaint(changed(path, lambda content: content.update(version=version)))
    assert message == (
        f"a model of format version {version!r}; "
        "expected version 1: use the micrograd_gd that wrote it"
    )


def test_every_key_is_needed_and_no_other_taken(path):
    whole = path.read_bytes()
    for key in [key for key in json.loads(whole) if key not in ("format", "version")]:
        path.write_bytes(whole)
        message = complaint(changed(path, lambda content, key=key: content.pop(key)))
        assert message == f"no '{key}' in the model; expected a whole model"
    path.write_bytes(whole)
    assert "unknown ['more']" in complaint(changed(path, lambda content: content.update(more=1)))
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
    assert message in complaint(changed(path, change))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "model.json"
    save_model(path, Predictor(MLP(1, [2, 1], seed=0)))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with suppress(ModelFileError):
        load_model(path).predict([[1.0]])
