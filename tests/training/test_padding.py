"""Sequences of different length in one batch: padded, they give the same results as each alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from snntrain.data.batch import Batch
from snntrain.data.dataset import Data
from snntrain.errors import UserError
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.evaluation.look import look
from snntrain.training.job.build import Job
from snntrain.training.loss import CERate, MSERate

from .jobs import OURS, moving_dots, prepared, same, trained
from .recorded import epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["device_decides"]

LOSSES = pytest.mark.parametrize("loss", ["mse_rate", "ce_rate"])
DATA = ("dataset.mean=[0,0]", "dataset.std=[.1,.1]", "dataset.workers=0", "trainer.limit_batches=null")
DOTS = (OURS, "dataset._target_=tests.training.test_padding.padded_dots", *DATA)


def padded_dots(root: str | None, validation: float, split_seed: int) -> Data:
    """Return dots that move for 1 to 6 steps; the steps after that hold noise."""
    data = moving_dots(root, validation, split_seed)
    splits = []
    for split in (data.train, data.validation, data.test):
        lengths = 1 + torch.arange(len(split)) % 6
        images = torch.stack([split[index] for index in range(len(split))])
        noise = torch.randint(2, images.shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
        padding = torch.arange(6) >= lengths.unsqueeze(1)
        images = torch.where(padding[..., None, None, None], noise, images)
        splits.append(replace(split, images=images, lengths=lengths))
    return Data("dots", *splits, class_names=data.class_names, scale=1.0)


def alone(batch: Batch) -> list[Batch]:
    """Return each sequence of a batch as a batch by itself, without padding."""
    assert batch.lengths is not None
    return [
        Batch(batch.x[:length, index : index + 1], batch.labels[index : index + 1])
        for index, length in enumerate(batch.lengths.tolist())
    ]


@LOSSES
@pytest.mark.parametrize("votes", [1, 4])
def test_padded_sequences_are_evaluated_as_each_of_them_alone(loss: str, votes: int) -> None:
    job = prepared(*DOTS, f"loss={loss}", f"network.votes={votes}", "neuron.v_threshold=0.3")
    (batch,) = job.validation.epoch()
    padded = evaluate(job.model, job.loss, [batch], job.classes, job.world.precision)
    each = evaluate(job.model, job.loss, alone(batch), job.classes, job.world.precision)
    assert padded.loss == pytest.approx(each.loss, rel=1e-6)
    assert torch.equal(padded.confusion, each.confusion)
    assert padded.ties == each.ties
    unaware = evaluate(job.model, job.loss, [replace(batch, lengths=None)], job.classes, job.world.precision)
    assert unaware.loss != pytest.approx(each.loss, rel=1e-3)


def test_padded_sequences_are_recorded_as_each_of_them_alone() -> None:
    job = prepared(*DOTS, "network.votes=4", "neuron.v_threshold=0.3")
    (batch,) = job.validation.epoch()
    seen = look(job, batch)
    for index, single in enumerate(alone(batch)):
        answer = look(job, single)
        assert seen.answers.scores[index].tolist() == answer.answers.scores[0].tolist()
        assert seen.answers.classes[index] == answer.answers.classes[0]
        torch.testing.assert_close(torch.tensor(seen.images[index]), torch.tensor(answer.images[0]))


@pytest.mark.parametrize("loss", [MSERate(), CERate(), CERate(label_smoothing=0.1)], ids=["mse", "ce", "smooth"])
def test_padding_gets_no_gradient_and_changes_that_of_no_other_step(loss: nn.Module) -> None:
    lengths, labels = torch.tensor([1, 4, 6]), torch.tensor([0, 3, 1])
    spikes = (torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    spikes[2:, 0] = torch.nan
    spikes.requires_grad_()
    loss(spikes, labels, lengths).backward()
    for index, length in enumerate(lengths.tolist()):
        one = spikes.detach()[:length, index : index + 1].requires_grad_()
        (loss(one, labels[index : index + 1]) / 3).backward()
        torch.testing.assert_close(spikes.grad[:length, index], one.grad[:, 0])
        assert not spikes.grad[length:, index].any()


@pytest.mark.usefixtures("device_decides")
@pytest.mark.parametrize("resident", ["always", "never"])
def test_recorded_steps_train_on_padded_sequences_as_launched_ones_do_to_the_bit(resident: str) -> None:
    def job() -> Job:
        return prepared(*DOTS, f"dataset.resident={resident}", "trainer.batch_size=4", "trainer.epochs=2")

    one, other = job(), job()
    right_step = launched(other)
    losses = epochs(other, right_step)
    step, inner = recorded(one, StandIn())
    assert epochs(one, step) == losses
    assert inner.proven
    assert same(outcome(one, step), outcome(other, right_step))


def test_padded_sequences_are_trained_on(tmp_path: Path) -> None:
    summary = trained(tmp_path, *DOTS, "trainer.epochs=20", "optimizer.lr=0.05", "network.votes=4", "monitor=default")
    assert summary["test_accuracy"] >= 0.75


class Old(nn.Module):
    """The user's own loss, which does not take lengths."""

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.mse_loss(spikes.mean(0), nn.functional.one_hot(labels, spikes.shape[-1]).float())


def test_a_loss_without_lengths_trains_on_images_and_is_refused_for_padded_sequences(tmp_path: Path) -> None:
    own = "loss._target_=tests.training.test_padding.Old"
    assert trained(tmp_path, OURS, own)["epochs"] == 1
    with pytest.raises(UserError, match="loss=Old: the sequences of dots have different lengths"):
        prepared(*DOTS, own)
