"""The device that `trainer.device` selects, its name, and its known limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snntrain.config.rules import UNSUPPORTED
from snntrain.errors import UserError

AUTO = "auto"


def choose(name: str) -> torch.device:
    """Return the device for `trainer.device`: 'auto' is the current GPU of NVIDIA or AMD, else the CPU.

    Raises:
        UserError: this machine does not have that GPU.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == AUTO:
        return torch.device("cuda" if gpus else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        usable = ", ".join(["cpu", *(f"cuda:{index}" for index in range(gpus))])
        raise UserError(f"trainer.device={name}: PyTorch finds no such GPU here; there are {usable}, or use auto")
    return device


def name_of(device: torch.device) -> str:
    """Return 'cpu', or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def passed_over(name: str, device: torch.device) -> str:
    """Return one line on a device that 'auto' did not choose, and why; '' if there is no such device.

    Args:
        name: `trainer.device`.
        device: the chosen device.
    """
    if name != AUTO or device.type != "cpu":
        return ""
    other = torch.accelerator.current_accelerator(check_available=True)
    if other is None or other.type in ("cpu", "cuda"):
        return ""
    why = UNSUPPORTED.get(other.type, "snntrain is untested there")
    return f"trainer.device=auto takes the CPU, although there is a device '{other.type}': {why}"


def untested(device: torch.device) -> str:
    """Return one line on features that were never tested on this device; '' for a CPU and for NVIDIA's GPUs."""
    if device.type != "cuda" or torch.version.hip is None:
        return ""
    return (
        f"{device} is an AMD GPU (ROCm {torch.version.hip}), on which snntrain is untested: compare a short "
        "run with one of trainer.device=cpu"
    )


@contextmanager
def current(device: torch.device) -> Iterator[None]:
    """Make a GPU the current CUDA device while the block runs; no effect for a CPU.

    New streams, recorded graphs and tensors with `device="cuda"` belong to the current device.
    """
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device):
        yield


def host_decides(device: torch.device) -> bool:
    """Return whether the host reads numbers of this device without waiting for it."""
    return device.type == "cpu"
