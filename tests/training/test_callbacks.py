"""What may happen after each epoch, and that it happens at the right one."""

import math

import pytest

from micrograd_gd import MLP, fit, load, save
from micrograd_gd.errors import ArgumentError
from micrograd_gd.persist.checkpoints import BestCheckpoint, Checkpoint
from micrograd_gd.training.callbacks import (
    EarlyStopping,
    LearningRateSchedule,
    Log,
    ReduceOnPlateau,
)
from micrograd_gd.training.predictor import Predictor

INPUTS = [[-1.0], [0.0], [1.0], [2.0]]
TARGETS = [-1.0, 1.0, 3.0, 5.0]


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


def train(*callbacks, model=None, **options):
    model = model or MLP(1, 1, seed=0)
    options = {"learning_rate": 0.1, "epochs": 30, "seed": 0, "progress": False, **options}
    return fit(model, INPUTS, TARGETS, callbacks=callbacks, **options)


def rising(history):
    """A figure that falls until epoch 5 and then rises."""
    history.rows[-1]["figure"] = abs(len(history) - 6) + 1.0


def note(into):
    return lambda history: into.append(numbers(history.training.model))


def test_early_stopping_goes_back_to_the_best_epoch():
    seen = []
    history = train(rising, note(seen), EarlyStopping(4, monitor="figure"))
    assert (history.status, len(history)) == ("stopped", 10)
    assert history.message == (
        "stopped early: figure was best in epoch 5, 1, and not better in the 4 epochs since"
    )
    assert numbers(history.training.model) == seen[5] != seen[9]


def test_early_stopping_watches_the_validation_if_there_is_any():
    held_out = ([[0.0]], [-100.0])  # which no line through the others meets
    history = train(EarlyStopping(2), validation=held_out)
    losses = history.column("validation_loss")
    assert history.status == "stopped"
    assert losses.index(min(losses)) == len(losses) - 3
    assert "validation_loss was best" in history.message
    assert train(EarlyStopping(2)).status == "completed"


def test_an_accuracy_is_to_rise():
    def figures(history):
        history.rows[-1]["accuracy"] = min(len(history), 4) / 10

    history = train(figures, EarlyStopping(3, monitor="accuracy"))
    assert (history.status, len(history)) == ("stopped", 7)


def test_a_small_improvement_is_none():
    history = train(EarlyStopping(5, min_improvement=100.0))
    assert (history.status, len(history)) == ("stopped", 6)


def test_the_best_checkpoint_is_the_model_of_the_best_epoch(tmp_path):
    seen = []
    train(rising, note(seen), BestCheckpoint(tmp_path / "best.json", monitor="figure"), epochs=9)
    assert numbers(load(tmp_path / "best.json")) == seen[5]
    model = MLP(1, 1, seed=0)
    predictor = Predictor(model, feature_names=("x",))
    train(BestCheckpoint(tmp_path / "model.json", thing=predictor), model=model)
    assert load(tmp_path / "model.json").feature_names == ("x",)


@pytest.mark.parametrize("stop", [0, 1, 7])
def test_a_checkpoint_is_where_a_training_goes_on(tmp_path, stop):
    path = tmp_path / "run.json"

    def interrupt(history):
        if len(history) == stop + 1:
            raise KeyboardInterrupt

    whole = train(batch_size=3)
    cut = train(Checkpoint(path, seconds=0), interrupt, batch_size=3)
    assert cut.status == "interrupted"
    assert cut.training.state_dict() == load(path)
    resumed = train(resume=load(path), batch_size=3)
    assert resumed.rows == whole.rows
    assert numbers(resumed.training.model) == numbers(whole.training.model)


def test_what_a_callback_remembers_is_seen_again_in_a_resumed_run(tmp_path):
    def watch(**options):
        return train(rising, EarlyStopping(4, monitor="figure"), **options)

    whole, first = watch(), watch(epochs=7)
    save(first.training, tmp_path / "run.json")
    for state in (
        first.training.state_dict(),
        load(tmp_path / "run.json"),
        train(rising, epochs=3).training.state_dict(),
    ):
        resumed = watch(resume=state)
        assert (resumed.rows, resumed.message) == (whole.rows, whole.message)
        assert numbers(resumed.training.model) == numbers(whole.training.model)
    left = watch(resume=train(rising, epochs=7).training.state_dict())
    assert left.message == (
        f"{whole.message}; its parameters were not kept: the model stays as it is"
    )


