"""Evaluation beside a loop over single images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snntrain.data.batches import Batches
from snntrain.neuron import reset_net
from snntrain.training.evaluate import Tally, evaluate
from snntrain.training.precision import Precision

from .jobs import prepared

CPU = torch.device("cpu")
UNEVEN = ("trainer.eval_batch_size=60", "trainer.limit_batches=null")


@pytest.mark.parametrize("loss", ["mse_rate", "ce_rate"])
def test_metrics_agree_with_one_image_at_a_time(loss: str) -> None:
    job = prepared(*UNEVEN, f"loss={loss}", "surrogate=sigmoid", "reset=soft", "neuron.v_threshold=0.2")
    metrics = evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.precision)
    images, labels = next(Batches(job.data.validation, batch_size=999, scale=16.0, device="cpu").epoch())
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    losses = []
    with torch.no_grad():
        for image, label in zip(images, labels, strict=True):
            spikes = job.model(image[None])
            reset_net(job.model)
            losses.append(job.loss(spikes, label[None]).item())
            confusion[label, spikes.mean(0)[0].argmax()] += 1
    assert len(images) == 143
    assert torch.equal(metrics.confusion, confusion)
    assert metrics.accuracy == confusion.diagonal().sum().item() / 143
    assert metrics.loss == pytest.approx(sum(losses) / 143, rel=1e-6)
    assert len({int(column) for column in confusion.nonzero()[:, 1]}) > 1


def test_evaluation_changes_nothing_and_is_the_same_again() -> None:
    job = prepared(*UNEVEN, "network=csnn", "network.channels=[4]", "network.dropout=0.5")
    job.model.train()
    before = {name: value.clone() for name, value in job.model.state_dict().items()}
    first, second = (
        evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.precision) for _ in range(2)
    )
    assert first.loss == second.loss
    assert not job.model.training
    assert all(torch.equal(value, before[name]) for name, value in job.model.state_dict().items())
    assert all(p.grad is None for p in job.model.parameters())


def rates(*favourites: int) -> Tensor:
    """Spikes `[1, N, 3]` of the favoured class of each image."""
    return torch.eye(3)[list(favourites)][None]


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    tally = Tally(3, CPU)
    tally.add(torch.tensor(1.0), rates(1, 1, 0), torch.tensor([0, 1, 2]))
    tally.add(torch.tensor(3.0), rates(2), torch.tensor([0]))
    metrics = tally.metrics()
    assert metrics.confusion.tolist() == [[0, 1, 1], [0, 1, 0], [1, 0, 0]]
    assert metrics.accuracy == 1 / 4
    assert metrics.loss == (3 * 1.0 + 1 * 3.0) / 4


def test_a_tally_of_nothing_is_zero() -> None:
    metrics = Tally(3, CPU).metrics()
    assert (metrics.loss, metrics.accuracy, int(metrics.confusion.sum())) == (0.0, 0.0, 0)


def test_evaluation_in_bfloat16_counts_every_image() -> None:
    job = prepared(*UNEVEN)
    metrics = evaluate(job.model, job.loss, job.validation.epoch(), job.classes, Precision("bf16", CPU))
    assert metrics.confusion.sum() == 143
