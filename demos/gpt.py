"""A GPT in scalar arithmetic: it reads words letter by letter, and then invents some of its own.

One layer of a transformer, 16 numbers wide, with four heads: about 4,200 parameters. `jit` compiles
it with its gradient, once for each length of a word; with `--eager`, every step records its graph
and walks back through it, and the losses are the same.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from operator import add
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from micrograd_gd import Value, jit, value_and_grad
from micrograd_gd.functional import dot, logsumexp, mean, relu, softmax, sqrt
from micrograd_gd.transforms import trees

CONTEXT, WIDTH, HEADS = 16, 16, 4  # positions, numbers at each, and parts that a head sees
LEARNING_RATE, BETA1, BETA2 = 0.01, 0.9, 0.99  # of Adam; the rate falls to 0 in a straight line
TEMPERATURE = 0.7  # below 1, likely letters are chosen more often than the model says
WORDS = Path(__file__).with_name("words.txt")
MOST_LETTERS = 200  # each of them makes the programs longer

Row = Sequence[Any]  # of numbers, be they floats or values
Weights = dict[str, Any]  # matrices, with a row for each number of the result


def logits(weights: Weights, rows: Sequence[Row]) -> list[Row]:
    """For each position, a score of each letter as the next one; a row is an embedded letter."""
    keys, values, scores = [], [], []
    for row in rows:
        seen = attend(weights, normalize(row), keys, values)
        x = [*map(add, row, linear(weights["project"], seen))]
        hidden = [relu(h) for h in linear(weights["widen"], normalize(x))]
        x = [*map(add, x, linear(weights["narrow"], hidden))]
        scores.append(linear(weights["read"], normalize(x)))
    return scores


def attend(weights: Weights, x: Row, keys: list[Row], values: list[Row]) -> Row:
    """What the heads see here and before; what later positions see of this one is appended."""
    query = linear(weights["query"], x)
    keys.append(linear(weights["key"], x))
    values.append(linear(weights["value"], x))
    size = len(query) // HEADS
    seen = []
    for start in range(0, len(query), size):
        head = slice(start, start + size)
        shares = softmax([dot(query[head], key[head]) / size**0.5 for key in keys])
        seen += [dot(shares, column) for column in zip(*[v[head] for v in values], strict=True)]
    return seen


def linear(matrix: Sequence[Row], x: Row) -> Row:
    """The matrix times x."""
    return [dot(row, x) for row in matrix]


def normalize(x: Row) -> Row:
    """The same direction, with squares that are 1 on average."""
    scale = 1 / sqrt(dot(x, x) / len(x) + 1e-5)
    return [each * scale for each in x]


def loss(weights: Weights, rows: Sequence[Row], targets: Sequence[Row]) -> Any:
    """The mean of -log p(next letter), where a target is 1 at that letter and 0 elsewhere."""
    pairs = zip(logits(weights, rows), targets, strict=True)
    return mean([logsumexp(scores) - dot(target, scores) for scores, target in pairs])


def record(weights: Weights, rows: np.ndarray, targets: np.ndarray) -> tuple[float, Any]:
    """The loss and its slopes for weights and rows, by a graph and a walk back through it."""
    numbers, structure = trees.flatten((weights, rows))
    leaves = [Value(x) for x in numbers]
    height = loss(*trees.unflatten(structure, leaves), targets.tolist())
    height.backward()
    return height.data, trees.unflatten(structure, [leaf.grad for leaf in leaves])


class Model:
    """The parameters, all in one array, and their optimizer, Adam."""

    def __init__(self, alphabet: str, seed: int, *, eager: bool = False) -> None:
        self.letters = ["", *alphabet]  # the first stands before and after every word
        self.rng = np.random.default_rng(seed)
        self.value_and_slopes = record if eager else jit(value_and_grad(loss, (0, 1)))
        self.logits = logits if eager else jit(logits)
        size = (2 * len(self.letters) + CONTEXT + 12 * WIDTH) * WIDTH
        self.parameters = self.rng.normal(0, 0.1, size)
        self.slopes, self.mean, self.mean_square = np.zeros((3, size))
        self.views, self.views_of_slopes = self.parts(self.parameters), self.parts(self.slopes)
        self.steps = 0

    def parts(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, Weights]:
        """Views of the array: the tables of letters and of positions, and the weights."""
        shapes = {
            "letters": (len(self.letters), WIDTH),
            "positions": (CONTEXT, WIDTH),
            **dict.fromkeys(("query", "key", "value", "project"), (WIDTH, WIDTH)),
            "widen": (4 * WIDTH, WIDTH),
            "narrow": (WIDTH, 4 * WIDTH),
            "read": (len(self.letters), WIDTH),
        }
        ends = np.cumsum([rows * columns for rows, columns in shapes.values()])
        pieces = zip(shapes.items(), np.split(numbers, ends[:-1]), strict=True)
        views = {name: piece.reshape(shape) for (name, shape), piece in pieces}
        return views.pop("letters"), views.pop("positions"), views

    def learn(self, word: str, rate: float) -> float:
        """Take one step down the loss of a word, and return that loss."""
        tokens = [self.letters.index(letter) for letter in ("", *word, "")][: CONTEXT + 1]
        before, after = tokens[:-1], tokens[1:]
        letters, positions, weights = self.views
        # Rows are looked up here, and letters become targets, so that a program serves all words.
        rows = letters[before] + positions[: len(before)]
        targets = np.eye(len(self.letters))[after]
        height, (slopes, slopes_of_rows) = self.value_and_slopes(weights, rows, targets)
        self.slopes[:] = 0
        letters, positions, weights = self.views_of_slopes
        np.add.at(letters, before, slopes_of_rows)
        positions[: len(before)] = slopes_of_rows
        for name, each in slopes.items():
            weights[name][:] = each
        self.steps += 1
        self.mean += (1 - BETA1) * (self.slopes - self.mean)
        self.mean_square += (1 - BETA2) * (self.slopes**2 - self.mean_square)
        mean_square = self.mean_square / (1 - BETA2**self.steps)
        step = self.mean / (1 - BETA1**self.steps) / (np.sqrt(mean_square) + 1e-8)
        self.parameters -= rate * step
        return height

    def invent(self) -> str:
        """A word, letter by letter as the scores have it."""
        letters, positions, weights = self.views
        weights = {name: each.tolist() for name, each in weights.items()}
        tokens = [0]
        for _ in range(CONTEXT):
            rows = letters[tokens] + positions[: len(tokens)]
            scores = self.logits(weights, rows.tolist())[-1]
            shares = softmax([score / TEMPERATURE for score in scores])
            tokens.append(int(self.rng.choice(len(shares), p=shares)))
            if tokens[-1] == 0:
                break
        return "".join(self.letters[token] for token in tokens)


def train(model: Model, words: list[str], steps: int) -> None:
    """Take so many steps, each by one word, and say how it goes."""
    order = model.rng.permutation(len(words))
    losses, seconds = [], defaultdict(list)
    for step in range(steps):
        word = words[order[step % len(words)]]
        began = perf_counter()
        losses.append(model.learn(word, LEARNING_RATE * (1 - step / steps)))
        seconds[min(len(word), CONTEXT - 1)].append(perf_counter() - began)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(f"step {step + 1:5}   loss {np.mean(losses[-100:]):.3f}", flush=True)
    if steps:
        first = [each[0] for each in seconds.values()]
        other = [second for each in seconds.values() for second in each[1:]]
        print(
            f"{steps} steps in {sum(first) + sum(other):.1f} s: the first of each length took "
            f"{sum(first):.1f} s in all, the others {1000 * median(other or first):.2f} ms each"
        )


def main() -> None:
    """Train on words, and print what the model invents then."""
    parser = argparse.ArgumentParser(usage="%(prog)s [options]", description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000, help="words to learn from (1000)")
    parser.add_argument("--samples", type=int, default=20, help="words to invent (20)")
    parser.add_argument("--seed", type=int, default=1, help="where the random numbers begin (1)")
    parser.add_argument("--text", type=Path, default=WORDS, help="a file of words, or any text")
    parser.add_argument("--eager", action="store_true", help="record every step, compile nothing")
    options = parser.parse_args()
    if min(options.steps, options.samples, options.seed) < 0:
        parser.error("--steps, --samples and --seed are at least 0")
    try:
        words = options.text.read_text(encoding="utf-8").lower().split()
    except (OSError, UnicodeError) as error:
        parser.error(f"--text cannot be read: {error}")
    alphabet = "".join(sorted(set("".join(words))))
    if not 0 < len(alphabet) <= MOST_LETTERS:
        parser.error(f"--text has {len(alphabet)} different letters, not 1 to {MOST_LETTERS}")
    model = Model(alphabet, options.seed, eager=options.eager)
    print(f"{len(words)} words, {len(alphabet)} letters, {model.parameters.size} parameters")
    train(model, words, options.steps)
    for _ in range(options.samples):
        print(model.invent())


if __name__ == "__main__":
    main()
