"""Batch normalisation of padded sequences, compared with one of the valid steps alone."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from snntrain.data.padding import padded
from snntrain.data.share import Share
from snntrain.network.sequence import TimeSequential
from snntrain.network.synchronised import synchronise
from tests.network.test_synchronised import Together, in_shares

T, CHANNELS = 5, 3


def sequences(lengths: Tensor, seed: int, *shape: int) -> Tensor:
    """Return sequences `[T, N, 3, *]` far from 0, with greater values in the padding."""
    generator = torch.Generator().manual_seed(seed)
    x = 3 + torch.randn(T, len(lengths), CHANNELS, *shape, generator=generator, dtype=torch.float64)
    return torch.where(valid(lengths).view(T, -1, *[1] * (x.ndim - 2)), x, 100 * x)


def valid(lengths: Tensor) -> Tensor:
    return torch.arange(T).unsqueeze(1) < lengths


def parts(layer: nn.Module, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output for `x`, and the gradient of the sum of the weighted output."""
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * weights).sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, T), min_size=2, max_size=6),
    seed=st.integers(0, 10**6),
    momentum=st.sampled_from([0.1, None]),
    shape=st.sampled_from([(), (4,), (2, 3)]),
)
def test_statistics_and_gradients_are_those_of_the_valid_steps_alone(
    lengths: list[int], seed: int, momentum: float | None, shape: tuple[int, ...]
) -> None:
    of_each = torch.tensor(lengths)
    kind = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[len(shape)]
    right = kind(CHANNELS, momentum=momentum).double()
    layer = copy.deepcopy(right)
    synchronise(layer, lambda value: value)
    x, mask = sequences(of_each, seed, *shape), valid(of_each)
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    expected, of_x = parts(right, x[mask], weights[mask])
    with padded(x, of_each):
        # Nothing that a loss reads depends on padding.
        found, gradient = parts(TimeSequential(layer), x, weights * mask.view(T, -1, *[1] * (x.ndim - 2)))
    torch.testing.assert_close(found[mask], expected)
    torch.testing.assert_close(gradient[mask], of_x)
    assert not gradient[~mask].any()
    torch.testing.assert_close(layer.weight.grad, right.weight.grad)
    torch.testing.assert_close(layer.bias.grad, right.bias.grad)
    torch.testing.assert_close(dict(layer.named_buffers()), dict(right.named_buffers()))


def test_the_gradient_is_the_derivative_even_if_the_loss_reads_padding() -> None:
    lengths = torch.tensor([2, 5, 1])
    layer = nn.BatchNorm1d(CHANNELS).double()
    synchronise(layer, lambda value: value)
    weights = torch.randn(T, 3, CHANNELS, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        with padded(x, lengths):
            y: Tensor = (TimeSequential(layer)(x) * weights).sum()
            return y

    assert torch.autograd.gradcheck(loss, sequences(lengths, 0).div(10).requires_grad_())


@pytest.mark.parametrize("size", [2, 3])
def test_several_processes_normalise_padded_sequences_as_one_does(size: int) -> None:
    lengths = torch.tensor([1, 4, 5, 2, 3])
    x = sequences(lengths, 0, 2, 2)
    right = nn.BatchNorm2d(CHANNELS).double()
    shared = [copy.deepcopy(right) for _ in range(size)]
    synchronise(right, lambda value: value)
    with padded(x, lengths):
        expected, of_x = parts(TimeSequential(right), x, torch.ones_like(x))

    def work(share: Share, together: Together) -> tuple[Tensor, Tensor]:
        layer, own = next(layers), x[:, share.start : share.stop]
        synchronise(layer, together)
        with padded(own, lengths[share.start : share.stop]):
            return parts(TimeSequential(layer), own, torch.ones_like(own))

    layers = iter(shared)
    found = in_shares(size, len(lengths), work)
    torch.testing.assert_close(torch.cat([y for y, _ in found], dim=1), expected)
    torch.testing.assert_close(torch.cat([g for _, g in found], dim=1), of_x)
    for layer in shared:
        torch.testing.assert_close(dict(layer.named_buffers()), dict(right.named_buffers()))


def test_without_lengths_and_in_evaluation_nothing_changes() -> None:
    x = torch.randn(T * 2, CHANNELS)
    right = nn.BatchNorm1d(CHANNELS)
    layer = copy.deepcopy(right)
    synchronise(layer, lambda value: value)
    assert torch.equal(layer(x), right(x))
    layer.eval(), right.eval()
    with padded(x.view(T, 2, CHANNELS), torch.tensor([1, 5])):
        assert torch.equal(layer(x), right(x))
