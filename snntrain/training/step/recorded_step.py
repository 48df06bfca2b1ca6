"""A training step that is recorded once and replayed.

The host takes longer to launch the kernels of a small network one by one than the GPU takes to run them. A recorded
step is the same work every time: fixed shapes, and no number that the host reads. Draws of batches and learning rates
change between steps: they are written into fixed memory before a replay.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from snntrain.data.batches import Draw
from snntrain.data.share import Share
from snntrain.neuron import reset_net
from snntrain.training.job.build import Job
from snntrain.training.schedule.of_groups import each
from snntrain.training.step.move import takes_found_inf

log = logging.getLogger("snntrain")

# Number of steps before the recording, in which the optimizer and the libraries allocate their memory.
WARM_UP = 3
# If set to 0, nothing is recorded; for comparisons.
VARIABLE = "SNNTRAIN_CUDA_GRAPH"

# A training step on some batches.
Step = Callable[[Sequence[Draw]], None]


class Recording(Protocol):
    """Recorded work."""

    def replay(self) -> None:
        """Run the work again, on the memory of the recording."""


class Recorder(Protocol):
    """A device's way to run and record work, as in `CudaGraphs`."""

    def launch(self, work: Callable[[], None]) -> None: ...

    def record(self, work: Callable[[], None]) -> Recording: ...


def obstacle(job: Job) -> str | None:
    """Return why the steps of a job on a GPU cannot be recorded, and what can be; None if they can."""
    if os.environ.get(VARIABLE) == "0":
        return f"{VARIABLE}=0"
    if job.config.trainer.compile:
        return "trainer.compile=true launches them itself; leave it out, and they are recorded"
    if job.config.trainer.checkpoint_layers is not None:
        return "trainer.checkpoint_layers restores random numbers from the host; leave it out, and they are recorded"
    for key in ("curriculum", "random_T"):
        if getattr(job.config.trainer, key) is not None:
            return f"trainer.{key} changes the time steps; leave it out, and they are recorded"
    if any(isinstance(schedule, OneCycleLR) for schedule in each(job.scheduler)):
        return "scheduler=onecycle sets the momentum from the host; scheduler=cosine can be recorded"
    if not isinstance(job.optimizer, SGD | Adam) or not takes_found_inf(job.optimizer):
        name = type(job.optimizer).__name__
        return f"the optimizer {name} waits for the host to skip a bad step; adam, adamw and sgd can be recorded"
    return None


