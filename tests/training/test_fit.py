"""Training is gradient descent and nothing else, and tells what happened however it ends."""

import csv
import io
import math
import pickle
import re
import sys
from types import SimpleNamespace

import pytest

from micrograd_gd import MLP, Module, Value, fit
from micrograd_gd.data import blobs
from micrograd_gd.errors import ArgumentError, NotANumberError, ShapeError
from micrograd_gd.losses import LOSSES, cross_entropy, mse
from micrograd_gd.optim import Adam, GradientDescent, Momentum, Optimizer, cosine, exponential_decay
from micrograd_gd.training.history import History

INPUTS = [[-1.0], [0.0], [1.0], [2.0]]
TARGETS = [-1.0, 1.0, 3.0, 5.0]  # 2 x + 1


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


def test_full_batch_is_the_loop_written_by_hand():
    model, by_hand = MLP(1, [3, 1], seed=0), MLP(1, [3, 1], seed=0)
    history = fit(model, INPUTS, TARGETS, learning_rate=0.05, epochs=5)
    losses = []
    for _ in range(5):
        loss = mse([by_hand(x) for x in INPUTS], TARGETS)
        losses.append(loss.data)
        by_hand.zero_grad()
        loss.backward()
        for parameter in by_hand.parameters():
            parameter.data -= 0.05 * parameter.grad
    losses.append(mse([by_hand(x) for x in INPUTS], TARGETS).data)
    assert numbers(model) == numbers(by_hand)
    assert history.column("loss") == losses


def test_row_k_is_the_model_after_k_epochs():
    history = fit(MLP(1, 1, seed=0), INPUTS, TARGETS, epochs=3)
    assert history.column("epoch") == [0, 1, 2, 3]
    for epochs in (1, 2):
        model = MLP(1, 1, seed=0)
        fit(model, INPUTS, TARGETS, epochs=epochs)
        assert mse([model(x) for x in INPUTS], TARGETS).data == history.rows[epochs]["loss"]


def test_a_line_is_learned():
    model = MLP(1, 1, seed=0)
    history = fit(model, INPUTS, TARGETS, learning_rate=0.2, epochs=200)
    assert numbers(model) == pytest.approx([2.0, 1.0], abs=1e-6)
    assert (history.status, history.message) == ("completed", "completed 200 epochs")
    assert history.best_epoch > 100


def test_mini_batches_use_every_sample_once_an_epoch():
    seen = []

    class Spy(MLP):
        def __call__(self, x):
            seen.append(x[0])
            return super().__call__(x)

    fit(Spy(1, 1, seed=0), INPUTS, TARGETS, learning_rate=0.01, epochs=2, batch_size=3, seed=0)
    # Measured, descended, measured, descended, measured: four samples each time.
    passes = [seen[start : start + 4] for start in range(0, len(seen), 4)]
    assert [sorted(each) for each in passes] == [[-1.0, 0.0, 1.0, 2.0]] * 5
    assert passes[1] != passes[3]


def test_a_batch_of_all_samples_is_full_batch_but_for_rounding():
    full, batch = MLP(1, 1, seed=0), MLP(1, 1, seed=0)
    fit(full, INPUTS, TARGETS, epochs=20)
    fit(batch, INPUTS, TARGETS, epochs=20, batch_size=100)
    assert numbers(batch) == pytest.approx(numbers(full), rel=1e-12)


def test_the_seed_decides_the_order_of_the_batches():
    def trained(seed):
        model = MLP(1, 1, seed=0)
        fit(model, INPUTS, TARGETS, epochs=2, batch_size=1, seed=seed)
        return numbers(model)

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


