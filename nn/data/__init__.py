"""Data to learn from, and what is done to it first.

made, from a seed ............. moons, circles, spirals, xor, blobs; sine, to predict numbers
shipped ....................... digits
your own ...................... read_csv; read_csv_regression, to predict numbers
prepared ...................... split, standardise, one_hot, batches

Every source gives a ``Dataset``: examples as rows of floats, what to predict of each, and the names. What prepares data takes
Datasets and plain arrays alike.

>>> train, held_out = standardise(*split(moons(rng=0), rng=0))
>>> train
Dataset(160 examples of 2 features, 2 classes: upper 85, lower 75)
>>> [len(labels) for x, labels in batches(train, size=64, rng=0)]
[64, 64, 32]
"""

from .dataset import Dataset
from .made import blobs, circles, moons, sine, spirals, xor
from .prepared import batches, one_hot, split, standardise
from .read import read_csv, read_csv_regression
from .shipped import digits

__all__ = [
    "Dataset", "batches", "blobs", "circles", "digits", "moons", "one_hot", "read_csv", "read_csv_regression", "sine",
    "spirals", "split", "standardise", "xor",
]  # fmt: skip
