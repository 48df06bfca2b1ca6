"""Where a run computes, and which process of it writes files: the one place that knows."""

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
    """The device of this process, and its place among the processes of the run."""

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

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
