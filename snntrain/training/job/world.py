"""The processes that train a run together, and the device and precision of this one; today there is one process.

The world is decided once, when a run starts, and handed down. Nothing else asks for a device, and the processes agree
through `sum`, `broadcast` and `barrier` alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from snntrain.config.schema import Trainer
from snntrain.training.job import devices, precision
from snntrain.training.job.precision import Precision

log = logging.getLogger("snntrain")


@dataclass(frozen=True)
class World:
    """The place of one process among those that train a run.

    Args:
        device: the device of this process.
        precision: the format that the layers compute in, the same in all processes.
        rank: the number of this process, from 0.
        size: number of processes.
    """

    device: torch.device
    precision: Precision
    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the run folder, the log and the bar."""
        return self.rank == 0

    @property
    def device_name(self) -> str:
        """'cpu', or the name of the GPU."""
        return devices.name_of(self.device)

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes: in one process the tensor itself."""
        return value

    def broadcast(self, value: Tensor) -> Tensor:
        """Return the tensor of process 0: in one process the tensor itself."""
        return value

    def barrier(self) -> None:
        """Wait until all processes have reached this call."""

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the GPU of this process the current CUDA device while the block runs; no effect on a CPU."""
        with devices.current(self.device):
            yield

    def report(self, trainer: Trainer) -> None:
        """Log notes on the device and the precision that a user should know; called once per run."""
        if line := devices.passed_over(trainer.device, self.device):
            log.info("%s", line)
        if line := devices.untested(self.device):
            log.warning("%s", line)
        self.precision.warn_if_emulated()


def decide(trainer: Trainer) -> World:
    """Return the world of a run: its device and its precision.

    Raises:
        UserError: this machine does not have the device, or the device does not have the precision.
    """
    device = devices.choose(trainer.device)
    return World(device, precision.choose(trainer.precision, device))
