"""Repeatable runs: seeded random numbers, and operations with the same result each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from snntrain.errors import UserError
from snntrain.process import cublas


def seed_everything(seed: int) -> None:
    """Seed the random numbers of Python, NumPy and PyTorch, on all devices."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  a user's own module may draw from the global generator
    torch.manual_seed(seed)


@contextmanager
def repeatable_draws(device: torch.device) -> Iterator[None]:
    """Give PyTorch the same random numbers in each such block, and restore its generators afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Refuse operations that are not reproducible to the bit while the block runs, if `wanted`."""
    if not wanted:
        yield
        return
    # The command line has done this already; another program that calls the function may not have.
    cublas.reserve_workspace()
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def check_deterministic(device: torch.device) -> None:
    """Check that a deterministic run is possible on a device.

    Raises:
        UserError: the environment gives cuBLAS a workspace with which results differ from run to run.
    """
    if device.type == "cuda" and (own := cublas.unsuitable()) is not None:
        raise UserError(
            f"trainer.deterministic=true: {cublas.VARIABLE}={own} in the environment makes matrix products on a "
            f"GPU differ from run to run; unset it, or set it to {' or '.join(cublas.REPRODUCIBLE)}"
        )
