"""A job in training."""

from __future__ import annotations

from dataclasses import dataclass

from snntrain.training.job.build import Job
from snntrain.training.progress import Progress, beginning
from snntrain.training.step.training_step import TrainingStep


@dataclass(frozen=True)
class Training:
    """A job, what a batch does to it, and how far it has come: all that moves in a run, and what a checkpoint holds.

    Who writes it down, saves or stops it is no part of it: it comes to the same without them.
    """

    job: Job
    step: TrainingStep
    progress: Progress


def begin(job: Job) -> Training:
    """A fresh start."""
    progress = beginning(job)
    return Training(job, TrainingStep(job, progress.tally), progress)
