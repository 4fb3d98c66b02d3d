"""A neural network learns to tell two moons apart, by the plain gradient-descent step."""

from micrograd_gd import MLP, losses, no_grad
from micrograd_gd.data import moons

LEARNING_RATE = 1.0

inputs, targets = moons(100, noise=0.1, seed=1)  # points of two classes, 0 and 1
model = MLP(2, [16, 16, 1], seed=1)  # 2 inputs, two layers of 16 neurons, 1 score
print(model)


def accuracy() -> float:
    """The share of points whose score has the right sign."""
    with no_grad():
        right = [(model(x) > 0) == (target == 1) for x, target in zip(inputs, targets, strict=True)]
    return sum(right) / len(right)


for step in range(101):
    scores = [model(x) for x in inputs]  # forward: what does the network say?
    loss = losses.binary_cross_entropy(scores, targets)  # how wrong is that?
    if step % 20 == 0:
        print(f"step {step:3}   loss {loss.data:.3f}   accuracy {accuracy():.0%}")

    model.zero_grad()  # forget the last slopes
    loss.backward()  # backward: the slope of the loss for each parameter
    for p in model.parameters():
        p.data -= LEARNING_RATE * p.grad  # a small step against the slope

for height in range(8, -6, -1):  # the plane, as the network divides it
    with no_grad():
        row = [model([x / 8, height / 6]) for x in range(-12, 21)]
    print("".join("#" if score > 0 else "." for score in row))
