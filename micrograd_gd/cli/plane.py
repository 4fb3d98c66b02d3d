"""The plane of two features, drawn in text: where each class is answered, and the rows."""

from collections.abc import Sequence

from micrograd_gd.cli.experiment import Experiment
from micrograd_gd.viz.plots.figure import spread

GROUND = ".:-=~"  # of the answers, by class
MARKS = "oxvzw"  # of the rows, by class; a capital is answered wrongly
COLUMNS, LINES = 60, 20


def draw_plane(experiment: Experiment) -> list[str]:
    """The lines of the picture, the second feature upward; none for more classes than marks."""
    dataset, predict = experiment.dataset, experiment.predictor.predict
    names = dataset.class_names or ()
    if len(names) > len(MARKS):
        return []
    x, y = zip(*dataset.inputs, strict=True)
    across, up = spread(x, COLUMNS, 0.05), spread(y, LINES, 0.05)
    answers = map(str, predict([[a, b] for b in up for a in across]))
    ground = [GROUND[names.index(answer)] for answer in answers]
    answered = predict(dataset.inputs)
    marks = [
        MARKS[target] if names[target] == answer else MARKS[target].upper()
        for target, answer in zip(map(int, dataset.targets), answered, strict=True)
    ]
    for a, b, mark in sorted(zip(x, y, marks, strict=True), key=lambda row: row[2].isupper()):
        ground[_nearest(up, b) * COLUMNS + _nearest(across, a)] = mark
    lines = ["".join(ground[i : i + COLUMNS]) for i in range(0, len(ground), COLUMNS)]
    kinds = [
        f"{mark} on {below} {name}" for name, mark, below in zip(names, MARKS, GROUND, strict=False)
    ]
    first, second = dataset.feature_names
    return [
        "",
        f"{second} over {first}: {', '.join(kinds)}; wrong answers in capitals",
        *reversed(lines),
    ]


def _nearest(points: Sequence[float], x: float) -> int:
    return min(range(len(points)), key=lambda i: abs(points[i] - x))
