"""The state of a run in training."""

from __future__ import annotations

from dataclasses import dataclass

from snntrain.training.job.build import Job
from snntrain.training.progress import Progress, fresh_progress
from snntrain.training.step.training_step import TrainingStep


@dataclass(frozen=True)
class TrainingState:
    """A job, its step and its progress: everything that training changes and a checkpoint holds.

    Logs, checkpoints and signals are not part of it: without them training gives the same result.
    """

    job: Job
    step: TrainingStep
    progress: Progress


def begin(job: Job) -> TrainingState:
    """Return the state of a run before its first step."""
    progress = fresh_progress(job)
    return TrainingState(job, TrainingStep(job, progress.tally), progress)
