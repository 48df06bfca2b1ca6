"""Changes of the events that the counts of frames stand for."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.augment.noise import noise


def drop(counts: Tensor, share: Tensor, seed: Tensor) -> Tensor:
    """Leave out a share of the events.

    A single event is left out with the probability `share`. A count n of several events becomes n (1 - share), rounded
    up or down at random so that this is its mean. (Dropping each of the n events by itself would have the same mean and
    a greater variance, and needs n random numbers.)

    Args:
        counts: events, uint8 `[N, T, *]`.
        share: in [0, 1), `[N]`.
        seed: whole numbers below 2^24, int64 `[2, N]`; they decide which events are left out, on every device the same.
    """
    kept = (1 - share).view(-1, *[1] * (counts.ndim - 1))
    fraction = noise(seed, counts.shape[1:].numel()).view_as(counts)
    return (counts * kept).add_(fraction).floor_().to(counts.dtype)


def flip_polarity(x: Tensor, flipped: Tensor) -> Tensor:
    """Exchange the two channels of some samples.

    Args:
        x: `[N, T, 2, H, W]`.
        flipped: which samples, bool `[N]`.
    """
    return torch.where(flipped.view(-1, 1, 1, 1, 1), x.flip(2), x)
