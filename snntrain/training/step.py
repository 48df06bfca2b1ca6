"""What one batch does to the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snntrain.neuron import reset_net
from snntrain.training.bad_steps import ADVICE, BadSteps, Buffers, Move
from snntrain.training.build import Job
from snntrain.training.cuda_graph import GraphedStep, can_be_recorded
from snntrain.training.diagnose import INPUT, where_it_began
from snntrain.training.gradients import GradientNorms


class TrainingStep:
    """Forward, loss and backward of a batch, and after every `trainer.accumulate` of them a move of the weights.

    On a GPU a step is recorded once and replayed, where nothing in it depends on the host.

    A step whose loss or gradient is not finite is left out: weights, optimizer, buffers and average are as if it had
    not been; the schedule goes on. In float16 the loss is scaled down as well, and the step counts as bad only where
    no scale could help.

    Args:
        job: its optimizer and scheduler are at the state that training goes on from.

    Attributes:
        pending: whether gradients wait for the other batches of their step, which no `state()` holds.
    """

    def __init__(self, job: Job) -> None:
        trainer, device = job.config.trainer, job.runtime.device
        self.job = job
        self.accumulate: int = trainer.accumulate
        self.forward = torch.compile(job.model) if trainer.compile else job.model
        self.norms = GradientNorms(job.model.network, device, beside=job.model)
        self.bad_steps = BadSteps(trainer.max_bad_steps, device)
        self.buffers = Buffers(job.model)
        self.move = Move(job.optimizer, device)
        self.one = torch.ones((), device=device)
        # Written by each step, whether it is launched or replayed.
        self.left_out = torch.zeros((), dtype=torch.bool, device=device)
        self.total = torch.zeros((), device=device)
        self.batches: list[tuple[Tensor, Tensor]] = []
        self.pending = False
        self.whole = self._whole
        if (
            device.type == "cuda"
            and self.accumulate == 1
            and not trainer.compile
            and can_be_recorded(job.optimizer, job.scheduler)
        ):
            self.whole = GraphedStep(self._whole, job.optimizer, device, ready=lambda: not self.move.by_host)

    def __call__(self, images: Tensor, labels: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Loss and output spikes `[T, N, classes]` of batch `index` of an epoch; the next call may overwrite them."""
        first = index - index % self.accumulate
        # The last step of an epoch may have fewer batches.
        count = min(self.accumulate, len(self.job.train) - first)
        self.batches = [*self.batches, (images, labels)] if index > first else [(images, labels)]
        if self.accumulate == 1:
            loss, spikes = self.whole(images, labels)
        else:
            if index == first:
                self.buffers.keep()
                self.total.zero_()
            loss, spikes = self._learn(images, labels, count)
            self.total += loss
            self.pending = index + 1 < first + count
            if self.pending:
                return loss, spikes
            self._move(self.total)
        self.job.scheduler.step()
        if self.job.average is not None:
            self.job.average.update(self.job.model, self.left_out)
        return loss, spikes

    def gradient_norms(self) -> dict[str, float]:
        """The mean L2 norm of each layer's gradient, before clipping, over the steps since the last call.

        Empty without a monitor.
        """
        norms = self.norms.take()
        return norms if self.job.config.monitor.every else {}

    def skipped(self) -> int:
        """How many bad steps there were since the last call."""
        return self.bad_steps.take()

    def failing(self) -> bool:
        """Whether more steps in a row were bad than `trainer.max_bad_steps`; nothing waits for a GPU, which may be
        some steps behind.
        """
        return self.bad_steps.too_many()

    def failure(self) -> str:
        """Why training cannot go on, in one line, from another look at the batches of the last step."""
        row, most = int(self.bad_steps.longest), self.bad_steps.most
        steps = f"{row} steps in a row were" if row > 1 else "a step was"
        places = (where_it_began(self.job, *batch) for batch in self.batches)
        place = next((place for place in places if place is not None), None)
        seen = f"the first number that is not finite is in {place}" if place else "once more, all numbers are finite"
        advice = "look at the data" if place == INPUT else ADVICE
        return (
            f"{steps} bad (trainer.max_bad_steps={most}), with a loss or gradient that is not finite; {seen}: {advice}"
        )

    def state(self) -> dict[str, Any]:
        """What goes on in the middle of an epoch, as `put_back` takes it; not while a step is `pending`."""
        return {"gradient_norms": self.norms.state(), "bad_steps": self.bad_steps.state()}

    def put_back(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.norms.put_back(state["gradient_norms"])
        self.bad_steps.put_back(state["bad_steps"])

    def _whole(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.buffers.keep()
        loss, spikes = self._learn(images, labels, 1)
        self._move(loss)
        return loss, spikes

    def _learn(self, images: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Adds the gradients of a batch, one of `count` that share a move."""
        with self.job.precision.autocast():
            spikes = self.forward(images)
            loss: Tensor = self.job.loss(spikes, labels)
        reset_net(self.job.model)
        self.job.scaler.scale(loss / count).backward()
        return loss.detach(), spikes.detach()

    def _move(self, loss: Tensor) -> None:
        """Clips the gradients, moves the weights along them unless they or `loss` are not finite, and forgets them."""
        job, greatest = self.job, self.job.config.trainer.clip_grad_norm
        job.scaler.unscale_(job.optimizer)
        finite_loss = loss.isfinite()
        self.left_out.copy_(~(self.norms.add() & finite_loss))
        if greatest is not None:
            torch.nn.utils.clip_grad_norm_(job.model.parameters(), greatest)
        self.move(self.left_out)
        self.buffers.put_back(self.left_out)
        self.bad_steps.add(self._counts(finite_loss))
        job.scaler.update()
        job.optimizer.zero_grad(set_to_none=True)

    def _counts(self, finite_loss: Tensor) -> Tensor:
        """Whether the step that was left out is a bad one: the overflow of a great scale is how it finds its scale."""
        if not self.job.scaler.is_enabled():
            return self.left_out
        return self.left_out & ~(finite_loss & (self.job.scaler.scale(self.one) >= 1))