@pytest.mark.parametrize(
    ("loss", "outputs", "low", "high"),
    [("cross_entropy", 2, 0, 1), ("binary_cross_entropy", 1, 0, 1), ("hinge", 1, -1, 1)],
)
def test_accuracy_is_told_where_targets_are_classes(loss, outputs, low, high):
    inputs, classes = blobs(40, centers=2, seed=0)
    targets = [(low, high)[c] for c in classes]
    model = MLP(2, [8, outputs], activation="tanh", seed=0)
    history = fit(model, inputs, targets, loss=loss, epochs=10, batch_size=4)
    assert history.column("accuracy")[-1] == 1.0
    assert all(0 <= share <= 1 for share in history.column("accuracy"))


def test_validation_is_measured_and_changes_nothing():
    plain, watched = MLP(1, 1, seed=0), MLP(1, 1, seed=0)
    held_out = ([[3.0]], [7.0])
    without = fit(plain, INPUTS, TARGETS, epochs=4)
    history = fit(watched, INPUTS, TARGETS, epochs=4, validation=held_out)
    assert numbers(plain) == numbers(watched)
    assert history.column("loss") == without.column("loss")
    assert history.rows[-1]["validation_loss"] == mse([watched([3.0])], [7.0]).data


def test_a_schedule_and_a_loss_of_ones_own_are_taken():
    def double(predictions, targets):
        return 2 * mse(predictions, targets)

    a, b = MLP(1, 1, seed=0), MLP(1, 1, seed=0)
    fit(a, INPUTS, TARGETS, loss=double, learning_rate=lambda _: 0.05, epochs=3)
    fit(b, INPUTS, TARGETS, loss="mse", learning_rate=0.1, epochs=3)
    assert numbers(a) == pytest.approx(numbers(b))


def test_divergence_keeps_the_history_and_the_best_parameters():
    model = MLP(1, 1, seed=0)
    start = numbers(model)
    history = fit(model, INPUTS, TARGETS, learning_rate=1e100, epochs=50)
    assert history.status == "diverged"
    assert history.message.startswith(f"diverged in epoch {len(history)}: the ")
    assert numbers(model) == start
    assert history.best_epoch == 0
    assert all(loss < float("inf") for loss in history.column("loss"))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_out_of_all_numbers_is_not_taken(compiled):
    model = MLP(1, 1, seed=0)
    start = numbers(model)
    settings = {"batch_size": 2, "shuffle": False, "compiled": compiled}
    history = fit(model, INPUTS, TARGETS, learning_rate=1.7e308, epochs=3, **settings)
    message = r"diverged in epoch 1: the gradient of layers\S+ is inf at step 1"
    assert re.match(message, history.message)
    assert numbers(model) == start


def test_a_loss_that_is_not_finite_from_the_start_is_told():
    history = fit(MLP(1, 1, activation="log", seed=0), [[1e308]], [-1e308], epochs=2)
    assert history.status == "diverged"
    assert history.message == "diverged in epoch 0: the loss is inf"
    assert len(history) == 0
    with pytest.raises(ArgumentError, match=r"diverged in epoch 0: .* there is nothing to go on"):
        history.training.state_dict()


def test_divergence_after_progress_goes_back_to_the_best_epoch():
    model = MLP(1, 1, seed=0)
    best = {}

    def note(history):
        best[history.rows[-1]["epoch"]] = numbers(model)

    def rate(step):
        return 0.1 if step < 5 else 1e200

    history = fit(model, INPUTS, TARGETS, learning_rate=rate, epochs=20, callbacks=[note])
    assert (history.status, history.best_epoch) == ("diverged", 5)
    assert numbers(model) == best[5]


def test_an_interrupt_keeps_the_history_and_the_best_parameters():
    model = MLP(1, 1, seed=0)
    after_three = MLP(1, 1, seed=0)
    fit(after_three, INPUTS, TARGETS, epochs=3)

    def stop(history):
        if len(history) == 4:
            raise KeyboardInterrupt

    history = fit(model, INPUTS, TARGETS, epochs=9, callbacks=[stop])
    assert (history.status, len(history)) == ("interrupted", 4)
    assert history.message == "interrupted in epoch 3 of 9"
    assert numbers(model) == numbers(after_three)


