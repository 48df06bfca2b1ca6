"""Mean and standard deviation of the intensities of a split."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snntrain.data.dataset import ImageTensors, Split, lengths_of
from snntrain.data.workers import stack

# Samples that are read at a time.
AT_A_TIME = 256
# The numbers are rounded: processors of different types add up in a different order.
DIGITS = 6


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of the intensity of each channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def statistics(split: Split, scale: float) -> Statistics:
    """Return the statistics of a split, each rounded to six digits; a channel that never changes has deviation 1.

    All units of a sequence `[T, units]` are one channel. Padding is left out.

    Args:
        split: the samples.
        scale: divides the stored numbers to give intensities.
    """
    lengths = lengths_of(split)
    count: float = 0
    total: NDArray[np.float64] = np.zeros(1)
    squares: NDArray[np.float64] = np.zeros(1)
    # The difference from the first number is small: no digits are lost to a great mean.
    origin = _by_channel(_some(split, 0, 1), None)[:, :1].astype(np.float64)
    for start in range(0, len(split), AT_A_TIME):
        stop = min(start + AT_A_TIME, len(split))
        numbers = _by_channel(_some(split, start, stop), None if lengths is None else lengths[start:stop].numpy())
        # float64 holds the sums of bytes exactly.
        difference = numbers.astype(np.float64) - origin
        count += difference.shape[1]
        total = total + difference.sum(axis=1)
        squares = squares + np.square(difference).sum(axis=1)
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0)
    means = (mean + origin[:, 0]) / scale
    deviations = np.sqrt(variance) / scale
    return Statistics(tuple(map(_rounded, means)), tuple(_rounded(std) or 1.0 for std in deviations))


def _some(split: Split, start: int, stop: int) -> torch.Tensor:
    return split.images[start:stop] if isinstance(split, ImageTensors) else stack(split, range(start, stop))


def _by_channel(samples: torch.Tensor, lengths: NDArray[np.int64] | None) -> NDArray[np.generic]:
    """Return all numbers of each channel, `[C, *]`.

    Args:
        samples: images `[N, C, H, W]`, or sequences `[N, T, C, H, W]` or `[N, T, units]`.
        lengths: valid time steps of each sequence, `[N]`; None for all.
    """
    numbers: NDArray[np.generic] = samples.numpy()
    if numbers.ndim == 4:
        return numbers.swapaxes(0, 1).reshape(numbers.shape[1], -1)
    if lengths is None:
        steps = numbers.reshape(-1, *numbers.shape[2:])
    else:
        steps = numbers[np.arange(numbers.shape[1]) < lengths[:, None]]
    return steps.reshape(1, -1) if steps.ndim == 2 else steps.swapaxes(0, 1).reshape(steps.shape[1], -1)


def _rounded(number: float) -> float:
    return round(float(number), DIGITS - 1 - math.floor(math.log10(abs(number)))) if number else 0.0
