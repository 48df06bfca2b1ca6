"""Losses on the scores of readouts, compared with NumPy in float64; targets, weights, padding and votes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from snntrain.network.layers import Vote
from snntrain.network.readout import Current, Membrane, Rate, Readout, SumSoftmax
from snntrain.network.sequence import TimeSequential
from snntrain.training.loss import CE, TET, CERate, MSERate, MSEVotes

T, N, C = 6, 5, 4
LENGTHS = torch.tensor([6, 1, 4, 2, 5])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.1, 3.0])
lengths_or_none = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
smoothings = pytest.mark.parametrize("smoothing", [0.0, 0.1])
weighted = pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])

LOSSES = {
    "mse_rate": MSERate,
    "ce_rate": CERate,
    "ce": CE,
    "tet": TET,
    "mse_votes": MSEVotes,
}
every = pytest.mark.parametrize("name", list(LOSSES))


def output(seed: int = 0) -> Tensor:
    return torch.randn(T, N, C, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labels() -> Tensor:
    return torch.arange(N) % C


def valid(lengths: Tensor | None) -> list[NDArray[np.float64]]:
    """Return the valid steps of each sample, `[steps, classes]`."""
    steps = [T] * N if lengths is None else lengths.tolist()
    return [output()[:length, sample].numpy() for sample, length in enumerate(steps)]


def smoothed(smoothing: float) -> NDArray[np.float64]:
    return (1 - smoothing) * np.eye(C)[labels().numpy()] + smoothing / C


def cross_entropy(logits: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(-(target * (logits - np.log(np.exp(logits).sum()))).sum())


def mean(each: list[float], weights: Tensor | None) -> float:
    return float(np.mean(np.array(each) * (1.0 if weights is None else weights.double().numpy())))


@lengths_or_none
@smoothings
@weighted
def test_tet_is_the_mean_of_the_losses_of_each_step(
    lengths: Tensor | None, smoothing: float, weights: Tensor | None
) -> None:
    share, level = 0.3, 0.7
    each = []
    for steps, target in zip(valid(lengths), smoothed(smoothing), strict=True):
        of_steps = [(1 - share) * cross_entropy(o, target) + share * ((o - level) ** 2).sum() / C for o in steps]
        each.append(sum(of_steps) / len(steps))
    loss = TET(share, level, smoothing)(output(), labels(), lengths, weights=weights)
    assert loss.item() == pytest.approx(mean(each, weights), rel=1e-12)


@lengths_or_none
@smoothings
@weighted
def test_the_cross_entropy_of_a_sum_of_the_softmax_takes_the_sum_as_logits(
    lengths: Tensor | None, smoothing: float, weights: Tensor | None
) -> None:
    each = []
    for steps, target in zip(valid(lengths), smoothed(smoothing), strict=True):
        total = sum(np.exp(o) / np.exp(o).sum() for o in steps)
        each.append(cross_entropy(2.0 * np.asarray(total), target))
    loss = CE(2.0, smoothing)(output(), labels(), lengths, weights, SumSoftmax())
    assert loss.item() == pytest.approx(mean(each, weights), rel=1e-12)


@pytest.mark.parametrize(
    ("readout", "score"),
    [
        (Membrane(over="last"), lambda steps: steps[len(steps) - 1]),
        (Membrane(over="max"), lambda steps: steps.max(0)),
        (Current(), lambda steps: steps.sum(0) / len(steps)),
        (None, lambda steps: steps.sum(0) / len(steps)),
    ],
    ids=["last", "max", "current", "none"],
)
@lengths_or_none
def test_the_cross_entropy_takes_the_scores_of_the_readout(
    readout: Readout | None, score: object, lengths: Tensor | None
) -> None:
    assert callable(score)
    each = [cross_entropy(score(steps), t) for steps, t in zip(valid(lengths), smoothed(0.0), strict=True)]
    loss = CE()(output(), labels(), lengths, readout=readout)
    assert loss.item() == pytest.approx(mean(each, None), rel=1e-12)


@smoothings
@weighted
def test_the_squared_error_of_a_readout_compares_its_rates(smoothing: float, weights: Tensor | None) -> None:
    each = []
    for steps, target in zip(valid(LENGTHS), smoothed(smoothing), strict=True):
        share = sum(np.exp(o) / np.exp(o).sum() for o in steps) / len(steps)
        each.append(((share - target) ** 2).sum() / C)
    loss = MSERate(smoothing)(output(), labels(), LENGTHS, weights, SumSoftmax())
    assert loss.item() == pytest.approx(mean(each, weights), rel=1e-12)


def voting(votes: int) -> tuple[TimeSequential, MSEVotes]:
    net = TimeSequential(nn.Linear(3, C * votes).double(), *([Vote(votes)] if votes > 1 else []))
    loss = MSEVotes(0.1)
    loss.watch(net)
    return net, loss


@lengths_or_none
@weighted
@pytest.mark.parametrize("votes", [1, 3])
def test_mse_on_votes_compares_each_output_neuron_with_the_target_of_its_class(
    lengths: Tensor | None, weights: Tensor | None, votes: int
) -> None:
    net, loss = voting(votes)
    x = torch.randn(T, N, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    neurons = net[0](x).detach().numpy()
    each = []
    for sample, target in enumerate(smoothed(0.1)):
        length = T if lengths is None else int(lengths[sample])
        rates = neurons[:length, sample].sum(0) / length
        each.append(sum((rates[k] - target[k // votes]) ** 2 for k in range(C * votes)) / (C * votes))
    for _ in range(2):
        value = loss(net(x), labels(), lengths, weights)
        assert value.item() == pytest.approx(mean(each, weights), rel=1e-12)
    value.backward()
    assert net[0].weight.grad is not None
    assert net[0].weight.grad.any()
    if votes == 1 and weights is None:
        torch.testing.assert_close(value, MSERate(0.1)(net(x), labels(), lengths))


def test_mse_on_votes_moves_the_neurons_of_a_class_towards_each_other() -> None:
    net, loss = voting(2)
    x = torch.zeros(1, 1, 3, dtype=torch.float64)
    with torch.no_grad():
        net[0].bias.zero_()
        # The votes of class 0 are 2 and 0: their mean is right, and each of them is wrong.
        net[0].bias[:2] = torch.tensor([2.0, 0.0])
    loss(net(x), torch.tensor([0])).backward()
    gradient = net[0].bias.grad
    assert gradient[0] > 0 > gradient[1]


@every
@given(
    seed=st.integers(0, 2**16),
    smoothing=st.sampled_from([0.0, 0.2]),
    padded=st.booleans(),
)
def test_losses_agree_on_what_labels_weights_and_shares_mean(
    name: str, seed: int, smoothing: float, padded: bool
) -> None:
    """Classes are probabilities of 1, weights of 1 change nothing, and a batch is the mean of its parts."""
    loss, x = LOSSES[name](label_smoothing=smoothing), output(seed)
    lengths = (LENGTHS,) if padded else ()
    value = loss(x, labels(), *lengths)
    one_hot = torch.eye(C)[labels()]
    torch.testing.assert_close(loss(x, one_hot, *lengths), value, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(loss(x, labels(), *lengths, weights=torch.ones(N)), value)
    torch.testing.assert_close(loss(x, one_hot, *lengths, weights=torch.ones(N)), value, rtol=1e-6, atol=1e-7)
    each = [
        loss(x[:, row : row + 1], labels()[row : row + 1], *(of_all[row : row + 1] for of_all in lengths))
        for row in range(N)
    ]
    torch.testing.assert_close(torch.stack(each).mean(), value)


@every
def test_probabilities_mix_the_losses_of_cross_entropies(name: str) -> None:
    """A cross entropy is linear in its target; a squared error is not, and is least at the probabilities."""
    loss, x = LOSSES[name](), output()
    mixed = torch.full((N, C), 0.25)
    pure = torch.stack([loss(x, torch.full((N,), label)) for label in range(C)])
    if "mse" in name:
        rates = mixed.double().expand(T, N, C)
        assert loss(rates, mixed).item() == pytest.approx(0, abs=1e-12)
        assert loss(x, mixed) < pure.mean()
    else:
        torch.testing.assert_close(loss(x, mixed), pure.mean())


@every
def test_padding_gets_no_gradient_whatever_it_holds(name: str) -> None:
    x = output()
    for sample, length in enumerate(LENGTHS.tolist()):
        x[length:, sample] = torch.nan
    x.requires_grad_()
    LOSSES[name]()(x, labels(), LENGTHS).backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for sample, length in enumerate(LENGTHS.tolist()):
        assert x.grad[:length, sample].any(1).all()
        assert not x.grad[length:, sample].any()


@every
def test_losses_are_float32_under_autocast(name: str) -> None:
    loss, x = LOSSES[name](label_smoothing=0.1), output().bfloat16()
    right = loss(x.float(), labels())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = loss(x, labels())
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(right.item(), rel=1e-6)


@every
@pytest.mark.parametrize("smoothing", [-0.1, 1.0, math.nan])
def test_label_smoothing_outside_its_range_is_refused(name: str, smoothing: float) -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\)"):
        LOSSES[name](label_smoothing=smoothing)


def test_tet_refuses_a_weight_outside_0_to_1_and_an_infinite_target() -> None:
    with pytest.raises(ValueError, match=r"mse_weight must lie in \[0, 1\], not 1.5"):
        TET(mse_weight=1.5)
    with pytest.raises(ValueError, match="mse_target must be a finite number, not inf"):
        TET(mse_target=math.inf)


def test_a_rate_is_the_readout_of_a_loss_that_is_given_none() -> None:
    for loss in (MSERate(), CERate(), CE()):
        assert torch.equal(loss(output(), labels()), loss(output(), labels(), readout=Rate()))
