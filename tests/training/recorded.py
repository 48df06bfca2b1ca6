"""Jobs with recorded and with launched steps, and everything that these change."""

from __future__ import annotations

import logging
from collections.abc import Collection

import pytest
import torch

from snntrain.training.job.build import Job
from snntrain.training.progress import fresh_progress
from snntrain.training.step.recorded_step import RecordedStep
from snntrain.training.step.training_step import TrainingStep

from .jobs import one_epoch
from .stand_in import StandIn

# 6 batches, the last one is smaller.
SMALL = (
    *("trainer.limit_batches=null", "trainer.epochs=2", "trainer.batch_size=256", "monitor=default", "T=2"),
    *("network=csnn", "network.channels=[2]", "network.hidden=[4]"),
)
TWELVE = "trainer.batch_size=128"
NOISY = ("network.dropout=0.2", "encoder=poisson", "dataset.augment.degrees=20", "trainer.ema=0.7")


def epochs(job: Job, step: TrainingStep, count: int = 2) -> list[float]:
    """Train some epochs, and return their losses."""
    return [one_epoch(job, step, number).loss for number in range(1, 1 + count)]


def recorded(job: Job, recorder: StandIn) -> tuple[TrainingStep, RecordedStep]:
    step = TrainingStep(job, fresh_progress(job).tally, recorder)
    assert isinstance(step.step, RecordedStep)
    return step, step.step


def launched(job: Job) -> TrainingStep:
    """A step that is never recorded."""
    step, inner = recorded(job, StandIn())
    inner.failed = True
    return step


def outcome(job: Job, step: TrainingStep) -> dict[str, object]:
    """Return everything that training has changed."""
    return {
        "model": dict(job.model.state_dict()),
        "average": None if job.average is None else dict(job.average.model.state_dict()),
        "optimizer": job.optimizer.state_dict()["state"],
        "scaler": job.scaler.state_dict(),
        "tally": step.tally.sums(),
        "step": step.state_dict(),
        "random": torch.get_rng_state(),
    }


def outcome_with_bad_steps(job: Job, step: TrainingStep, bad: Collection[int]) -> dict[str, object]:
    """Return everything that an epoch of ready-made batches changes; those in `bad` are spoilt."""
    job.model.train()
    for index, (images, labels) in enumerate(job.train.draws(1)):
        step((images * torch.nan if index in bad else images, labels), index)
    if job.world.device.type == "cuda":
        torch.cuda.synchronize()
    assert step.failing() is (len(bad) > 2)
    result = outcome(job, step)
    assert step.skipped() == len(bad)
    return result


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
