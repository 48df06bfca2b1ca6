"""Batch normalisation and dropout over a batch that several processes share; here threads stand for the processes."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from snntrain.data.encoder import Poisson
from snntrain.data.share import Share, computing
from snntrain.network.layers import TimeDropout
from snntrain.network.sequence import TimeSequential
from snntrain.network.synchronised import synchronise


class Together:
    """Adds up tensors of several threads; each thread calls it in the same order."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=20)
        self.given: list[Tensor] = []
        self.lock = threading.Lock()

    def __call__(self, value: Tensor) -> Tensor:
        with self.lock:
            self.given.append(value.clone())
        self.barrier.wait()
        total = torch.stack(self.given).sum(0)
        if self.barrier.wait() == 0:
            self.given = []
        self.barrier.wait()
        return value.copy_(total)


def in_shares(size: int, rows: int, work: Callable[[Share, Together], Any]) -> list[Any]:
    """Call `work` for each share of a batch, all at the same time."""
    together = Together(size)

    def one(rank: int) -> Any:
        share = Share.of(rows, rank, size)
        with computing(share):
            return work(share, together)

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))


def whole(layer: nn.Module, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output and the gradient of the input; the gradients of the parameters stay in the layer."""
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(gradient)
    assert x.grad is not None
    return y.detach(), x.grad


def of_parameters(layers: list[nn.Module]) -> list[Tensor]:
    """Return the gradient of each parameter, added up over the copies of a layer."""
    found = [[p.grad for p in layer.parameters() if p.grad is not None] for layer in layers]
    return [torch.stack(parts).sum(0) for parts in zip(*found, strict=True)]


@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(1, 3),
    rows=st.integers(2, 7),
    channels=st.integers(1, 3),
    momentum=st.sampled_from([0.1, None]),
    affine=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_a_shared_batch_is_normalised_as_a_whole_one(
    size: int, rows: int, channels: int, momentum: float | None, affine: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, gradient = (3 + torch.randn(rows, channels, 2, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    right = nn.BatchNorm2d(channels, momentum=momentum, affine=affine).double()
    shared = [copy.deepcopy(right) for _ in range(size)]
    y, of_x = whole(right, x, gradient)

    def work(share: Share, together: Together) -> tuple[Tensor, Tensor]:
        layer = next(layers)
        synchronise(layer, together)
        return whole(layer, x[share.start : share.stop], gradient[share.start : share.stop])

    layers = iter(shared)
    found = in_shares(size, rows, work)
    torch.testing.assert_close(torch.cat([part for part, _ in found]), y)
    torch.testing.assert_close(torch.cat([part for _, part in found]), of_x)
    torch.testing.assert_close(of_parameters(shared), of_parameters([right]))
    for layer in shared:
        torch.testing.assert_close(dict(layer.named_buffers()), dict(right.named_buffers()))


def test_a_layer_of_one_dimension_is_normalised_too() -> None:
    x = torch.randn(5, 3, dtype=torch.float64)
    right = nn.BatchNorm1d(3).double()
    shared = [copy.deepcopy(right), copy.deepcopy(right)]
    y, _ = whole(right, x, torch.ones_like(x))

    def work(share: Share, together: Together) -> Tensor:
        synchronise(shared[share.start > 0], together)
        return whole(shared[share.start > 0], x[share.start : share.stop], torch.ones(share.count, 3).double())[0]

    torch.testing.assert_close(torch.cat(in_shares(2, 5, work)), y)


def test_half_precision_is_normalised_with_sums_in_double_precision() -> None:
    x = (1000 + torch.randn(8, 2, 4, 4)).bfloat16()
    right = nn.BatchNorm2d(2)
    layer = copy.deepcopy(right)
    synchronise(layer, lambda value: value)
    with computing(Share(8, 0, 8)):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, right(x))
    torch.testing.assert_close(layer.running_var, right.running_var)


def test_names_classes_and_copies_stay() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
    before = list(net.state_dict())
    synchronise(net, lambda value: value)
    assert list(net.state_dict()) == before
    assert isinstance(net[1], nn.BatchNorm2d)
    assert (type(net[1]).__name__, type(net[2]).__name__) == ("BatchNorm2d", "Dropout")
    x = torch.randn(4, 1, 5, 5)
    with computing(Share(4, 0, 4)):
        torch.testing.assert_close(copy.deepcopy(net)[1](net[0](x)), net[1](net[0](x)))


def test_evaluation_uses_the_running_statistics() -> None:
    def never(value: Tensor) -> Tensor:
        raise AssertionError("evaluation meets no other process")

    layer = nn.BatchNorm2d(2)
    right = copy.deepcopy(layer).eval()
    synchronise(layer, never)
    x = torch.randn(3, 2, 2, 2)
    with computing(Share(6, 0, 3)):
        assert torch.equal(layer.eval()(x), right(x))


class Own(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


def test_a_users_own_normalisation_is_left_alone() -> None:
    layer = Own(2)
    synchronise(layer, lambda value: value)
    assert type(layer) is Own


LAYERS = {
    "over time": (lambda: TimeDropout(0.4), 1),
    "on steps": (lambda: TimeSequential(nn.Dropout(0.4)), 1),
    "on channels": (lambda: TimeSequential(nn.Dropout2d(0.4)), 1),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("size", [2, 3])
def test_a_shared_batch_gets_the_mask_of_the_whole_one(kind: str, size: int) -> None:
    make, dim = LAYERS[kind]
    x = torch.rand(3, 5, 2, 2, 2) + 1
    torch.manual_seed(3)
    right, after = make()(x), torch.rand(1)
    parts = []
    for rank in range(size):
        layer, share = make(), Share.of(5, rank, size)
        synchronise(layer, lambda value: value)
        torch.manual_seed(3)
        with computing(share):
            parts.append(layer(x[:, share.start : share.stop]))
        assert torch.equal(torch.rand(1), after)
    assert torch.equal(torch.cat(parts, dim), right)


def test_a_shared_batch_gets_the_spikes_of_the_whole_one() -> None:
    x, encoder = torch.rand(5, 1, 3, 3), Poisson(4, [0.0], [1.0])
    torch.manual_seed(3)
    right, parts = encoder(x), []
    for rank in range(2):
        share = Share.of(5, rank, 2)
        torch.manual_seed(3)
        with computing(share):
            parts.append(encoder(x[share.start : share.stop]))
    assert torch.equal(torch.cat(parts, 1), right)


@given(rows=st.integers(1, 50), size=st.integers(1, 60))
def test_shares_are_the_batch_without_gaps(rows: int, size: int) -> None:
    shares = [Share.of(rows, rank, size) for rank in range(size)]
    assert [row for share in shares for row in range(share.start, share.stop)] == list(range(rows))
    assert max(share.count for share in shares) - min(share.count for share in shares) <= 1
    assert sum(share.weight for share in shares) == pytest.approx(1)
