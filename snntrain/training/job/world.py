"""The processes that train a run together, and the device and precision of this one.

The world is decided once, when a run starts, and handed down. Nothing else asks for a device, and the processes agree
through the methods of the world alone.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.config.schema import Trainer
from snntrain.training.job import devices, precision
from snntrain.training.job.group import Group, Peers
from snntrain.training.job.precision import Precision

log = logging.getLogger("snntrain")

LONGEST_TEXT = 200


@dataclass(frozen=True)
class World:
    """The place of one process among those that train a run.

    Args:
        device: the device of this process.
        precision: the format that the layers compute in, the same in all processes.
        group: the connection to the other processes; None if there are no others.
    """

    device: torch.device
    precision: Precision
    group: Group | None = None

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return 0 if self.group is None else self.group.place.rank

    @property
    def size(self) -> int:
        """The number of processes."""
        return 1 if self.group is None else self.group.place.size

    @property
    def is_main(self) -> bool:
        """Whether this process writes the run folder, the log and the bar."""
        return self.rank == 0

    @property
    def device_name(self) -> str:
        """'cpu', or the name of the GPU."""
        return devices.name_of(self.device)

    def sum(self, value: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place, and return it."""
        return value if self.group is None else self.group.sum(value)

    def greatest(self, *numbers: int) -> Sequence[int]:
        """Return the greatest of each number over all processes."""
        return numbers if self.group is None else self.group.greatest(numbers)

    def all(self, value: bool) -> bool:
        """Return whether the value is true in all processes."""
        (some_false,) = self.greatest(int(not value))
        return not some_false

    def broadcast(self, value: Tensor) -> Tensor:
        """Copy the tensor of process 0 into that of each process, and return it."""
        return value if self.group is None else self.group.broadcast(value)

    def broadcast_bytes(self, content: bytes | None) -> bytes:
        """Return the bytes of process 0; the others give None."""
        if self.group is None:
            return content or b""
        return self.group.broadcast_bytes(content)

    def alike(self, text: str) -> bool:
        """Return whether all processes give the same text."""
        digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
        greatest, negative = self.greatest(digest, -digest)
        return greatest == -negative

    def first_text(self, text: str | None) -> str | None:
        """Return the text of the process with the lowest rank that has one, its first letters; None if none has."""
        if self.group is None:
            return text
        table = torch.zeros(self.size, LONGEST_TEXT, dtype=torch.uint8)
        own = (text or "").encode()[:LONGEST_TEXT]
        table[self.rank, : len(own)] = torch.frombuffer(bytearray(own), dtype=torch.uint8) if own else 0
        texts = [bytes(row[row != 0].tolist()).decode(errors="replace") for row in self.sum(table)]
        return next(filter(None, texts), None)

    def share_random_state(self) -> None:
        """Draw the random numbers of process 0 in all processes from now on; some work is done by process 0 alone."""
        if self.group is None:
            return
        torch.set_rng_state(self.broadcast(torch.get_rng_state()))
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(self.broadcast(torch.cuda.get_rng_state(self.device)), self.device)

    @contextmanager
    def first_of_each_machine(self) -> Iterator[None]:
        """Run the block in the first process of each machine, and only then in the others."""
        if self.group is None:
            yield
        else:
            with self.group.first_of_each_machine():
                yield

    def align(self, model: nn.Module) -> bool:
        """Give the model of each process the weights and buffers of process 0, if they have drifted apart.

        The processes move their weights along the same gradients, to the bit. Different processors may still round
        differently.

        Returns:
            Whether they had drifted apart.
        """
        if self.group is None:
            return False
        tensors = [*model.parameters(), *model.buffers()]
        digest = sum(_digest(tensor) for tensor in tensors) % 2**62
        greatest, negative = self.greatest(digest, -digest)
        if greatest == -negative:
            return False
        with torch.no_grad():
            for tensor in tensors:
                self.broadcast(tensor.data)
        return True

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


def decide(trainer: Trainer, peers: Peers | None = None) -> World:
    """Return the world of a run: its device, its precision and the connection to the other processes.

    Args:
        trainer: settings of the training.
        peers: the other processes; None if there are no others.

    Raises:
        UserError: this machine does not have the device, or the device does not have the precision.
        RunFailed: the other processes do not answer.
    """
    device = devices.choose(trainer.device, None if peers is None else peers.place)
    chosen = precision.choose(trainer.precision, device)
    return World(device, chosen, None if peers is None else peers.join(device, 60 * trainer.timeout_minutes))


@contextmanager
def entered(trainer: Trainer, peers: Peers | None = None) -> Iterator[World]:
    """Return the world of a run for the block; then leave the group of processes. Arguments and errors as `decide`."""
    here = decide(trainer, peers)
    try:
        yield here
    finally:
        if here.group is not None:
            here.group.close()


def _digest(tensor: Tensor) -> int:
    """Return a number that depends on every bit of a tensor."""
    words = tensor.detach().contiguous().view(-1).view(torch.uint8).to(torch.int64)
    places = torch.arange(1, len(words) + 1, device=words.device) % 1_000_003
    return int((words * places).sum())