def test_callbacks_begin_anew_with_every_run(tmp_path):
    def callbacks():
        return [
            EarlyStopping(4, monitor="figure"),
            BestCheckpoint(tmp_path / "best.json", monitor="figure"),
            ReduceOnPlateau(0.5, 2, monitor="figure"),
            Checkpoint(tmp_path / "run.json", seconds=1000),
        ]

    used = callbacks()
    train(rising, *used)
    (tmp_path / "best.json").unlink()
    (tmp_path / "run.json").unlink()

    def is_there(_history):
        assert (tmp_path / "run.json").exists()

    again = train(rising, *used, is_there, model=MLP(1, 1, seed=1))
    best = numbers(load(tmp_path / "best.json"))
    fresh = train(rising, *callbacks(), model=MLP(1, 1, seed=1))
    assert (again.rows, again.message) == (fresh.rows, fresh.message)
    assert numbers(again.training.model) == numbers(fresh.training.model) == best


@pytest.mark.parametrize("stop", range(1, 12))
def test_the_rate_is_reduced_in_the_same_epochs_of_a_resumed_run(stop):
    def rates(**options):
        seen = []
        plateau = ReduceOnPlateau(0.5, 3, monitor="figure")
        history = train(
            rising, plateau, lambda h: seen.append(h.training.optimizer.learning_rate), **options
        )
        return seen, history

    whole, _ = rates(epochs=14)
    first, cut = rates(epochs=stop)
    rest, _ = rates(epochs=14, resume=cut.training.state_dict())
    assert first + rest == whole


def test_a_training_that_was_stopped_early_goes_on_from_its_last_row():
    def watch(patience, **options):
        return train(rising, EarlyStopping(patience, monitor="figure"), **options)

    whole, first = watch(9), watch(4)
    state = first.training.state_dict()
    assert state["parameters"] != numbers(first.training.model)  # which are the best
    resumed = watch(9, resume=state)
    assert resumed.rows == whole.rows


def test_what_a_callback_does_to_the_parameters_is_part_of_the_state():
    def clip(history):
        for parameter in history.training.optimizer.parameters:
            parameter.data = min(parameter.data, 0.7)

    whole, first = train(clip, epochs=9), train(clip, epochs=4)
    assert train(clip, epochs=9, resume=first.training.state_dict()).rows == whole.rows


def test_checkpoints_are_saved_no_more_often_than_asked(tmp_path):
    def rows_in_file(seconds):
        seen = []
        count = lambda _: seen.append(len(load(tmp_path / "run.json")["rows"]))  # noqa: E731 — one line
        train(Checkpoint(tmp_path / "run.json", seconds=seconds), count, epochs=3)
        return seen

    assert rows_in_file(1000) == [1, 1, 1, 1]
    assert rows_in_file(0) == [1, 2, 3, 4]


def test_the_last_checkpoint_is_of_the_end(tmp_path):
    history = train(Checkpoint(tmp_path / "run.json"))
    assert load(tmp_path / "run.json") == history.training.state_dict()
    train(Checkpoint(tmp_path / "none.json"), epochs=2, loss=lambda p, t: p[0] * math.inf)
    assert not (tmp_path / "none.json").exists()


def test_a_log_has_the_signature_of_trackers():
    calls = []

    class Tracker:
        def log(self, data, step=None):
            calls.append((data, step))

    history = train(Log(Tracker().log, prefix="train/"), epochs=3)
    assert calls == [({"train/loss": row["loss"]}, row["epoch"]) for row in history]


def test_a_schedule_by_epochs_sets_the_rate_of_the_next_one():
    by_epoch = train(LearningRateSchedule(lambda e: 0.1 / (e + 1)), learning_rate=1.0, epochs=5)
    by_step = train(learning_rate=lambda step: 0.1 / (step + 1), epochs=5)
    assert by_epoch.rows == by_step.rows
    with pytest.raises(ArgumentError, match="learning_rate"):
        train(LearningRateSchedule(lambda _: 0.0))


def test_the_rate_is_reduced_on_a_plateau_and_the_state_keeps_it():
    seen = []
    history = train(
        rising,
        ReduceOnPlateau(0.5, 3, monitor="figure"),
        lambda history: seen.append(history.training.optimizer.learning_rate),
        epochs=12,
    )
    assert seen == [0.1] * 8 + [0.05] * 3 + [0.025] * 2
    assert history.training.state_dict()["learning_rate"] == 0.025
    with pytest.raises(ArgumentError, match="the learning rate is a schedule; expected a number"):
        train(rising, ReduceOnPlateau(0.5, 3, monitor="figure"), learning_rate=lambda _: 0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping(0), "patience is 0; expected a whole number, at least 1"),
        (lambda: EarlyStopping(min_improvement=-1.0), "min_improvement is -1.0"),
        (lambda: ReduceOnPlateau(1.5), "factor is 1.5; expected a number between 0 and 1"),
        (lambda: ReduceOnPlateau(patience=1.5), "patience is 1.5"),
        (lambda: Checkpoint("x", seconds=-1.0), "seconds is -1.0; expected a finite number"),
        (lambda: Checkpoint("x", seconds=math.nan), "seconds is nan; expected a finite number"),
        (lambda: train(EarlyStopping(monitor="speed")), "no figure 'speed' to monitor; expected"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
