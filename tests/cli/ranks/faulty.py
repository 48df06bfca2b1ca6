"""Parts of a run that a user could have written, with a fault in one process alone.

Copied into the folder of a test, where `allow_targets=[faulty]` finds it.
"""

import ctypes
import math
import os
import signal
import time

import torch
import torch.distributed as dist

from snntrain.data import digits
from snntrain.data.dataset import Data, ImageTensors
from snntrain.network.mlp import MLP
from snntrain.training.loss import MSERate

# A fault happens after this number of calls.
AFTER = 6


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


class Faulty(MSERate):
    """A loss with a fault in process 1 after some steps."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, spikes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls > AFTER and rank() == 1:
            self.fail()
        return super().forward(spikes, labels)

    def fail(self) -> None:
        raise ValueError("no such luck")


class Exits(Faulty):
    def fail(self) -> None:
        os._exit(3)


class ExitsWithoutError(Faulty):
    def fail(self) -> None:
        os._exit(0)


class Crashes(Faulty):
    def fail(self) -> None:
        ctypes.string_at(0)


class Kills(Faulty):
    def fail(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(Faulty):
    def fail(self) -> None:
        open("hangs", "w").close()
        time.sleep(1000)


class TakesAll(Faulty):
    def fail(self) -> None:
        torch.empty(2**60, dtype=torch.uint8)


class Prints(MLP):
    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)
        print(f"built in process {rank()}")


class NaN:
    """Images of which some are NaN in process 1, after the run has looked at the data."""

    def __init__(self, split: ImageTensors, last: float) -> None:
        self.split, self.labels, self.last, self.calls = split, split.labels, last, 0

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> torch.Tensor:
        image = self.split[index].float()
        self.calls += 1
        return image * torch.nan if rank() == 1 and 200 < self.calls <= self.last else image


def nan_once(**arguments: object) -> Data:
    return _nan(201, **arguments)


def nan_always(**arguments: object) -> Data:
    return _nan(math.inf, **arguments)


def _nan(last: float, **arguments: object) -> Data:
    data = digits.load(**arguments)
    return Data(data.name, NaN(data.train, last), data.validation, data.test, data.class_names, data.scale)


def other(**arguments: object) -> Data:
    """Return other images in process 1."""
    data = digits.load(**arguments)
    if rank() == 1:
        data.train.images[7] += 1
    return data


def damaged(**arguments: object) -> Data:
    """Raise the error of a damaged file in process 1."""
    if rank() == 1:
        raise OSError(5, "Input/output error", "train-images")
    return digits.load(**arguments)


def endless(**arguments: object) -> Data:
    """Never return in process 1."""
    if rank() == 1:
        time.sleep(1000)
    return digits.load(**arguments)