def test_an_interrupt_within_a_step_undoes_the_half_of_it():
    class Slow(MLP):
        calls = 0

        def __call__(self, x):
            self.calls += 1
            if self.calls == 7:  # in the second batch of the first epoch
                raise KeyboardInterrupt
            return super().__call__(x)

    model = Slow(1, 1, seed=0)
    start = numbers(model)
    history = fit(model, INPUTS, TARGETS, epochs=3, batch_size=2, seed=0)
    assert (history.status, len(history)) == ("interrupted", 1)
    assert numbers(model) == start
    whole = fit(MLP(1, 1, seed=0), INPUTS, TARGETS, epochs=3, batch_size=2, seed=0)
    state = history.training.state_dict()
    assert fit(MLP(1, 1), INPUTS, TARGETS, epochs=3, batch_size=2, resume=state).rows == whole.rows


def test_another_error_is_not_swallowed():
    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(MLP(1, 1), INPUTS, TARGETS, callbacks=[fail])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected a whole number, at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5; expected a whole number, at least 1"),
        ({"batch_size": -1}, "batch_size is -1; expected a whole number, at least 1"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number, at least 1"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"loss": "cube"}, "loss is 'cube'; expected one of mse, mae"),
        ({"validation": ([], [])}, "no validation samples; expected at least one"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_changes(arguments, message):
    model = MLP(1, 1, seed=0)
    before = numbers(model)
    with pytest.raises(ArgumentError, match=message):
        fit(model, INPUTS, TARGETS, **arguments)
    assert numbers(model) == before


class Keeper(Module):
    """A model that keeps something of each call."""

    def __init__(self, keep):
        self.net, self.keep, self.seen = MLP(1, 1, seed=0), keep, SimpleNamespace()

    def __call__(self, x):
        y = self.net(x)
        self.keep(self, y)
        return y


@pytest.mark.parametrize("called_before", [False, True])
@pytest.mark.parametrize(
    ("keep", "settings"),
    [
        (lambda model, _: vars(model).update(last=Value(2.0)), {}),
        (lambda model, _: vars(model).update(last=Value(2.0)), {"batch_size": 1}),
        (lambda model, _: vars(model).update(last=[{"a": Value(2.0)}]), {"compiled": True}),
        (lambda model, _: vars(model.net).update(_last=Value(2.0)), {}),
        (lambda model, y: vars(model).update(last=y), {"batch_size": 1}),  # under no_grad a leaf
    ],
)
def test_a_parameter_that_a_call_makes_is_refused_by_its_name(keep, settings, called_before):
    model = Keeper(keep)
    if called_before:
        model([1.0])
    with pytest.raises(ArgumentError, match=r"made the parameter (net\._)?last.*SimpleNamespace"):
        fit(model, [[0.0], [1.0]], [1.0, 3.0], epochs=1, **settings)


@pytest.mark.parametrize("settings", [{}, {"batch_size": 1}, {"compiled": True}])
def test_what_a_call_keeps_elsewhere_is_no_parameter(settings):
    model = Keeper(lambda model, y: vars(model.seen).update(last=y, leaf=Value(1.0)))
    assert fit(model, [[0.0], [1.0]], [1.0, 3.0], epochs=2, **settings).status == "completed"
    assert [*model.state_dict()] == ["net.layers.0.neurons.0.w.0", "net.layers.0.neurons.0.b"]


def test_lengths_that_differ_and_no_samples_are_refused():
    with pytest.raises(ShapeError, match="4 training inputs and 3 targets; expected one target"):
        fit(MLP(1, 1), INPUTS, TARGETS[:3])
    with pytest.raises(ShapeError, match="1 validation inputs and 0 targets"):
        fit(MLP(1, 1), INPUTS, TARGETS, validation=([[1.0]], []))
    with pytest.raises(ArgumentError, match="no training samples; expected at least one"):
        fit(MLP(1, 1), [], [])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "rows",
    [{"x": [1.0, 2.0]}, {0: [1.0]}, {(1.0,)}, iter([[1.0]]), None, 1.0, "ab", Value(1.0)],
    ids=lambda rows: type(rows).__name__,
)
def test_samples_that_are_no_rows_are_refused_by_name(rows, compiled):
    model = MLP(1, 1, seed=0)
    came = f"came as {type(rows).__name__} .*; expected a list or an array"
    with pytest.raises(NotANumberError, match=f"the training inputs {came}"):
        fit(model, rows, [1.0], compiled=compiled)
    with pytest.raises(NotANumberError, match=f"the validation targets {came}"):
        fit(model, INPUTS, TARGETS, validation=([[1.0]], rows), compiled=compiled)


def test_a_history_is_written_with_every_digit(tmp_path):
    history = fit(MLP(1, 1, seed=0), INPUTS, TARGETS, epochs=3)
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = [{name: float(x) for name, x in row.items()} for row in csv.DictReader(file)]
    assert rows == list(history)


def test_a_history_without_rows_is_written_as_its_header(tmp_path):
    History().to_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "epoch,loss\n"
    assert History().best_epoch == 0


def test_an_unknown_column_is_named():
    with pytest.raises(ArgumentError, match="no column 'speed' in the history; expected one of"):
        fit(MLP(1, 1), INPUTS, TARGETS, epochs=1).column("speed")


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_loss_that_is_no_value_is_told(batch_size):
    def plain(predictions, targets):
        return sum((p.data - t) ** 2 for p, t in zip(predictions, targets, strict=True))

    message = "the loss is float .*, through which no gradient flows; expected a Value"
    with pytest.raises(NotANumberError, match=message):
        fit(MLP(1, 1), INPUTS, TARGETS, loss=plain, batch_size=batch_size)
    with pytest.raises(NotANumberError, match="the loss is list"):
        fit(MLP(1, 1), INPUTS, TARGETS, loss=lambda predictions, _: predictions)


@pytest.mark.parametrize("kind", [Momentum, Adam])
def test_another_optimizer_brings_its_own_rate(kind):
    model, by_hand = MLP(1, [3, 1], seed=0), MLP(1, [3, 1], seed=0)
    fit(model, INPUTS, TARGETS, epochs=5, optimizer=kind(model.parameters(), 0.05))
    optimizer = kind(by_hand.parameters(), 0.05)
    for _ in range(5):
        optimizer.zero_grad()
        mse([by_hand(x) for x in INPUTS], TARGETS).backward()
        optimizer.step()
    assert numbers(model) == numbers(by_hand)


def test_a_run_that_was_completed_goes_on_for_more_epochs():
    whole = fit(MLP(1, 1, seed=0), INPUTS, TARGETS, epochs=8, batch_size=2, seed=0)
    model = MLP(1, 1, seed=0)
    half = fit(model, INPUTS, TARGETS, epochs=3, batch_size=2, seed=0)
    resumed = fit(model, INPUTS, TARGETS, epochs=8, batch_size=2, resume=half.training.state_dict())
    assert resumed.rows == whole.rows
    again = fit(model, INPUTS, TARGETS, epochs=8, resume=resumed.training.state_dict())
    assert again.rows == whole.rows


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_to_a_terminal_and_to_nobody_else(monkeypatch):
    pytest.importorskip("tqdm", reason="the extra progress is not installed")

    def show(stream, **options):
        monkeypatch.setattr("sys.stderr", stream)
        fit(MLP(1, 1, seed=0), INPUTS, TARGETS, epochs=5, **options)
        return stream.getvalue()

    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # this is no notebook
    assert "5/5" in show(Terminal())
    assert "loss=" in show(Terminal())
    assert show(Terminal(), progress=False) == ""
    assert show(io.StringIO()) == ""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert show(Terminal()) == ""
    with pytest.raises(ImportError, match=r"pip install 'micrograd_gd\[progress\]'"):
        show(Terminal(), progress=True)


def test_a_history_is_pickled_without_its_run():
    def double(predictions, targets):
        return 2 * mse(predictions, targets)

    history = fit(MLP(1, 1, seed=0), INPUTS, TARGETS, loss=double, epochs=2)
    again = pickle.loads(pickle.dumps(history))  # noqa: S301 — our own
    assert again == history
    assert (again.training, history.training.history) == (None, history)


def test_a_state_with_other_figures_is_refused_and_changes_nothing():
    held_out = {"validation": (INPUTS, TARGETS)}
    cases = [
        ({}, held_out, "has the figures epoch, loss, and this one loss, validation_loss; exp"),
        (held_out, {}, "has the figures epoch, loss, validation_loss, and this one loss; exp"),
        ({}, {"loss": "hinge"}, "and this one loss, accuracy; exp"),
    ]
    for before, after, message in cases:
        state = fit(MLP(1, 1), INPUTS, TARGETS, epochs=3, learning_rate=0.01, **before)
        model = MLP(1, 1, seed=3)
        steps, start = GradientDescent(model.parameters(), 0.3), model.state_dict()
        with pytest.raises(ArgumentError, match=message):
            fit(
                model, INPUTS, TARGETS, optimizer=steps, resume=state.training.state_dict(), **after
            )
        assert (steps.learning_rate, model.state_dict()) == (0.3, start)
    steps = Momentum(model.parameters(), 0.3)
    state = fit(MLP(1, 1), INPUTS, TARGETS, epochs=3, learning_rate=0.01).training.state_dict()
    with pytest.raises(ArgumentError, match="the state of Momentum has"):
        fit(model, INPUTS, TARGETS, optimizer=steps, resume=state)
    assert steps.learning_rate == 0.3


def test_fewer_epochs_than_were_done_are_nothing_to_do():
    done = fit(MLP(1, 1), INPUTS, TARGETS, epochs=5)
    fewer = fit(MLP(1, 1), INPUTS, TARGETS, epochs=3, resume=done.training.state_dict())
    assert fewer.rows == done.rows
    assert fewer.message == "nothing to do: 5 epochs were done before, and 3 were asked for"
    same = fit(MLP(1, 1), INPUTS, TARGETS, epochs=5, resume=done.training.state_dict())
    assert same.message == "completed 5 epochs"


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("loss", [*LOSSES, "own"])
def test_compiled_training_takes_the_same_steps(loss, batch_size):
    data = blobs(60, seed=1)
    targets = list(data.targets)
    if loss == "hinge":
        targets = [1 if t else -1 for t in targets]
    elif loss == "binary_cross_entropy":
        targets = [float(t > 0) for t in targets]
    nouts = 3 if loss == "cross_entropy" else 1

    def own(predictions, wanted):
        return mse(predictions, wanted) + 0.1 * sum(p * p for p in predictions)

    chosen = own if loss == "own" else loss
    histories, models = [], []
    for compiled in (False, True):
        models.append(MLP(2, [4, nouts], activation="tanh", seed=0))
        histories.append(
            fit(
                models[-1], data.inputs, targets, loss=chosen, learning_rate=0.05, epochs=5,
                batch_size=batch_size, seed=0, validation=(data.inputs, targets), compiled=compiled,
            )
        )  # fmt: skip
    for eager, compiled in zip(*(history.rows for history in histories), strict=True):
        assert compiled == pytest.approx(eager, rel=1e-10)
    assert numbers(models[1]) == pytest.approx(numbers(models[0]), rel=1e-9)


def samples_for(loss):
    """Samples whose targets suit a loss, and how many outputs a model for it has."""
    data = blobs(30, seed=1)
    targets = {
        "hinge": [1 if t else -1 for t in data.targets],
        "binary_cross_entropy": [float(t > 0) for t in data.targets],
    }.get(loss, [*data.targets])
    return data.inputs, targets, 3 if loss == "cross_entropy" else 1


def train_both_ways(loss_of, loss, optimizer_of, **settings):
    """The histories and the trained numbers, eager and compiled; each with a fresh model."""
    inputs, targets, nouts = samples_for(loss)
    histories, trained = [], []
    for compiled in (False, True):
        model, own = MLP(2, [3, nouts], activation="tanh", seed=0), Value(0.5, label="own")
        steps = optimizer_of([*model.parameters(), own])
        histories.append(
            fit(
                model, inputs, targets, loss=loss_of(model, own), optimizer=steps, epochs=4, seed=0,
                compiled=compiled, **settings,
            )
        )  # fmt: skip
        trained.append([p.data for p in steps.parameters])
    return histories, trained


class SignDescent(Optimizer):
    """One of your own, which looks at each gradient."""

    def change(self, gradient, learning_rate):
        return (math.copysign(learning_rate, gradient) if abs(gradient) > 1e-3 else 0.0,)


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("kind", [GradientDescent, Momentum, Adam, SignDescent])
@pytest.mark.parametrize("loss", LOSSES)
def test_compiled_training_trains_all_that_the_optimizer_holds(loss, kind, batch_size):
    """A loss of one's own around each of ours, with decay and a parameter that no model has."""

    def change_momentum(history):
        history.training.optimizer.momentum = 0.5 + 0.1 * len(history)

    def loss_of(model, own):
        def decay(predictions, targets):
            weights = sum(w * w for w in model.parameters())
            return LOSSES[loss](predictions, targets) * (-own).exp() + own + 0.01 * weights

        return decay

    histories, trained = train_both_ways(
        loss_of,
        loss,
        lambda ps: kind(ps, exponential_decay(0.05, 0.95), weight_decay=0.1),
        batch_size=batch_size,
        callbacks=[change_momentum],
    )
    assert trained[0][-1] != 0.5
    assert trained[1] == pytest.approx(trained[0], rel=1e-8, abs=1e-12)
    for eager, compiled in zip(*(history.rows for history in histories), strict=True):
        assert compiled == pytest.approx(eager, rel=1e-8)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_spread_that_is_learned_is_that_of_the_residuals(compiled):
    model, log_spread = MLP(1, 1, seed=0), Value(0.0)
    targets = [-1.5, 1.5, 2.5, 5.5]

    def likelihood(predictions, wanted):
        return mse(predictions, wanted) * (-2 * log_spread).exp() / 2 + log_spread

    steps = GradientDescent([*model.parameters(), log_spread], 0.1)
    fit(model, INPUTS, targets, loss=likelihood, optimizer=steps, epochs=2000, compiled=compiled)
    residual = mse([model(x) for x in INPUTS], targets).data
    assert log_spread.data == pytest.approx(math.log(residual) / 2, abs=1e-6)


def test_compiled_training_leaves_alone_what_the_optimizer_does_not_hold():
    model = MLP(1, [2, 1], seed=0)
    first, last = model.layers
    before = [p.data for p in first.parameters()]
    fit(model, INPUTS, TARGETS, optimizer=GradientDescent(last.parameters(), 0.1), compiled=True)
    assert [p.data for p in first.parameters()] == before


@pytest.mark.parametrize(("loss", "size"), [("mse", 70), ("binary_cross_entropy", 70), ("mse", 50)])
def test_compiled_training_takes_one_program_for_batches_of_any_size(loss, size):
    inputs = [[i / 90 - 1.0] for i in range(180)]
    targets = [float(x > 0.25) for (x,) in inputs]
    rows, steps = [], []
    for compiled in (True, False):
        model = MLP(1, 1, seed=0)
        settings = {"loss": loss, "epochs": 2, "batch_size": size, "seed": 0, "compiled": compiled}
        steps_of = Adam(model.parameters(), cosine(0.1, 6))
        history = fit(model, inputs, targets, optimizer=steps_of, **settings)
        rows.append([x for row in history.rows for x in row.values()])
        steps += [history.training.samples._step.program] if compiled else []
    assert rows[0] == pytest.approx(rows[1], rel=1e-9)
    assert len(steps[0].variants) == 1


@pytest.mark.parametrize("loss", ["cross_entropy", lambda p, t: cross_entropy(p, t) + 0])
def test_a_class_that_is_none_does_not_train(loss):
    inputs, targets = [[0.0], [1.0], [2.0]], [0, 1, 7]
    history = fit(MLP(1, 2, seed=0), inputs, targets, loss=loss, compiled=True)
    assert (history.status, "the loss is nan" in history.message) == ("diverged", True)


@pytest.mark.parametrize("inputs", [[{"a": 1.0}] * 2, [[1.0], [1.0, 2.0]], [["one"]] * 2])
def test_rows_that_are_no_arrays_are_not_compiled(inputs):
    """Though models of one's own may take them."""
    with pytest.raises(ArgumentError, match=r"compiled=True expected inputs .* leave it out"):
        fit(MLP(1, 1, seed=0), inputs, [1.0, 2.0], compiled=True)


def test_without_shuffle_batches_are_taken_as_they_stand():
    rows = []

    class Watched(MLP):
        def __call__(self, x):
            rows.append(x[0])
            return super().__call__(x)

    for compiled in (False, True):
        model, other = Watched(1, 1, seed=0), MLP(1, 1, seed=0)
        history = fit(
            model, INPUTS, TARGETS, epochs=3, batch_size=3, shuffle=False, compiled=compiled
        )
        for _ in range(3):
            for batch in (slice(0, 3), slice(3, 4)):
                other.zero_grad()
                mse([other(x) for x in INPUTS[batch]], TARGETS[batch]).backward()
                GradientDescent(other.parameters(), 0.1).step()
        assert numbers(model) == pytest.approx(numbers(other), rel=1e-12)
        assert history.status == "completed"
    assert rows[4:12] == [-1.0, 0.0, 1.0, 2.0, -1.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("epochs", [5, 20, 100])
def test_a_loss_that_ends_far_above_its_start_has_diverged(epochs, compiled):
    model = MLP(1, 1, seed=0)
    before = numbers(model)
    history = fit(model, INPUTS, TARGETS, learning_rate=2.0, epochs=epochs, compiled=compiled)
    losses = history.column("loss")
    assert history.status == "diverged"
    assert history.message == (
        f"diverged in epoch {epochs}: the loss has grown from {losses[0]:.4g} to {losses[-1]:.4g}"
    )
    assert numbers(model) == before
    assert fit(model, INPUTS, TARGETS, learning_rate=0.1, epochs=epochs).status == "completed"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adam"}, "optimizer is 'adam'; expected one that has the parameters"),
        ({"optimizer": Adam}, "expected one that has the parameters, such as optim.Adam"),
        ({"lr": 0.1}, "both optimizer and learning_rate were given"),
        ({"optimizer": Adam(MLP(1, 1).parameters(), 0.1)}, "none of the model's parameters"),
    ],
)
def test_an_optimizer_has_the_parameters_and_the_rate(settings, message):
    model = MLP(1, 1)
    steps = {"optimizer": GradientDescent(model.parameters(), 0.1)}
    with pytest.raises(ArgumentError, match=message):
        fit(model, [[0.0]], [1.0], **steps | settings)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("loss", ["mse", "binary_cross_entropy"])
def test_a_model_with_several_outputs_has_a_target_for_each(loss, compiled):
    inputs = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    model = MLP(2, [2], seed=0)  # each output copies an input
    history = fit(model, inputs, inputs, loss=loss, epochs=300, lr=1.0, compiled=compiled)
    assert history.rows[-1]["loss"] < 0.05
    assert history.rows[-1].get("accuracy", 1.0) == 1.0
