"""The device that `trainer.device` selects, its name, and its known limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snntrain.config.rules import UNSUPPORTED
from snntrain.errors import UserError
from snntrain.training.job.group import Place

AUTO = "auto"


def choose(name: str, place: Place | None = None) -> torch.device:
    """Return the device for `trainer.device`: 'auto' is the current GPU of NVIDIA or AMD, else the CPU.

    Args:
        name: `trainer.device`.
        place: the place of this process among several, each of which gets a GPU of its own; None if it is the only one.

    Raises:
        UserError: this machine does not have that GPU, or not one for each process.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == AUTO and not gpus:
        return torch.device("cpu")
    device = torch.device("cuda" if name == AUTO else name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        usable = ", ".join(["cpu", *(f"cuda:{index}" for index in range(gpus))])
        raise UserError(f"trainer.device={name}: PyTorch finds no such GPU here; there are {usable}, or use auto")
    if device.type == "cuda" and place is not None:
        return torch.device("cuda", _index(place, gpus))
    return device


def _index(place: Place, gpus: int) -> int:
    if place.local_rank < gpus:
        return place.local_rank
    if gpus == 1 and place.has_own_gpu:
        return 0
    raise UserError(
        f"trainer.devices={place.size}: each process needs a GPU of its own, and PyTorch finds {gpus} here; "
        f"give trainer.devices={gpus}, or trainer.device=cpu"
    )


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
