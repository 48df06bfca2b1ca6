"""Changes of the events that the counts of frames stand for."""

from __future__ import annotations

import torch
from torch import Tensor

LOW = 0xFFFFFFFF
# Fractions of this many bits are exact beside counts up to 255.
BITS = 16


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
    fraction = _noise(seed, counts.shape[1:].numel()).view_as(counts)
    return (counts * kept).add_(fraction).floor_().to(counts.dtype)


def flip_polarity(x: Tensor, flipped: Tensor) -> Tensor:
    """Exchange the two channels of some samples.

    Args:
        x: `[N, T, 2, H, W]`.
        flipped: which samples, bool `[N]`.
    """
    return torch.where(flipped.view(-1, 1, 1, 1, 1), x.flip(2), x)


def _noise(seed: Tensor, count: int) -> Tensor:
    """Return `count` uniform numbers in [0, 1) of 16 bits for each seed, float32 `[N, count]`."""
    of_sample = _scrambled(_scrambled(seed[0]) ^ seed[1])
    of_place = _scrambled(torch.arange(count, device=seed.device))
    bits = _scrambled(of_place ^ of_sample.unsqueeze(1)) >> (32 - BITS)
    return bits.to(torch.float32).mul_(2.0**-BITS)


def _scrambled(x: Tensor) -> Tensor:
    """Return a hash of whole numbers below 2^32, of 32 bits: bits are mixed by shifts and odd factors.

    The factors are below 2^31, so that no product exceeds 63 bits.
    """
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & LOW
    x = ((x ^ (x >> 15)) * 0x31848BAB) & LOW
    return x ^ (x >> 16)
