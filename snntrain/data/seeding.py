"""Random generators that are seeded by several numbers together: seed, epoch, batch, and the use of the draws."""

from __future__ import annotations

import numpy as np
import torch


def generator(*key: int) -> torch.Generator:
    """Return a CPU generator that is seeded by all numbers of `key` together."""
    (state,) = np.random.SeedSequence(key).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state))


def numpy_generator(*key: int) -> np.random.Generator:
    """Return NumPy's generator, which also draws from beta distributions, seeded by all numbers of `key` together.

    The last number must not be 0: a key and the same key with zeros behind it have the same draws.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
