"""Potentials and currents as scores, compared with NumPy in float64; padding changes neither scores nor gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snntrain.network.csnn import CSNN
from snntrain.network.mlp import MLP
from snntrain.network.readout import Current, Membrane, Rate, Readout, SumSoftmax
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import LINode, spiking_layers

from .inputs import neuron

T, N, C = 6, 5, 4
LENGTHS = torch.tensor([6, 1, 4, 2, 5])

READOUTS: dict[str, Readout] = {
    "rate": Rate(),
    "last": Membrane(3.0, "last"),
    "max": Membrane(3.0, "max"),
    "mean": Membrane(3.0, "mean"),
    "sum_softmax": SumSoftmax(3.0),
    "current": Current(),
}
every = pytest.mark.parametrize("name", list(READOUTS))


def currents(seed: int = 0) -> Tensor:
    return torch.randn(T, N, C, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def potentials(x: NDArray[np.float64], tau: float) -> NDArray[np.float64]:
    """Integrate v = v + (x - v) / tau from 0."""
    v, steps = np.zeros_like(x[0]), []
    for x_t in x:
        v = v + (x_t - v) / tau
        steps.append(v)
    return np.stack(steps)


def by_definition(name: str, v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of one sample from its output `[steps, classes]`."""
    if name == "sum_softmax":
        return np.sum([np.exp(v_t) / np.exp(v_t).sum() for v_t in v], axis=0)
    if name == "last":
        return v[len(v) - 1]
    return v.max(0) if name == "max" else v.sum(0) / len(v)


def padded(x: Tensor) -> Tensor:
    """Return the output with NaN in place of padding."""
    x = x.clone()
    for sample, length in enumerate(LENGTHS.tolist()):
        x[length:, sample] = torch.nan
    return x


def chain(readout: Readout) -> TimeSequential:
    """Return a linear layer, and the layer that the readout asks for."""
    generator = torch.Generator().manual_seed(1)
    linear = nn.Linear(C, C, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(C, C, generator=generator))
    last = readout.output(neuron)()
    return TimeSequential(linear, *([] if last is None else [last])).double()


@pytest.mark.parametrize("name", [name for name in READOUTS if name != "rate"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_scores_of_a_linear_layer_are_those_by_definition(name: str, lengths: Tensor | None) -> None:
    readout, x = READOUTS[name], currents()
    net = chain(readout)
    with torch.no_grad():
        scores = readout.scores(net(x), lengths)
    weight = net[0].weight.detach().numpy()
    for sample in range(N):
        length = T if lengths is None else int(lengths[sample])
        current = x[:length, sample].numpy() @ weight.T
        output = current if name == "current" else potentials(current, 3.0)
        np.testing.assert_allclose(scores[sample].numpy(), by_definition(name, output), rtol=1e-12, atol=1e-12)


@every
def test_the_decision_is_the_greatest_score(name: str) -> None:
    readout, x = READOUTS[name], currents(2)
    for lengths in (None, LENGTHS):
        decided = readout.decide(x, lengths)
        assert torch.equal(decided.classes, readout.scores(x, lengths).argmax(1))
        assert not decided.tied.any()
        assert decided.scores.dtype == torch.float64


@every
def test_padding_changes_no_score_and_no_gradient_whatever_it_holds(name: str) -> None:
    readout = READOUTS[name]
    x = padded(currents()).requires_grad_()
    scores = readout.scores(x, LENGTHS)
    scores.square().sum().backward()
    assert x.grad is not None
    for sample, length in enumerate(LENGTHS.tolist()):
        alone = x.detach()[:length, sample : sample + 1].requires_grad_()
        right = readout.scores(alone)
        right.square().sum().backward()
        assert alone.grad is not None
        torch.testing.assert_close(scores[sample], right[0])
        torch.testing.assert_close(x.grad[:length, sample], alone.grad[:, 0])
        assert not x.grad[length:, sample].any()
        one, other = readout.decide(x, LENGTHS), readout.decide(alone)
        assert one.classes[sample] == other.classes[0]


@every
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_gradients_are_those_of_finite_differences(name: str, lengths: Tensor | None) -> None:
    x = currents().requires_grad_()
    assert torch.autograd.gradcheck(lambda output: READOUTS[name].scores(output, lengths), x)
    assert torch.autograd.gradcheck(lambda output: READOUTS[name].rates(output, lengths), x)


def test_rates_of_a_sum_of_the_softmax_are_probabilities() -> None:
    for lengths in (None, LENGTHS):
        torch.testing.assert_close(SumSoftmax().rates(currents(), lengths).sum(1), torch.ones(N, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@every
def test_scores_of_half_precision_are_float32(name: str, dtype: torch.dtype) -> None:
    output = currents().to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = READOUTS[name].scores(output, LENGTHS)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, READOUTS[name].scores(output.float(), LENGTHS))


@every
def test_equal_potentials_are_a_tie_and_nan_is_never_the_greatest(name: str) -> None:
    equal = torch.ones(T, 1, 3)
    decided = READOUTS[name].decide(equal)
    assert (decided.classes.tolist(), decided.tied.tolist()) == ([0], [True])
    if name != "sum_softmax":
        equal[-1, 0, 0] = torch.nan
        assert READOUTS[name].decide(equal).classes.tolist() == [1]
    assert READOUTS[name].decide(torch.full((T, 1, 3), torch.nan)).classes.tolist() == [0]


@every
@pytest.mark.parametrize("votes", [1, 3])
def test_networks_end_in_the_layer_of_the_readout(name: str, votes: int) -> None:
    readout: Any = READOUTS[name]
    x = torch.rand(T, 2, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    for net in (
        MLP((1, 8, 8), C, neuron, hidden=(6,), votes=votes, output=readout.output(neuron)),
        CSNN((1, 8, 8), C, neuron, channels=(2,), hidden=(), votes=votes, output=readout.output(neuron)),
    ):
        assert net(x).shape == (T, 2, C)
        assert [layer.tau for layer in net if isinstance(layer, LINode)] == ([3.0] if hasattr(readout, "tau") else [])
        assert ("out_neuron" in dict(spiking_layers(net))) is (name == "rate")
        assert readout.of(net).votes == (votes if name == "rate" else None)
        readout.scores(net(x)).square().sum().backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.out.parameters())


def test_unknown_ways_to_read_a_potential_and_bad_time_constants_are_refused() -> None:
    with pytest.raises(ValueError, match=r"over='median'.*last, max, mean"):
        Membrane(2.0, "median")
    for make in (Membrane, SumSoftmax):
        with pytest.raises(ValueError, match="tau"):
            make(0.0)
