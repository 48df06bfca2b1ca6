"""Mixup, CutMix, erasing and a choice of frames again, one sample at a time in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mixed(x: Floats, partner: Floats, drawn: Floats) -> Floats:
    """Return a sample `[*, H, W]` mixed with its partner: by their parts, or by a rectangle."""
    _, part, row, column, rows, columns = drawn
    y = (1 - part) * x + part * partner
    for down in range(int(row), int(row + rows)):
        for right in range(int(column), int(column + columns)):
            y[..., down, right] = partner[..., down, right]
    return y


def probabilities(label: int, of_partner: int, part: float, classes: int) -> Floats:
    y = np.zeros(classes)
    y[label] += 1 - part
    y[of_partner] += part
    return y


def erased(x: Floats, rectangle: NDArray[np.int64], fill: Floats) -> Floats:
    """Return a sample `[*, C, H, W]` with a rectangle of some colour."""
    y, (row, column, rows, columns) = x.copy(), rectangle
    for down in range(row, row + rows):
        for right in range(column, column + columns):
            y[..., down, right] = fill
    return y


def chosen(x: Floats, length: int, count: int, u: Floats) -> Floats:
    """Return a sequence `[T, *]` with the `count` valid steps of the smallest numbers, in their order, then zeros."""
    kept = sorted(sorted(range(length), key=lambda step: u[step])[:count])
    y = np.zeros((count, *x.shape[1:]))
    y[: len(kept)] = x[kept]
    return y
