import math

import pytest
import torch

from snntrain.network.layers import TimeDropout, Vote
from snntrain.network.readout import Rate

from .inputs import noise


def test_a_dropped_neuron_is_out_at_every_step() -> None:
    torch.manual_seed(0)
    y = TimeDropout(0.4)(torch.ones(6, 50, 40))
    assert y.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    for step in y:
        assert torch.equal(step, y[0])


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    y = TimeDropout(0.3)(torch.ones(1, 200, 200))
    assert (y == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert y.mean().item() == pytest.approx(1.0, abs=0.02)


def test_dropout_draws_a_new_mask_for_each_call_and_image() -> None:
    torch.manual_seed(0)
    layer, x = TimeDropout(0.5), torch.ones(2, 2, 100)
    y = layer(x)
    assert not torch.equal(y[0, 0], y[0, 1])
    assert not torch.equal(layer(x), y)


def test_dropout_keeps_values_and_gradients_of_the_neurons_left() -> None:
    torch.manual_seed(0)
    x = noise(3, 4, 20).requires_grad_()
    y = TimeDropout(0.5)(x)
    y.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(y, x.detach() * x.grad)
    assert set(x.grad.unique().tolist()) == {0.0, 2.0}


def test_dropout_changes_nothing_in_evaluation_mode() -> None:
    x = noise(3, 4, 5)
    assert TimeDropout(0.9).eval()(x) is x


@pytest.mark.parametrize("p", [-0.1, 1.0, math.nan])
def test_dropout_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\)"):
        TimeDropout(p)


def test_vote_averages_neighbours_at_each_step() -> None:
    spikes = torch.tensor([[[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]])
    expected = torch.tensor([[[2 / 3, 1 / 3]], [[0.0, 1.0]]])
    torch.testing.assert_close(Vote(3)(spikes), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_votes_in_half_precision_are_averaged_exactly(dtype: torch.dtype) -> None:
    # In bfloat16 3 of 10 would be 0.30078, which is 0.26 % off.
    fired = torch.tensor([3, 7, 1, 9, 10, 0])
    spikes = (torch.arange(10) < fired[:, None]).flatten().to(dtype).expand(5, 1, -1)
    rates = Vote(10)(spikes).mean(0)
    assert rates.dtype == torch.float32
    torch.testing.assert_close(rates, fired[None] / 10, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_ties_between_votes_are_decided_alike_in_every_precision(dtype: torch.dtype) -> None:
    # Over three steps two classes get 8 of 30 spikes each, one of them all in one step; a third class gets 7.
    shares = torch.tensor([[8, 3, 3], [0, 3, 2], [0, 2, 2]])
    spikes = (torch.arange(10) < shares[..., None]).flatten(1)[:, None].to(dtype)
    rates = Vote(10)(spikes).double().sum(0)
    assert rates[0, 0] == pytest.approx(rates[0, 1].item(), rel=1e-7)
    decided = Rate(10).decide(Vote(10)(spikes))
    assert decided.classes.tolist() == [0]
    assert decided.tied.tolist() == [True]


def test_zero_votes_are_refused() -> None:
    with pytest.raises(ValueError, match="votes must be at least 1, not 0"):
        Vote(0)
