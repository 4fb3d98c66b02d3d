"""Data sets to learn from, and reading them from files."""

from micrograd_gd.data.chunks import read_chunks
from micrograd_gd.data.datasets import (
    Dataset,
    iris,
    read_csv,
    read_features,
    train_test_split,
)
from micrograd_gd.data.scaling import Scaling, standardize
from micrograd_gd.data.shapes import blobs, circles, moons, spiral
from micrograd_gd.names import close_module

__all__ = [
    "Dataset",
    "Scaling",
    "blobs",
    "circles",
    "iris",
    "moons",
    "read_chunks",
    "read_csv",
    "read_features",
    "spiral",
    "standardize",
    "train_test_split",
]

close_module(__name__)
