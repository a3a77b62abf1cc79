"""Data that comes with the package."""

from importlib import resources

import numpy as np

from .dataset import Dataset


def digits() -> Dataset:
    """1,797 images of handwritten digits, 8×8 pixels row by row, from 0 (white) to 1 (black).

    For an ``nn.Conv2d``, which takes images, ``data.x.reshape(-1, 1, 8, 8)``.

    Source: Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits* (UCI, 1998), CC BY 4.0.
    """
    with resources.files("nn").joinpath("datasets/digits.npz").open("rb") as file, np.load(file) as arrays:
        x, y = arrays["images"] / 16.0, arrays["labels"].astype(np.int64)
    names = tuple(f"pixel {row},{column}" for row in range(8) for column in range(8))
    return Dataset(x, y, names, tuple(str(digit) for digit in range(10)))
