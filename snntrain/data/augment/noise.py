"""Random numbers for every place of a sample, made on the device from two numbers of the host."""

from __future__ import annotations

import torch
from torch import Tensor

LOW = 0xFFFFFFFF
# Fractions of this many bits are exact beside counts up to 255.
BITS = 16


def noise(seed: Tensor, count: int) -> Tensor:
    """Return `count` uniform numbers in [0, 1) of 16 bits for each seed, float32 `[N, count]`; alike on every device.

    Args:
        seed: whole numbers below 2^24, int64 `[2, N]`.
        count: numbers per seed.
    """
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
