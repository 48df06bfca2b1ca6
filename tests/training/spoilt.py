"""Epochs with spoilt batches, and the same epochs in a training loop that skips their steps."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn

from snntrain.data.batch import Batch
from snntrain.data.batches import Batches
from snntrain.neuron import reset_net
from snntrain.training.job.build import Job
from snntrain.training.step.training_step import TrainingStep

from .jobs import stepping

EIGHT = ("trainer.limit_batches=8", "trainer.batch_size=8")


class Spoilt(nn.Module):
    """A loss that is infinite, or large, or has a gradient of NaN, at the calls in `bad`; `kind` selects which."""

    def __init__(self, loss: nn.Module, bad: Collection[int], kind: str) -> None:
        super().__init__()
        self.loss, self.bad, self.kind, self.calls = loss, bad, kind, 0

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        spoils = self.calls in self.bad
        self.calls += 1
        if spoils and self.kind == "gradient":
            spikes.register_hook(lambda gradient: gradient * torch.nan)
        loss: Tensor = self.loss(spikes, labels)
        # An added number has no gradient: only the loss is infinite.
        if spoils and self.kind == "great":
            return loss * 64
        return loss + torch.inf if spoils and self.kind == "loss" else loss


class ReadyMade:
    """Batches as lists of images and labels, so that a test can spoil them."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def draws(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        return ((batch.x, batch.labels) for batch in self.batches.epoch(epoch, start))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        return map(self.make, self.draws(epoch, start))

    def share(self, index: int) -> None:
        return None

    def make(self, draw: tuple[Tensor, ...], share: None = None) -> Batch:
        return Batch(*draw)


def trained(job: Job, bad: Collection[int], kind: str = "gradient") -> TrainingStep:
    """Train an epoch with the batches in `bad` spoilt, and return the step."""
    step = stepping(job)
    job.loss = Spoilt(job.loss, bad, kind)
    job.model.train()
    job.train = ReadyMade(job.train)
    for index, (images, labels) in enumerate(job.train.draws(1)):
        step((images * torch.nan if kind == "images" and index in bad else images, labels), index)
    return step


def without(job: Job, bad: Collection[int]) -> dict[str, Tensor] | None:
    """Trains an epoch in plain PyTorch without the steps that hold one of `bad`; returns the weights' average."""
    trainer, average, batches = job.config.trainer, None, list(job.train.epoch(1))
    job.model.train()
    for first in range(0, len(batches), trainer.accumulate):
        group = batches[first : first + trainer.accumulate]
        if not set(bad) & set(range(first, first + len(group))):
            for batch in group:
                with job.world.precision.autocast():
                    loss = job.loss(job.model(batch.x), batch.labels)
                reset_net(job.model)
                (loss / len(group)).backward()
            if trainer.clip_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(job.model.parameters(), trainer.clip_grad_norm)
            job.optimizer.step()
            job.optimizer.zero_grad()
            now = {name: value.clone() for name, value in job.model.state_dict().items() if value.is_floating_point()}
            decay = trainer.ema or 0.0
            average = now if average is None else {k: torch.lerp(v, now[k], 1 - decay) for k, v in average.items()}
        job.optimizer._opt_called = True  # The schedule may run ahead of the first step.
        job.scheduler.step()
    return average
