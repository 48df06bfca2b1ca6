"""Everything that a run goes on from, taken from its parts and put back into them.

What is not in it: the potentials of the neurons, which begin at rest with every batch, and the data, whose order is a
function of seed and epoch.
"""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import torch

from snntrain.config.changes import SCHEDULED, differences
from snntrain.config.values import values_of
from snntrain.training.job.build import Job
from snntrain.training.progress import Best, Progress
from snntrain.training.state import Training


def best_state(best: Best) -> dict[str, Any]:
    """The best weights, which are evaluated."""
    return {"epoch": best.epoch, "val_accuracy": best.score[0], "model": best.weights}


def whole_state(training: Training) -> dict[str, Any]:
    """What `put_back` and `TrainingStep.put_back` take, and the weights that are evaluated."""
    job, progress = training.job, training.progress
    return {
        "epoch": progress.finished,
        "batch": progress.batch,
        "model": job.evaluated.network.state_dict(),
        "trained": job.model.state_dict(),
        "average": None if job.average is None else job.average.state(),
        "optimizer": job.optimizer.state_dict(),
        "scheduler": job.scheduler.state_dict(),
        "scaler": job.scaler.state_dict(),
        "step": training.step.state(),
        "progress": progress.state(),
        "random": random_states(job.world.device),
    }


def put_back(job: Job, progress: Progress, state: dict[str, Any]) -> None:
    """Has the job and its progress be as they were when `state` was taken; its step is made after that."""
    job.model.load_state_dict(state["trained"])
    if job.average is not None:
        job.average.put_back(state["average"])
    _put_back_optimizer(job, state)
    if job.scaler.is_enabled() and state["scaler"]:
        job.scaler.load_state_dict(state["scaler"])
    progress.put_back(state["progress"])
    put_back_random_states(job.world.device, state["random"])


def _put_back_optimizer(job: Job, state: dict[str, Any]) -> None:
    """What the optimizer has learnt of the gradients, and the place in the schedule, which may be another one now."""
    own = [{key: value for key, value in group.items() if key != "params"} for group in job.optimizer.param_groups]
    job.optimizer.load_state_dict(state["optimizer"])
    if not differences(state["config"], values_of(job.config), only=SCHEDULED):
        job.scheduler.load_state_dict(state["scheduler"])
        return
    for group, values in zip(job.optimizer.param_groups, own, strict=True):
        group.update(values)
    with warnings.catch_warnings():
        # Of a schedule that runs ahead of its optimizer.
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(state["scheduler"]["last_epoch"]):
            job.scheduler.step()


def random_states(device: torch.device) -> dict[str, Any]:
    """Where the random numbers of Python, NumPy and PyTorch have come to, in plain lists and tensors."""
    numpy: Any = np.random.get_state(legacy=True)  # noqa: NPY002  a user's own module may draw from it
    kind, keys, *rest = numpy
    return {
        "python": random.getstate(),
        "numpy": [kind, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def put_back_random_states(device: torch.device, states: dict[str, Any]) -> None:
    """What `random_states` gave; a GPU's only where it was taken of one."""
    random.setstate(states["python"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if device.type == "cuda" and states["cuda"] is not None:
        torch.cuda.set_rng_state(states["cuda"], device)
