"""dataset.balance in a whole run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from snntrain.data.batch import Batch
from snntrain.training.loss import loss_of
from tests.conftest import TINY, Outcome

from .jobs import OURS, Infinite, prepared, same, state, trained

Command = Callable[..., Outcome]


def test_a_run_without_balance_is_that_of_before_to_the_bit(tmp_path: Path) -> None:
    trained(tmp_path / "one")
    trained(tmp_path / "other", "dataset.balance=none")
    assert same(state(tmp_path / "one")["trained"], state(tmp_path / "other")["trained"])


def test_only_training_is_balanced() -> None:
    job = prepared("dataset.balance=loss", "trainer.limit_batches=null")
    weights = torch.cat([batch.weights for batch in job.train.epoch(1)])
    assert float(weights.mean()) == pytest.approx(1.0)
    assert all(batch.weights is None for batch in job.validation.epoch())
    job = prepared("dataset.balance=sampler", "trainer.limit_batches=null")
    labels = torch.cat([batch.labels for batch in job.validation.epoch()])
    assert torch.equal(labels, job.data.validation.labels)


class Weighing(nn.Module):
    """A loss of the user's own that takes weights."""

    def forward(
        self, spikes: torch.Tensor, labels: torch.Tensor, *, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        each = spikes.mean(0).gather(1, labels.unsqueeze(1)).squeeze(1)
        return -(each if weights is None else each * weights).mean()


def test_a_loss_of_ones_own_may_weigh() -> None:
    job = prepared(OURS, "loss._target_=tests.training.test_balance_of_a_run.Weighing", "dataset.balance=loss")
    spikes, labels = torch.ones(2, 3, 10), torch.tensor([0, 1, 2])
    batch = Batch(torch.zeros(3, 1, 8, 8), labels, weights=torch.tensor([1.0, 2.0, 6.0]))
    assert float(loss_of(job.loss, spikes, batch)) == -3.0


def test_a_loss_that_cannot_weigh_is_refused_before_training(snntrain: Command) -> None:
    given = (OURS, f"loss._target_={Infinite.__module__}.Infinite", "dataset.balance=loss")
    done = snntrain(*TINY, *given)
    assert done.status == 2
    assert "loss=Infinite takes no weights" in done.err
