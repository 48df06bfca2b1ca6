"""Steps that the scaler of float16 skips: which of them are bad, and what they leave behind."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch

from snntrain.training.job.build import Job
from snntrain.training.step.training_step import TrainingStep

from .jobs import prepared, stepping
from .spoilt import EIGHT, Spoilt, trained, without

SGD = "optimizer=sgd"


def scaled(scale: float, bad: Collection[int], kind: str = "gradient") -> tuple[TrainingStep, Job]:
    """Train an epoch of a job with the loss scaled as in float16."""
    job = prepared(*EIGHT, "trainer.max_bad_steps=2", SGD)
    job.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    return trained(job, bad, kind), job


def test_an_overflow_of_the_scaled_loss_is_skipped_and_rescaled_and_not_counted() -> None:
    step, job = scaled(2.0**127, range(99), "great")
    assert 2.0**110 < job.scaler.get_scale() < 2.0**125
    assert step.skipped() == 0
    assert not step.failing()
    assert all(p.isfinite().all() for p in job.model.parameters())


@pytest.mark.parametrize(
    ("scale", "kind", "counted"), [(2.0**10, "gradient", 0), (0.5, "gradient", 4), (2.0**10, "loss", 4)]
)
def test_a_step_is_bad_where_no_scale_would_help(scale: float, kind: str, counted: int) -> None:
    bad = {1, 4, 5, 6}
    step, job = scaled(scale, bad, kind)
    oracle = prepared(*EIGHT, SGD)
    without(oracle, bad)
    assert step.skipped() == counted
    assert step.failing() is (counted > 0)
    for one, other in zip(job.model.parameters(), oracle.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_first_step_that_overflows_leaves_no_momentum() -> None:
    """torch's fused SGD would use memory that was never written."""
    job = prepared(*EIGHT, SGD)
    job.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    step = stepping(job)
    job.loss = Spoilt(job.loss, {0}, "gradient")
    step(next(job.train.draws(1)), 0)
    assert not job.optimizer.state
