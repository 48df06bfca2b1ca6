"""Evaluation, compared with a loop over single images."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from snntrain.data.batch import Batch
from snntrain.data.batches import Batches
from snntrain.network.readout import Rate
from snntrain.neuron import reset_net
from snntrain.training.evaluation.evaluate import Tally, evaluate
from snntrain.training.evaluation.look import look
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job.precision import Precision
from snntrain.training.saving import checkpoint

from .jobs import prepared, trained

CPU = torch.device("cpu")
SPIKES = Rate(votes=1)
UNEVEN = ("trainer.eval_batch_size=60", "trainer.limit_batches=null")


@pytest.mark.parametrize("loss", ["mse_rate", "ce_rate"])
def test_metrics_agree_with_one_image_at_a_time(loss: str) -> None:
    job = prepared(*UNEVEN, f"loss={loss}", "surrogate=sigmoid", "reset=soft", "neuron.v_threshold=0.2")
    metrics = evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.world.precision)
    batch = next(Batches(job.data.validation, batch_size=999, scale=16.0, device="cpu").epoch())
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    losses, ties = [], 0
    with torch.no_grad():
        for image, label in zip(batch.x, batch.labels, strict=True):
            spikes = job.model(image[None])
            reset_net(job.model)
            losses.append(job.loss(spikes, label[None]).item())
            votes = (10 * spikes.sum(0)[0]).round().int().tolist()
            confusion[label, votes.index(max(votes))] += 1
            ties += votes.count(max(votes)) > 1
    assert len(batch.x) == 143
    assert torch.equal(metrics.confusion, confusion)
    assert metrics.ties == ties > 0
    assert metrics.accuracy == confusion.diagonal().sum().item() / 143
    assert metrics.loss == pytest.approx(sum(losses) / 143, rel=1e-6)
    assert len({int(column) for column in confusion.nonzero()[:, 1]}) > 1


@pytest.mark.parametrize("votes", [1, 10])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_test_and_the_pictures_decide_ties_alike(precision: str, votes: int) -> None:
    """IF neurons and many steps make many ties; the reference counts the spikes of the output neurons themselves."""
    job = prepared(
        *("neuron=if", "T=12", "neuron.v_threshold=0.1", f"network.votes={votes}"),
        *(f"trainer.precision={precision}", "trainer.eval_batch_size=999"),
    )
    batch = next(Batches(job.data.test, batch_size=999, scale=16.0, device="cpu").epoch())
    seen = look(job, batch)
    spikes = seen.recordings["out_neuron"].s.astype(int)
    counts = spikes.reshape(12, len(batch.labels), 10, votes).sum((0, 3)).tolist()
    first = [row.index(max(row)) for row in counts]
    tied = [row.count(max(row)) > 1 for row in counts]
    assert 5 < sum(tied) < len(tied)
    assert (list(seen.answers.classes), list(seen.answers.tied)) == (first, tied)
    assert seen.answers.scores.tolist() == counts
    metrics = metrics_on_test(job)
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    for label, guess in zip(batch.labels.tolist(), first, strict=True):
        confusion[label, guess] += 1
    assert torch.equal(metrics.confusion, confusion)
    assert metrics.ties == sum(tied)


def test_evaluation_changes_nothing_and_is_the_same_again() -> None:
    job = prepared(*UNEVEN, "network=csnn", "network.channels=[4]", "network.dropout=0.5")
    job.model.train()
    before = {name: value.clone() for name, value in job.model.state_dict().items()}
    first, second = (
        evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.world.precision) for _ in range(2)
    )
    assert first.loss == second.loss
    assert not job.model.training
    assert all(torch.equal(value, before[name]) for name, value in job.model.state_dict().items())
    assert all(p.grad is None for p in job.model.parameters())


def test_a_limit_on_batches_leaves_the_test_whole() -> None:
    job = prepared("trainer.limit_batches=1", "trainer.eval_batch_size=60")
    validated = evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.world.precision)
    assert validated.confusion.sum() == 60
    assert metrics_on_test(job).confusion.sum() == len(job.data.test) == 359


NOISY = ("encoder=poisson", "trainer.eval_batch_size=60", "neuron.v_threshold=0.2")


def test_noisy_images_give_the_same_figures_again_and_do_not_change_the_draws_of_training() -> None:
    job = prepared(*NOISY)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = metrics_on_test(job)
    assert torch.equal(torch.rand(3), expected)
    second = metrics_on_test(job)
    assert first.loss == second.loss
    assert torch.equal(first.confusion, second.confusion)


def test_the_accuracy_of_a_run_on_noisy_images_is_reproduced(tmp_path: Path) -> None:
    summary = trained(tmp_path, *NOISY, "trainer.epochs=2", "optimizer.lr=0.01")
    job = prepared(*NOISY)
    for name, key in (("best", "test_accuracy"), ("last", "test_accuracy_last")):
        checkpoint.restore(job.evaluated.network, tmp_path / "checkpoints" / f"{name}.pt")
        assert metrics_on_test(job).accuracy == summary[key]


def rates(*favourites: int) -> Tensor:
    """Return spikes `[1, N, 3]` of the favoured class of each image."""
    return torch.eye(3)[list(favourites)][None]


def labelled(*labels: int) -> Batch:
    return Batch(torch.empty(len(labels), 0), torch.tensor(labels))


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    tally = Tally(3, CPU, SPIKES)
    tally.add(torch.tensor(1.0), rates(1, 1, 0), labelled(0, 1, 2))
    tally.add(torch.tensor(3.0), rates(2), labelled(0))
    metrics = tally.metrics()
    assert metrics.confusion.tolist() == [[0, 1, 1], [0, 1, 0], [1, 0, 0]]
    assert metrics.accuracy == 1 / 4
    assert metrics.loss == (3 * 1.0 + 1 * 3.0) / 4


@pytest.mark.parametrize(
    ("finite_only", "losses", "mean"),
    [(True, (1.0, math.nan, 3.0), 2.5), (False, (1.0, math.nan, 3.0), math.nan), (True, (math.inf,) * 3, math.inf)],
)
def test_a_loss_that_is_not_finite_can_be_left_out_of_the_mean_of_others(
    finite_only: bool, losses: tuple[float, ...], mean: float
) -> None:
    tally = Tally(3, CPU, SPIKES, finite_only=finite_only)
    for loss, images in zip(losses, (1, 2, 3), strict=True):
        tally.add(torch.tensor(loss), rates(*[0] * images), labelled(*[0] * images))
    assert tally.metrics().loss == pytest.approx(mean, nan_ok=True)
    assert tally.metrics().confusion.sum() == 6


def test_a_tally_of_nothing_is_zero() -> None:
    metrics = Tally(3, CPU, SPIKES).metrics()
    assert (metrics.loss, metrics.accuracy, int(metrics.confusion.sum())) == (0.0, 0.0, 0)


def test_evaluation_in_bfloat16_counts_every_image() -> None:
    job = prepared(*UNEVEN)
    metrics = evaluate(job.model, job.loss, job.validation.epoch(), job.classes, Precision("bf16", CPU))
    assert metrics.confusion.sum() == 143
