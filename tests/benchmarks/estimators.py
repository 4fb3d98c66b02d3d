"""The estimators at their defaults beside scikit-learn's network and linear models, on real data.

`python tests/benchmarks/estimators.py [SEEDS]` splits each of twelve sets SEEDS (10) times, into
three quarters to learn from and one to test on. Five sets come with scikit-learn; the others are
files in the packages statsmodels, palmerpenguins and vega_datasets, read as `train` reads them.
Printed are mean and spread of accuracy or R², and seconds of one processor for `fit` and `score`.
Columns are scaled for all; targets are not, as scikit-learn leaves them.
"""

import contextlib
import csv
import importlib.util
import json
import math
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # ours has one thread, too

import numpy as np
from job import tell
from sklearn import datasets
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from micrograd_gd.data.csv_files import read_csv_file
from micrograd_gd.data.decisions import Reading, prepare
from micrograd_gd.training.estimators import GradientDescentClassifier, GradientDescentRegressor

FRESH = 1000  # from here on no split was looked at while the defaults were chosen
SHIPPED = ["iris", "wine", "breast_cancer", "digits", "diabetes"]
SCHOOLS = """LOWINC PERASIAN PERBLACK PERHISP PERMINTE AVYRSEXP AVSALK PERSPENK PTRATIO PCTAF
PCTCHRT PCTYRRND"""
FILES = {
    "penguins": ("palmerpenguins/data/penguins.csv", {"target": "species"}),
    "weather": ("vega_datasets/_data/seattle-weather.csv", {"target": "weather"}),
    "votes": ("statsmodels/datasets/anes96/anes96.csv", {"target": "vote", "task": "classes"}),
    "marriages": (
        "statsmodels/datasets/fair/fair.csv",
        {"target": "rate_marriage", "task": "classes"},
    ),
    "cars": (
        "vega_datasets/_data/cars.json",
        {"target": "Miles_per_Gallon", "drop": ("Name",)},
    ),
    "schools": (
        "statsmodels/datasets/star98/star98.csv",
        {"target": "MATHTOT", "features": tuple(SCHOOLS.split())},
    ),
    "crime": (
        "statsmodels/datasets/statecrime/statecrime.csv",
        {"target": "violent", "drop": ("state", "murder")},
    ),
}


def read(name):
    """Inputs, targets, and whether these are numbers."""
    if name in SHIPPED:
        inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
        return inputs, targets, name == "diabetes"
    place, how = FILES[name]
    package, _, path = place.partition("/")
    found = importlib.util.find_spec(package)
    if found is None:
        raise ImportError(package)
    path = Path(found.submodule_search_locations[0], path)
    with tempfile.TemporaryDirectory() as folder:
        text = path.read_text(encoding="utf-8").replace("'", "")  # statsmodels quotes with these
        if path.suffix == ".json":
            rows = json.loads(text)
            path = Path(folder, "rows.csv")
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        else:
            path = Path(folder, path.name)
            path.write_text(text, encoding="utf-8")
        dataset = prepare(read_csv_file(path), Reading(**how)).dataset
    return np.array(dataset.inputs), np.array(dataset.targets), dataset.class_names is None


def measure(make, inputs, targets, seeds, *, has_numbers):
    """The scores on what was kept apart, and the seconds of a fit."""
    scores, used = [], 0.0
    for seed in range(FRESH, FRESH + seeds):
        kinds = None if has_numbers else targets
        learn, test, wanted, kept = train_test_split(
            inputs, targets, random_state=seed, stratify=kinds
        )
        began = time.process_time()
        scores.append(make(seed).fit(learn, wanted).score(test, kept))
        used += time.process_time() - began
    return np.array(scores), used / seeds


def main():
    warnings.simplefilter("ignore")  # scikit-learn's network has not converged
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    tell("| data | rows, columns | ours | network | linear | ours, s | network, s |")
    tell("|---|---|---|---|---|---|---|")
    behind, slower, count = [], [], 0
    for name in [*SHIPPED, *FILES]:
        try:
            inputs, targets, has_numbers = read(name)
        except ImportError as error:
            tell(f"{name}: not here (pip install {error})")
            continue
        ours, network, line = (
            (GradientDescentRegressor, MLPRegressor, LinearRegression)
            if has_numbers
            else (GradientDescentClassifier, MLPClassifier, LogisticRegression)
        )
        settings = {} if has_numbers else {"max_iter": 1000}
        makers = (
            lambda seed, ours=ours: ours(random_state=seed),
            lambda seed, net=network: make_pipeline(StandardScaler(), net(random_state=seed)),
            lambda _, line=line, how=settings: make_pipeline(StandardScaler(), line(**how)),
        )
        found = [measure(m, inputs, targets, seeds, has_numbers=has_numbers) for m in makers]
        cells = [f"{scores.mean():.3f} ± {scores.std():.3f}" for scores, _ in found]
        times = [f"{used:.2f}" for _, used in found[:2]]
        shape = f"{len(inputs)}, {len(inputs[0])}"
        tell(f"| {name} | {shape} | {' | '.join([*cells, *times])} |")
        (own, used), (other, its), (linear, _) = found
        best = max(other, linear, key=np.mean)
        noise = math.hypot(own.std(), best.std()) / math.sqrt(2)
        behind += [name] if own.mean() < best.mean() - noise else []
        slower += [name] if used > its else []
        count += 1
    tell(f"\nof {count}, behind the better one by more than the spread: {behind or 'none'}")
    tell(f"more seconds than scikit-learn's network: {slower or 'none'}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
