"""Classes of different size: the draws of an epoch, and the weights of a loss."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from snntrain.data.balance import balanced_order, class_weights
from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.training.loss import CERate, MSERate

LABELS = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)


def batches(seed: int = 0, **options: object) -> Batches:
    split = ImageTensors(torch.arange(len(LABELS)).to(torch.uint8).view(-1, 1, 1, 1), LABELS)
    return Batches(split, batch_size=64, scale=1.0, device="cpu", seed=seed, shuffle=True, **options)  # type: ignore[arg-type]


def labels_of(seed: int, epoch: int) -> torch.Tensor:
    return torch.cat([batch.labels for batch in batches(seed, balanced=True).epoch(epoch)])


def test_the_sampler_draws_each_class_equally_often() -> None:
    counts = labels_of(0, 1).bincount()
    assert counts.sum() == len(LABELS)
    assert (counts - len(LABELS) / 3).abs().max() < 80


def test_the_draws_depend_on_seed_and_epoch_alone() -> None:
    assert torch.equal(labels_of(0, 1), labels_of(0, 1))
    assert not torch.equal(labels_of(0, 1), labels_of(0, 2))
    assert not torch.equal(labels_of(0, 1), labels_of(1, 1))


def test_two_processes_draw_the_samples_of_one() -> None:
    whole = [batch.x for batch in batches(balanced=True).epoch(1)]
    halves = [batches(balanced=True, rank=rank, size=2).epoch(1) for rank in range(2)]
    for one, *two in zip(whole, *halves, strict=True):
        assert torch.equal(one, torch.cat([batch.x for batch in two]))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50), st.integers(0, 2**32))
def test_every_draw_is_a_sample(labels: list[int], seed: int) -> None:
    order = balanced_order(torch.tensor(labels), torch.Generator().manual_seed(seed))
    assert len(order) == len(labels)
    assert 0 <= int(order.min()) <= int(order.max()) < len(labels)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_class_weights_have_mean_one_over_the_samples_and_the_same_sum_for_each_class(labels: list[int]) -> None:
    drawn = torch.tensor(labels)
    weights = class_weights(drawn, 5)[drawn].double()
    assert weights.mean().item() == pytest.approx(1.0, rel=1e-6)
    sums = torch.zeros(5, dtype=torch.float64).index_add_(0, drawn, weights)
    assert sums[drawn.unique()].tolist() == pytest.approx([len(labels) / len(set(labels))] * len(set(labels)))


@pytest.mark.parametrize("loss", [MSERate(), CERate(), CERate(label_smoothing=0.1)])
def test_a_weighted_loss_is_the_mean_of_the_weighted_losses(loss: torch.nn.Module) -> None:
    random = torch.Generator().manual_seed(0)
    spikes, labels = torch.rand(4, 6, 3, generator=random), torch.tensor([0, 1, 2, 2, 1, 0])
    weights = torch.rand(6, generator=random)
    each = torch.stack([loss(spikes[:, [n]], labels[[n]]) for n in range(6)])
    torch.testing.assert_close(loss(spikes, labels, weights=weights), (each * weights).mean())
    torch.testing.assert_close(loss(spikes, labels, weights=torch.ones(6)), loss(spikes, labels))
    lengths = torch.tensor([1, 2, 3, 4, 4, 4])
    padded = torch.stack([loss(spikes[:, [n]], labels[[n]], lengths[[n]]) for n in range(6)])
    torch.testing.assert_close(loss(spikes, labels, lengths, weights), (padded * weights).mean())


def test_the_unweighted_losses_are_those_of_torch_to_the_bit() -> None:
    spikes, labels = torch.rand(4, 6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    one_hot = F.one_hot(labels, 3).float()
    assert torch.equal(MSERate()(spikes, labels), F.mse_loss(spikes.mean(0), one_hot))
    assert torch.equal(CERate()(spikes, labels), F.cross_entropy(10.0 * spikes.mean(0), labels))


def test_a_batch_has_the_weights_of_its_classes() -> None:
    weights = torch.tensor([1.0, 2.0, 3.0])
    for batch in batches(class_weights=weights).epoch(1):
        assert batch.weights is not None
        assert torch.equal(batch.weights, weights[batch.labels])
