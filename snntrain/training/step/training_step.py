"""The training step."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snntrain.data.batch import Batch
from snntrain.data.batches import Draw
from snntrain.data.padding import padded
from snntrain.data.share import Share, computing
from snntrain.neuron import reset_net
from snntrain.training.evaluation.evaluate import Tally
from snntrain.training.job.build import Job
from snntrain.training.job.time_steps import TimeSteps
from snntrain.training.loss import loss_of
from snntrain.training.step.bad_steps import ADVICE, BadSteps
from snntrain.training.step.buffers import Buffers
from snntrain.training.step.cuda_graph import CudaGraphs
from snntrain.training.step.diagnose import INPUT, where_it_began
from snntrain.training.step.exchange import Exchange, Learnt
from snntrain.training.step.gradients import GradientNorms
from snntrain.training.step.move import Move
from snntrain.training.step.recorded_step import RecordedStep, Recorder, obstacle

log = logging.getLogger("snntrain")


class TrainingStep:
    """Forward, loss and backward of `trainer.accumulate` batches, and a move of the weights.

    On a GPU a step is recorded once and replayed, if nothing in it depends on the host.

    A step with a loss or a gradient that is not finite is skipped: weights, optimizer, buffers and average stay as they
    are; the schedule continues. In float16 the loss scale is lowered as well, and the step counts as bad only if no
    scale could help.

    Args:
        job: a job with its optimizer and scheduler in the state from which training continues.
        tally: counts loss and classes of the batches.
        recorder: records steps; None for CUDA graphs on a GPU, and for no recording elsewhere.

    Attributes:
        epoch: number of the current epoch, from 1; the time steps of training may depend on it.
        pending: whether batches wait for the others of their step; no `state_dict()` holds them.
    """

    def __init__(self, job: Job, tally: Tally, recorder: Recorder | None = None) -> None:
        trainer, device = job.config.trainer, job.world.device
        self.job, self.tally = job, tally
        self.accumulate: int = trainer.accumulate
        self.readout = job.model.readout
        self.forward = torch.compile(job.model) if trainer.compile else job.model
        self.norms = GradientNorms(job.model.network, device, beside=job.model)
        self.bad_steps = BadSteps(trainer.max_bad_steps, device)
        self.buffers = Buffers(job.model)
        self.move = Move(job.optimizer, device)
        self.one = torch.ones((), device=device)
        # Each step writes here, launched or replayed.
        self.left_out = torch.zeros((), dtype=torch.bool, device=device)
        self.total = torch.zeros((), device=device)
        self.exchange = None if job.world.group is None else Exchange(job.world, job.model, tally)
        self.time_steps = TimeSteps.of(trainer, job.config.seed)
        self.epoch = 1
        self.draws: list[Draw] = []
        # The share of each draw.
        self.shares: list[Share | None] = []
        self.pending = False
        self.step = self._recorded(recorder) or self._step

    def _recorded(self, recorder: Recorder | None) -> RecordedStep | None:
        """Return a step that is recorded; None if it cannot be."""
        job = self.job
        if recorder is None:
            if job.world.device.type != "cuda":
                return None
            if why := obstacle(job):
                log.info("steps are launched kernel by kernel, which is slower than a recorded step: %s", why)
                return None
            recorder = CudaGraphs(job.world.device)
        return RecordedStep(
            self._step,
            job,
            recorder,
            counts=list(self.tally.sums().values()),
            left_out=self.left_out,
            ready=lambda: not self.move.by_host and (job.average is None or job.average.begun),
            shares=lambda: self.shares,
        )

    def __call__(self, draw: Draw, index: int) -> None:
        """Take the draw of batch `index` of an epoch; the last batch of a step moves the weights."""
        first = index - index % self.accumulate
        if index == first:
            self.draws, self.shares = [], []
        self.draws = [*self.draws, draw]
        self.shares = [*self.shares, self.job.train.share(index)]
        # The last step of an epoch may have fewer batches.
        self.pending = len(self.draws) < min(self.accumulate, len(self.job.train) - first)
        if not self.pending:
            with self.time_steps.applied(self.job.model.encoder, self.epoch, first // self.accumulate):
                self.step(self.draws)
            self.job.scheduler.step()

    def gradient_norms(self) -> dict[str, float]:
        """Return the mean L2 norm of each layer's gradient, before clipping, over the steps since the last call.

        Empty without a monitor.
        """
        norms = self.norms.take()
        return norms if self.job.config.monitor.every else {}

    def skipped(self) -> int:
        """Return the number of bad steps since the last call."""
        return self.bad_steps.take()

    def failing(self) -> bool:
        """Return whether more than `trainer.max_bad_steps` in a row were bad.

        Nothing waits for a GPU: its last few steps may be missing.
        """
        return self.bad_steps.too_many()

    def failure(self) -> str:
        """Return why training cannot continue, in one line; runs the batches of the last step again."""
        row, most = int(self.bad_steps.longest), self.bad_steps.most
        steps = f"{row} steps in a row were" if row > 1 else "a step was"
        batches = (self.job.train.make(*drawn) for drawn in zip(self.draws, self.shares, strict=True))
        places = (where_it_began(self.job, batch) for batch in batches)
        # Another process may have the image that is not finite.
        place = self.job.world.first_text(next((place for place in places if place is not None), None))
        seen = f"the first number that is not finite is in {place}" if place else "run again, all numbers are finite"
        advice = "look at the data" if place == INPUT else ADVICE
        return (
            f"{steps} bad (trainer.max_bad_steps={most}), with a loss or gradient that is not finite; {seen}: {advice}"
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of the current epoch, as `load_state_dict` takes them; not while a step is `pending`."""
        return {"gradient_norms": self.norms.state_dict(), "bad_steps": self.bad_steps.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a `state_dict()`."""
        self.norms.load_state_dict(state["gradient_norms"])
        self.bad_steps.load_state_dict(state["bad_steps"])

    def _step(self, draws: Sequence[Draw]) -> None:
        self.buffers.keep()
        self.total.zero_()
        learnt = []
        for draw, share in zip(draws, self.shares, strict=True):
            batch = self.job.train.make(draw, share)
            loss, spikes = self._learn(batch, len(draws))
            if self.exchange is None:
                self.total += loss
                self.tally.add(loss, spikes, batch)
            else:
                learnt.append(Learnt(loss, spikes, batch))
        if self.exchange is not None:
            self.total += self.exchange(learnt)
        self._move(self.total)
        if self.job.average is not None:
            self.job.average.update(self.job.model, self.left_out)

    def _learn(self, batch: Batch, count: int) -> tuple[Tensor, Tensor]:
        """Add the gradients of a batch, one of `count` in this step."""
        with computing(batch.share), padded(batch.x, batch.lengths):
            with self.job.world.precision.autocast():
                spikes = self.forward(batch.x)
                loss = _weighted(loss_of(self.job.loss, spikes, batch, self.readout), spikes, batch.share)
            reset_net(self.job.model)
            self.job.scaler.scale(loss / count).backward()
        return loss.detach(), spikes.detach()

    def _move(self, loss: Tensor) -> None:
        """Clip the gradients, and move the weights along them if they and `loss` are finite; then clear them."""
        job, clip = self.job, self.job.config.trainer.clip_grad_norm
        job.scaler.unscale_(job.optimizer)
        finite_loss = loss.isfinite()
        self.left_out.copy_(~(self.norms.add() & finite_loss))
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(job.model.parameters(), clip)
        self.move(self.left_out)
        self.buffers.restore(self.left_out)
        self.bad_steps.add(self._counts(finite_loss))
        job.scaler.update()
        job.optimizer.zero_grad(set_to_none=True)

    def _counts(self, finite_loss: Tensor) -> Tensor:
        """Return whether the skipped step is bad; an overflow by a large scale only lowers the scale."""
        if not self.job.scaler.is_enabled():
            return self.left_out
        return self.left_out & ~(finite_loss & (self.job.scaler.scale(self.one) >= 1))


def _weighted(loss: Tensor, spikes: Tensor, share: Share | None) -> Tensor:
    """Return the part of a batch's mean loss that comes from a share of its rows."""
    if share is None:
        return loss
    # The mean loss of no rows is NaN; the layers still need a backward pass, which meets the other processes.
    return loss * share.weight if share.count else spikes.float().sum() * 0
