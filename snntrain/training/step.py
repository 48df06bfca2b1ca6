"""What one batch does to the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.neuron import reset_net
from snntrain.training.build import Job
from snntrain.training.cuda_graph import GraphedStep, can_be_recorded
from snntrain.training.gradients import GradientNorms


class TrainingStep:
    """Forward, loss and backward of a batch, and after every `trainer.accumulate` of them a move of the weights.

    On a GPU a step is recorded once and replayed, where nothing in it depends on the host. With a monitor the norms of
    the gradients are measured, see `gradient_norms`.
    """

    def __init__(self, job: Job) -> None:
        trainer = job.config.trainer
        self.job = job
        self.accumulate: int = trainer.accumulate
        self.forward = torch.compile(job.model) if trainer.compile else job.model
        self.norms = GradientNorms(job.model.network, job.runtime.device) if job.config.monitor.every else None
        self.one = torch.ones((), device=job.runtime.device)
        self.whole = self._whole
        if (
            job.runtime.device.type == "cuda"
            and self.accumulate == 1
            and not trainer.compile
            and can_be_recorded(job.optimizer, job.scheduler)
        ):
            self.whole = GraphedStep(self._whole, job.optimizer, job.runtime.device)

    def __call__(self, images: Tensor, labels: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Loss and output spikes `[T, N, classes]` of batch `index` of an epoch; the next call may overwrite them."""
        first = index - index % self.accumulate
        # The last step of an epoch may have fewer batches.
        count = min(self.accumulate, len(self.job.train) - first)
        if self.accumulate == 1:
            loss, spikes = self.whole(images, labels)
        else:
            loss, spikes = self._learn(images, labels, count)
            if index + 1 < first + count:
                return loss, spikes
            self._move()
        self.job.scheduler.step()
        if self.job.average is not None:
            self.job.average.update(self.job.model)
        return loss, spikes

    def gradient_norms(self) -> dict[str, float]:
        """The mean L2 norm of each layer's gradient, before clipping, over the steps since the last call."""
        return {} if self.norms is None else self.norms.take()

    def _whole(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        loss, spikes = self._learn(images, labels, 1)
        self._move()
        return loss, spikes

    def _learn(self, images: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Adds the gradients of a batch, one of `count` that share a move."""
        with self.job.precision.autocast():
            spikes = self.forward(images)
            loss: Tensor = self.job.loss(spikes, labels)
        reset_net(self.job.model)
        self.job.scaler.scale(loss / count).backward()
        return loss.detach(), spikes.detach()

    def _move(self) -> None:
        """Clips the gradients, moves the weights along them, and forgets them."""
        job, greatest = self.job, self.job.config.trainer.clip_grad_norm
        if greatest is not None:
            job.scaler.unscale_(job.optimizer)
        if self.norms is not None:
            self.norms.add(job.scaler.scale(self.one) if greatest is None else self.one)
        if greatest is not None:
            torch.nn.utils.clip_grad_norm_(job.model.parameters(), greatest)
        job.scaler.step(job.optimizer)
        job.scaler.update()
        job.optimizer.zero_grad(set_to_none=True)
