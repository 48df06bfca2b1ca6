"""From output spikes to classes, compared with a count by hand in Python's integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.network.csnn import CSNN
from snntrain.network.layers import TimeDropout, Vote
from snntrain.network.mlp import MLP
from snntrain.network.readout import Rate, readout_of
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import LIFNode, surrogate

from .inputs import neuron


def ballots(T: int, N: int, classes: int, votes: int, seed: int = 0) -> Tensor:
    """Return random spikes of the output neurons, `[T, N, classes * votes]`."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(T, N, classes * votes, generator=generator) < 0.3).float()


def counted(spikes: Tensor, votes: int) -> tuple[list[list[int]], list[int], list[bool]]:
    """Count by hand the spikes of each class, the first class with the most, and whether another one has as many."""
    T, N, outputs = spikes.shape
    counts = [[0] * (outputs // votes) for _ in range(N)]
    for t, image, output in torch.nonzero(spikes).tolist():
        assert t < T
        counts[image][output // votes] += 1
    first = [row.index(max(row)) for row in counts]
    return counts, first, [row.count(max(row)) > 1 for row in counts]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize(("T", "votes"), [(1, 1), (12, 1), (4, 10), (12, 10), (7, 3), (3, 300)])
def test_spikes_are_counted_as_integers_whatever_the_votes_and_the_precision(
    T: int, votes: int, dtype: torch.dtype
) -> None:
    spikes = ballots(T, 60, 5, votes)
    counts, first, tied = counted(spikes, votes)
    decision = Rate(votes).decide(Vote(votes)(spikes.to(dtype)))
    assert not decision.scores.is_floating_point()
    assert decision.scores.tolist() == counts
    assert decision.classes.tolist() == first
    assert decision.tied.tolist() == tied


def test_equal_counts_are_a_tie_in_any_order_of_the_votes() -> None:
    """Each class gets 35 spikes in 12 steps of 10 votes, in different orders; sums of floats would differ."""
    steps = [[3] * 11 + [2], [2, *[3] * 11], [7, 7, 7, 7, 7, *[0] * 7]]
    shares = torch.tensor(steps).T[:, None].float() / 10
    assert len(set(shares.sum(0)[0].tolist())) > 1
    decision = Rate(10).decide(shares)
    assert (decision.scores.tolist(), decision.classes.tolist(), decision.tied.tolist()) == ([[35] * 3], [0], [True])


def test_a_silent_output_is_a_tie_of_all_classes() -> None:
    decision = Rate(1).decide(torch.zeros(4, 2, 3))
    assert (decision.classes.tolist(), decision.tied.tolist()) == ([0, 0], [True, True])


def test_an_output_that_is_not_spikes_is_summed_in_float64() -> None:
    output = torch.tensor([[[1e8, 1e8]], [[1.0, 0.0]], [[-1e8, -1e8]]])
    decision = Rate(None).decide(output)
    assert decision.scores.tolist() == [[1.0, 0.0]]
    assert (decision.classes.tolist(), decision.tied.tolist()) == ([0], [False])


@pytest.mark.parametrize(
    ("scores", "first"), [([float("nan"), 1.0], 1), ([float("nan")] * 2, 0), ([float("-inf"), float("nan")], 0)]
)
def test_nan_is_never_the_greatest(scores: list[float], first: int) -> None:
    assert Rate(None).decide(torch.tensor([[scores]])).classes.tolist() == [first]


class Graded(surrogate.ATan):
    """A user's firing rule that is not a step function."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.sigmoid()


class Potential(LIFNode):
    """An output layer that returns its potential instead of spikes."""

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        super().forward(x, T)
        assert isinstance(self.v, Tensor)
        return self.v.expand(len(x), *self.v.shape)


class Own(TimeSequential):
    """A network with a forward that does more than its layers."""

    def forward(self, x: Tensor, T: int | None = None) -> Tensor:
        return super().forward(x, T) / 2


def node(**arguments: Any) -> LIFNode:
    return LIFNode(step_mode="m", **arguments)


@pytest.mark.parametrize(
    ("network", "votes"),
    [
        (lambda: MLP((1, 4, 4), 3, neuron, hidden=(5,)), 10),
        (lambda: MLP((1, 4, 4), 3, neuron, hidden=(5,), votes=1), 1),
        (lambda: CSNN((1, 4, 4), 3, neuron, channels=(2,), hidden=(), votes=4), 4),
        (lambda: TimeSequential(nn.Linear(2, 6), TimeSequential(node(), Vote(2))), 2),
        (lambda: TimeSequential(TimeSequential(nn.Linear(2, 6), node()), Vote(3)), 3),
        (lambda: TimeSequential(nn.Linear(2, 6), Vote(2)), None),
        (lambda: TimeSequential(node(), nn.Linear(2, 6)), None),
        (lambda: TimeSequential(node(), TimeDropout(0.5)), None),
        (lambda: TimeSequential(node(), Vote(2), Vote(3)), None),
        (lambda: TimeSequential(Potential(step_mode="m"), Vote(2)), None),
        (lambda: TimeSequential(node(surrogate_function=surrogate.ATan(spiking=False))), None),
        (lambda: TimeSequential(node(surrogate_function=Graded())), None),
        (lambda: TimeSequential(node(surrogate_function=lambda x: x.sigmoid())), None),
        (lambda: Own(node()), None),
        (lambda: Vote(2), None),
        (lambda: nn.Linear(2, 6), None),
        (lambda: TimeSequential(), None),
    ],
)
def test_only_a_chain_that_ends_in_neurons_is_known_to_give_spikes(
    network: Callable[[], nn.Module], votes: int | None
) -> None:
    assert readout_of(network()).votes == votes
