"""Where a run computes, and what of it is reproducible: its device and its random numbers."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from snntrain.errors import UserError


@dataclass(frozen=True)
class Runtime:
    """The device of a run."""

    device: torch.device

    @property
    def device_name(self) -> str:
        """'cpu', or the name of the GPU."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"


def choose(device: str) -> Runtime:
    """The runtime for `trainer.device`: 'auto' is the GPU where there is one.

    Raises:
        UserError: a GPU that this machine does not have.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        device = "cuda" if gpus else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= gpus:
        usable = ", ".join(["cpu", *(f"cuda:{index}" for index in range(gpus))])
        raise UserError(f"trainer.device={device}: PyTorch finds no such GPU here; there are {usable}, or use auto")
    return Runtime(chosen)


def seed_everything(seed: int) -> None:
    """Seeds Python's, NumPy's and PyTorch's random numbers, on all devices."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  a user's own module may draw from the global generator
    torch.manual_seed(seed)


@contextmanager
def repeatable_draws(device: torch.device) -> Iterator[None]:
    """PyTorch's random numbers in the block are the same each time; after it they go on as if it had drawn none."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Refuses operations that are not reproducible to the bit while the block runs, if `wanted`."""
    if not wanted:
        yield
        return
    # cuBLAS reads this when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
