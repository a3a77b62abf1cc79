"""Layers, from one perceptron to convolutions.

A layer is made of Values (each scalar visible) or, with ``kind=Tensor``, of Tensors (fast), and gives an array of Values, or a
Tensor. A layer without parameters takes both.

perceptrons ................. Perceptron, Dense
one after the other ......... Sequential, MLP
with a way round ............ Residual
images ...................... Conv2d, MaxPool2d, AvgPool2d, Flatten
normalisation ............... BatchNorm, LayerNorm
regularisation .............. Dropout
rows by number .............. Embedding
"""

from .containers import MLP, Residual, Sequential
from .convolution import AvgPool2d, Conv2d, Flatten, MaxPool2d
from .dense import Dense, Perceptron
from .dropout import Dropout
from .embedding import Embedding
from .normalisation import BatchNorm, LayerNorm

__all__ = [
    "MLP", "AvgPool2d", "BatchNorm", "Conv2d", "Dense", "Dropout", "Embedding", "Flatten", "LayerNorm", "MaxPool2d",
    "Perceptron", "Residual", "Sequential",
]  # fmt: skip
