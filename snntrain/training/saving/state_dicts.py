"""The content of a checkpoint: collected from the parts of a run, and loaded into them again.

A checkpoint does not hold the potentials of the neurons, which begin at rest with every batch, nor the data: seed and
epoch determine their order.
"""

from __future__ import annotations

import warnings
from typing import Any

from snntrain.config.changes import SCHEDULED, differences
from snntrain.config.values import values_of
from snntrain.training.job import normalisation
from snntrain.training.job.build import Job
from snntrain.training.progress import Progress
from snntrain.training.saving.random_states import random_states, set_random_states
from snntrain.training.schedule.of_groups import take_over
from snntrain.training.state import TrainingState


def best_state_dict(training: TrainingState) -> dict[str, Any]:
    """Return the content of best.pt: the weights with the best validation, and what their input was divided by."""
    best, job = training.progress.best, training.job
    return {
        "epoch": best.epoch,
        "val_accuracy": best.score[0],
        "model": best.weights,
        normalisation.KEY: normalisation.entry(job.normalisation),
    }


def state_dict(training: TrainingState) -> dict[str, Any]:
    """Return the state of a run; `load_state_dict` and `TrainingStep.load_state_dict` restore it.

    `model` holds the evaluated weights; a resume does not read them.
    """
    job, progress = training.job, training.progress
    return {
        "epoch": progress.finished,
        "batch": progress.batch,
        "model": job.evaluated.network.state_dict(),
        "trained": job.model.state_dict(),
        "average": None if job.average is None else job.average.state_dict(),
        "optimizer": job.optimizer.state_dict(),
        "scheduler": job.scheduler.state_dict(),
        "scaler": job.scaler.state_dict(),
        "step": training.step.state_dict(),
        "progress": progress.state_dict(),
        "random": random_states(job.world.device),
        "processes": job.world.size,
        normalisation.KEY: normalisation.entry(job.normalisation),
    }


def load_state_dict(job: Job, progress: Progress, state: dict[str, Any]) -> None:
    """Restore a job and its progress; the step is built later, and restores its own part."""
    job.model.load_state_dict(state["trained"])
    if job.average is not None:
        job.average.load_state_dict(state["average"])
    _restore_optimizer(job, state)
    if job.scaler.is_enabled() and state["scaler"]:
        job.scaler.load_state_dict(state["scaler"])
    progress.load_state_dict(state["progress"])
    set_random_states(job.world.device, state["random"])


def _restore_optimizer(job: Job, state: dict[str, Any]) -> None:
    """Restore the optimizer and the position in the schedule; the schedule itself may have changed since."""
    own = [{key: value for key, value in group.items() if key != "params"} for group in job.optimizer.param_groups]
    job.optimizer.load_state_dict(state["optimizer"])
    if not differences(state["config"], values_of(job.config), only=SCHEDULED):
        job.scheduler.load_state_dict(state["scheduler"])
        return
    for group, values in zip(job.optimizer.param_groups, own, strict=True):
        group.update(values)
    take_over(job.scheduler, state["scheduler"])
    with warnings.catch_warnings():
        # torch warns if a schedule runs ahead of its optimizer.
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(state["scheduler"]["last_epoch"]):
            job.scheduler.step()