class RecordedStep:
    """A step that is launched the first few times, then recorded, and replayed from then on.

    The largest batches are recorded; smaller ones, as the last of an epoch, are launched. If recording fails, or a
    replay does not do the work of the step, a warning says so, and all steps are launched as before.

    Args:
        step: forward, backward, the move of the weights, and the tally of the batches.
        job: the job. The learning rates of its optimizer move into the memory of the device.
        recorder: runs and records work of the device.
        counts: tensors of the tally; every step changes them.
        left_out: whether the last step moved no weights, a bool tensor without dimensions.
        ready: returns whether the host no longer decides anything.
        shares: returns the shares of the batches, on which the work of the step depends as well.
    """

    def __init__(
        self,
        step: Step,
        job: Job,
        recorder: Recorder,
        *,
        counts: Sequence[Tensor],
        left_out: Tensor,
        ready: Callable[[], bool],
        shares: Callable[[], Sequence[Share | None]] = lambda: (),
    ) -> None:
        self.step, self.job, self.recorder = step, job, recorder
        self.counts, self.left_out, self.ready, self.shares = counts, left_out, ready, shares
        self.launched = self.replayed = self.greatest = 0
        self.failed = False
        self.draws: list[Draw] = []
        self.of_shares: Sequence[Share | None] = ()
        self.recording: Recording | None = None
        self.proven = False
        _make_capturable(job.optimizer, left_out.device)

    def __call__(self, draws: Sequence[Draw]) -> None:
        if self.recording is None and not self.failed and self._is_usual(draws) and self.ready():
            self._record(draws)
        if self.recording is None or not self._is_recorded(draws) or not self._replay(self.recording, draws):
            self.launched += 1
            self.recorder.launch(lambda: self.step(draws))

    def _is_recorded(self, draws: Sequence[Draw]) -> bool:
        """Return whether the work of these draws is the recorded work; the same in all processes."""
        if self.job.world.size > 1:
            return list(self.shares()) == list(self.of_shares)
        return _shapes(draws) == _shapes(self.draws)

    def _is_usual(self, draws: Sequence[Draw]) -> bool:
        """Return whether enough steps were launched, none of them with larger batches."""
        size = sum(tensor.numel() for draw in draws for tensor in draw)
        if self.job.world.size > 1:
            size = sum(share.rows for share in self.shares() if share is not None)
        self.greatest = max(self.greatest, size)
        return self.launched >= WARM_UP and size == self.greatest

    def _record(self, draws: Sequence[Draw]) -> None:
        """Record the step on copies of its draws, without running it."""
        self.draws, self.of_shares = [tuple(tensor.clone() for tensor in draw) for draw in draws], list(self.shares())
        failure = ""
        try:
            with undone_on_error(self.job):
                self.recording = self.recorder.record(lambda: self.step(self.draws))
        except Exception as error:  # From a compiler, or out of memory: launched, the step may still work.
            failure = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        # NCCL takes a call that is replayed in one process and launched in another for two calls.
        if not self.job.world.all(not failure):
            self._give_up(f"recording one failed: {failure or 'in another process'}")

    def _replay(self, recording: Recording, draws: Sequence[Draw]) -> bool:
        """Replay the step, and return whether the replay did its work."""
        for own, draw in zip(self.draws, draws, strict=True):
            for mine, tensor in zip(own, draw, strict=True):
                mine.copy_(tensor)
        if self.proven:
            recording.replay()
        elif not self._replay_and_look(recording):
            return False
        self.replayed += 1
        return True

    def _replay_and_look(self, recording: Recording) -> bool:
        """Return whether a replay has counted its batches; it is proven once it has moved parameters."""
        parameters = list(self.job.model.parameters())
        before, counted = _copies(parameters), _copies(self.counts)
        recording.replay()
        did_nothing = _same(counted, self.counts)
        if not self.job.world.all(not did_nothing):
            self._give_up("the replay of a recorded step did nothing")
            return False
        if not _same(before, parameters):
            self.proven = True
        elif not self.left_out and any(group["lr"] != 0 for group in self.job.optimizer.param_groups):
            self._give_up("the replay of a recorded step moved no parameter")
        return True

    def _give_up(self, why: str) -> None:
        self.failed, self.recording = True, None
        self.draws = []
        log.warning("steps are launched kernel by kernel, which is slower: %s", why)


@contextmanager
def undone_on_error(job: Job) -> Iterator[None]:
    """Undo the changes of a step on the host if the block raises.

    Otherwise the next step would add to its gradients, continue from its potentials, and find the scaler unfinished.
    """
    gradients = [(parameter, parameter.grad) for parameter in job.model.parameters()]
    try:
        yield
    except BaseException:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        reset_net(job.model)
        if job.scaler.is_enabled():
            # The scaler's notes on an unfinished step; between two steps there are no such notes.
            job.scaler._per_optimizer_states.clear()
        raise


def _make_capturable(optimizer: Optimizer, device: torch.device) -> None:
    """Move the learning rate of each group into the memory of the device, where a replay reads it."""
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
        if "capturable" in group:
            group["capturable"] = True


def _shapes(draws: Sequence[Draw]) -> list[list[torch.Size]]:
    return [[tensor.shape for tensor in draw] for draw in draws]


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


def _same(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Return whether all pairs of tensors are equal to the bit; waits for the device."""
    return all(torch.equal(one, other) for one, other in zip(tensors, others, strict=True))
