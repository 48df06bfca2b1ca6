"""The random numbers of a sample, by row."""

from __future__ import annotations

from enum import IntEnum

import torch
from torch import Tensor


class Row(IntEnum):
    """The use of each row of random numbers."""

    ANGLE = 0
    ZOOM = 1
    FLIP = 2
    PIXELS_X = 3
    PIXELS_Y = 4
    SHIFT_X = 5
    SHIFT_Y = 6
    # Newer rows.
    CHOICE = 7
    SHEAR = 8
    ROLL_X = 9
    ROLL_Y = 10
    CUTOUT = 11
    CUTOUT_X = 12
    CUTOUT_Y = 13
    CUT_STEPS = 14
    FIRST_STEP = 15
    DROP = 16
    DROPPED = 17
    DROPPED_TOO = 18
    POLARITY = 19


# Runs that began before the newer rows existed are resumed with the same numbers in these.
OLD = Row.SHIFT_Y + 1


def draw(n: int, generator: torch.Generator) -> Tensor:
    """Return uniform random numbers in [0, 1) for `n` samples, `[20, n]`.

    All are always drawn, so that one setting does not change the draws of another.

    Args:
        n: number of samples.
        generator: a CPU generator: the changes are then the same on every device.
    """
    old = torch.rand(OLD, n, generator=generator)
    return torch.cat([old, torch.rand(len(Row) - OLD, n, generator=generator)])


def whole_numbers(u: Tensor, count: int | Tensor) -> Tensor:
    """Return whole numbers from 0 to `count - 1`, int64, all with equal probability, from numbers in [0, 1)."""
    return (u * count).floor().long()
