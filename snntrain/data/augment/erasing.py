"""Random erasing (Zhong et al., 2020): a rectangle of each sample is filled."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.augment.frames import rectangle
from snntrain.data.augment.noise import noise
from snntrain.data.augment.selection import only

# The share of the picture, and the height divided by the width.
AREA = (0.02, 1 / 3)
ASPECT = (0.3, 1 / 0.3)
# A rectangle that does not fit is drawn again, this many times at most.
ATTEMPTS = 10
SEEDS = 2**24


def draw(rng: np.random.Generator, samples: int, size: tuple[int, int], probability: float) -> NDArray[np.int64]:
    """Draw the rectangle of each sample, and two seeds of its noise.

    Returns:
        First row, first column, rows, columns and seeds, `[samples, 6]`; no rows and columns for a sample that stays.

    Args:
        rng: draws the numbers.
        samples: number of samples.
        size: height and width in pixels.
        probability: share of the samples that have a rectangle.
    """
    made = rng.random(samples) < probability
    share = rng.uniform(*AREA, size=(samples, ATTEMPTS)) * size[0] * size[1]
    aspect = np.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1]), size=(samples, ATTEMPTS)))
    sides = np.stack([np.rint(np.sqrt(share * aspect)), np.rint(np.sqrt(share / aspect))], axis=-1).astype(np.int64)
    fits = np.all((sides > 0) & (sides <= size), axis=-1)
    chosen = sides[np.arange(samples), np.argmax(fits, axis=1)]
    chosen = np.where((made & np.any(fits, axis=1))[:, None], chosen, 0)
    first = np.floor(rng.random((samples, 2)) * (np.array(size) - chosen + 1)).astype(np.int64)
    return np.concatenate([first, chosen, rng.integers(SEEDS, size=(samples, 2))], axis=1)


def erase(x: Tensor, drawn: Tensor, fill: Tensor | None) -> Tensor:
    """Fill the rectangle of each sample, the same at all time steps. Nothing waits for the device.

    Args:
        x: intensities, float32 `[N, C, H, W]` or `[T, N, C, H, W]`.
        drawn: from `draw`, int64 `[N, 6]`, on the device of x.
        fill: value of each channel, `[C]`; None for uniform noise from 0 to 1.
    """
    inside = rectangle(*x.shape[-2:], *drawn[:, :4].unbind(1)).unsqueeze(1)
    if fill is None:
        shape = x.shape[-3:]
        dark = torch.zeros(len(drawn), shape.numel(), device=x.device)
        filled = only(drawn[:, 2] > 0, dark, lambda _, seeds: noise(seeds.T, shape.numel()), drawn[:, 4:])
        filled = filled.view(-1, *shape)
    else:
        filled = fill.view(-1, 1, 1)
    return torch.where(inside, filled, x)
