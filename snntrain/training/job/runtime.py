"""Where a run computes, and what of it is reproducible: its device and its random numbers."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from snntrain.config.rules import UNSUPPORTED
from snntrain.errors import UserError
from snntrain.process import cublas

log = logging.getLogger("snntrain")


@dataclass(frozen=True)
class Runtime:
    """The device of a run.

    Args:
        device: where it computes.
        passed_over: one line on a device that `auto` did not take, and why; '' if there is none.
    """

    device: torch.device
    passed_over: str = ""

    @property
    def device_name(self) -> str:
        """'cpu', or the name of the GPU."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

    @property
    def untested(self) -> str:
        """What has not been tried on this device, in a line; '' on a CPU and on NVIDIA's GPUs."""
        if self.device.type != "cuda" or torch.version.hip is None:
            return ""
        return (
            f"{self.device} is an AMD GPU (ROCm {torch.version.hip}), on which snntrain is untested: compare a short "
            "run with one of trainer.device=cpu"
        )

    def tell(self) -> None:
        """Log what a user should know of the device: once a run."""
        if self.passed_over:
            log.info("%s", self.passed_over)
        if self.untested:
            log.warning("%s", self.untested)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make this GPU the current CUDA device while the block runs; nothing on a CPU.

        New streams, recorded graphs and tensors of `device="cuda"` belong to the current one.
        """
        if self.device.type != "cuda":
            yield
            return
        with torch.cuda.device(self.device):
            yield

    def check_repeatable(self) -> None:
        """Check that a deterministic run is possible here.

        Raises:
            UserError: the environment gives cuBLAS a working memory with which results differ from run to run.
        """
        if self.device.type == "cuda" and (own := cublas.unsuitable()) is not None:
            raise UserError(
                f"trainer.deterministic=true: {cublas.VARIABLE}={own} in the environment makes matrix products on a "
                f"GPU differ from run to run; unset it, or set it to {' or '.join(cublas.REPRODUCIBLE)}"
            )


def choose(device: str) -> Runtime:
    """The runtime for `trainer.device`: 'auto' is the current GPU of NVIDIA or AMD, else the CPU.

    Raises:
        UserError: a GPU that this machine does not have.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return Runtime(torch.device("cuda")) if gpus else Runtime(torch.device("cpu"), _passed_over())
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= gpus:
        usable = ", ".join(["cpu", *(f"cuda:{index}" for index in range(gpus))])
        raise UserError(f"trainer.device={device}: PyTorch finds no such GPU here; there are {usable}, or use auto")
    return Runtime(chosen)


def _passed_over() -> str:
    """A device of another kind that PyTorch could use here, and why no run does."""
    other = torch.accelerator.current_accelerator(check_available=True)
    if other is None or other.type in ("cpu", "cuda"):
        return ""
    why = UNSUPPORTED.get(other.type, "snntrain is untested there")
    return f"trainer.device=auto takes the CPU, although there is a device '{other.type}': {why}"


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's random numbers, on all devices."""
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
    """Refuse operations that are not reproducible to the bit while the block runs, if `wanted`."""
    if not wanted:
        yield
        return
    # The command line has done so; a program that calls this may not have.
    cublas.reserve_workspace()
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
