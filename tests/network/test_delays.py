"""Synapses with learnt delays, against loops over synapses and steps in NumPy."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.cost.count import Cost
from snntrain.data.padding import padded
from snntrain.network.delays import DelayedLinear
from snntrain.network.parameter_groups import parameter_groups
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import IFNode, begin_epoch, detach_net, learnt_constants, reset_net

from .inputs import constant, noise

T, N, INPUTS, OUTPUTS, LONGEST = 9, 3, 4, 5, 6


def layer(max_delay: int = LONGEST, seed: int = 0, *, bias: bool = False) -> DelayedLinear:
    torch.manual_seed(seed)
    return DelayedLinear(INPUTS, OUTPUTS, max_delay, bias=bias).double()


def spikes(seed: int = 0) -> Tensor:
    return (noise(T, N, INPUTS, seed=seed) > 0.3).double()


def numbers(found: DelayedLinear) -> tuple[np.ndarray, np.ndarray, float]:
    return found.weight.detach().numpy(), found.delay.detach().numpy(), found.sigma.item()


def rounded_by_hand(found: DelayedLinear, x: np.ndarray) -> np.ndarray:
    """Return what arrives if each input reaches each output after a whole number of steps."""
    weight, delay, _ = numbers(found)
    y = np.zeros((len(x), x.shape[1], OUTPUTS))
    for o in range(OUTPUTS):
        for i in range(INPUTS):
            late = int(np.rint(min(max(delay[o, i], 0), found.max_delay)))
            for t in range(late, len(x)):
                y[t, :, o] += weight[o, i] * x[t - late, :, i]
    return y


def gaussian_by_hand(found: DelayedLinear, x: np.ndarray) -> np.ndarray:
    """Return what arrives if a Gaussian spreads each synapse over the delays from 0 to the greatest."""
    weight, delay, sigma = numbers(found)
    y = np.zeros((len(x), x.shape[1], OUTPUTS))
    for o in range(OUTPUTS):
        for i in range(INPUTS):
            bell = [np.exp(-0.5 * ((d - delay[o, i]) / (sigma + 0.27)) ** 2) for d in range(found.max_delay + 1)]
            for late, height in enumerate(bell):
                for t in range(late, len(x)):
                    y[t, :, o] += weight[o, i] * height / (sum(bell) + 1e-7) * x[t - late, :, i]
    return y


@settings(max_examples=20, deadline=None)
@given(max_delay=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_in_evaluation_an_input_arrives_after_its_rounded_delay(max_delay: int, seed: int) -> None:
    found, x = layer(max_delay, seed).eval(), noise(T, N, INPUTS, seed=seed)
    with torch.no_grad():
        found.delay.add_(0.3)
        np.testing.assert_allclose(found(x).numpy(), rounded_by_hand(found, x.numpy()), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(max_delay=st.integers(1, 12), seed=st.integers(0, 10**6), done=st.integers(1, 40))
def test_in_training_a_gaussian_spreads_a_synapse_over_time(max_delay: int, seed: int, done: int) -> None:
    found, x = layer(max_delay, seed), noise(T, N, INPUTS, seed=seed)
    found.on_epoch(done, 40)
    np.testing.assert_allclose(found(x).detach().numpy(), gaussian_by_hand(found, x.numpy()), atol=1e-12)


def test_the_weight_of_a_synapse_is_spread_and_not_lost() -> None:
    found = layer()
    torch.testing.assert_close(found.kernel().sum(-1), found.weight, rtol=1e-6, atol=0)
    assert int((found.eval().kernel() != 0).sum()) == INPUTS * OUTPUTS


def test_gradients_are_the_derivatives() -> None:
    found, x = layer(bias=True), noise(T, N, INPUTS).requires_grad_()

    def forward(x: Tensor, weight: Tensor, delay: Tensor, bias: Tensor) -> Tensor:
        reset_net(found)
        y: Tensor = torch.func.functional_call(found, {"weight": weight, "delay": delay, "bias": bias}, (x,))
        return y

    given = [p.detach().clone().requires_grad_() for p in (found.weight, found.delay, found.bias)]
    assert torch.autograd.gradcheck(forward, (x, *given), check_undefined_grad=False)


def test_no_output_depends_on_later_inputs() -> None:
    x = noise(T, N, INPUTS)
    later = torch.cat([x[:4], 100 + x[4:]])
    for training in (True, False):
        found = layer().train(training)
        first = found(x)
        reset_net(found)
        assert torch.equal(found(later)[:4], first[:4])


def test_two_calls_compute_what_one_does_and_a_reset_begins_again() -> None:
    for cut in (2, 7):
        found, x = layer(), noise(T, N, INPUTS)
        whole = found(x)
        reset_net(found)
        parts = torch.cat([found(x[:cut]), found(x[cut:])])
        torch.testing.assert_close(parts, whole)
        parts.sum().backward()
        reset_net(found)
        assert torch.equal(found(x), whole)


def test_the_gradient_ends_where_the_state_is_detached() -> None:
    found, x = layer(), noise(T, N, INPUTS).requires_grad_()
    found(x[:4])
    detach_net(found)
    found(x[4:]).sum().backward()
    assert not x.grad[:4].any()
    assert x.grad[4:].any()


def test_the_past_is_copied_and_not_saved() -> None:
    found = layer()
    found(noise(T, N, INPUTS))
    assert set(found.state_dict()) == {"weight", "delay", "sigma"}
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert torch.equal(copied.past, found.past)
    assert found.float().past.dtype == torch.float32
    with pytest.raises(ValueError, match=r"DelayedLinear holds the state of a batch of shape .* call reset_net\(\)"):
        found(noise(T, N + 1, INPUTS, dtype=torch.float32))


def test_a_constant_input_arrives_step_by_step() -> None:
    found, x = layer().eval(), constant(T, N, INPUTS)
    with torch.no_grad():
        y = TimeSequential(found)(x)
        np.testing.assert_allclose(y.numpy(), rounded_by_hand(found, x.numpy()), atol=1e-12)


def test_sigma_falls_from_half_of_the_kernel_in_a_quarter_of_the_epochs() -> None:
    found, seen = DelayedLinear(2, 2, 24), []
    for epoch in range(1, 151):
        begin_epoch(found, epoch, 150)
        seen.append(found.sigma.item())
    # As in the authors' code: 12 · α^e with α = (0.23 / 12)^(1 / 37), for the first 37 of 150 epochs.
    expected = [12 * (0.23 / 12) ** (min(e, 37) / 37) for e in range(150)]
    np.testing.assert_allclose(seen, expected, rtol=1e-6)
    found.on_epoch(1, 1)
    assert found.sigma == 12


def test_the_buffer_of_sigma_stays_the_same_memory() -> None:
    found = layer()
    place = found.sigma.data_ptr()
    found.on_epoch(3, 4)
    assert found.sigma.data_ptr() == place


def test_a_delay_outside_its_bounds_is_moved_back_by_the_next_step() -> None:
    found, x = layer(), spikes()
    with torch.no_grad():
        found.delay[0, 0], found.delay[0, 1] = -3.0, LONGEST + 2.0
        inside = found.delay[1:].clone()
        # An evaluation in between sees the bounds, and changes nothing.
        np.testing.assert_allclose(found.eval()(x).numpy(), rounded_by_hand(found, x.numpy()), atol=1e-12)
    assert found.delay[0, 0] == -3
    reset_net(found)
    found.train()(x)
    assert (found.delay[0, 0], found.delay[0, 1]) == (0, LONGEST)
    assert torch.equal(found.delay[1:], inside)


def test_delays_are_a_group_with_a_learning_rate_of_their_own() -> None:
    net = TimeSequential(DelayedLinear(3, 4, 5, lr_factor=7.0), IFNode(step_mode="m"), DelayedLinear(4, 2, 5, 7.0))
    weights, delays = parameter_groups(net)
    assert [p.shape for p in delays.parameters] == [(4, 3), (2, 4)]
    assert (delays.lr_factor, delays.options) == (7.0, {"weight_decay": 0.0})
    assert [p.shape for p in weights.parameters] == [(4, 3), (2, 4)]


def test_a_run_logs_the_mean_delay_and_sigma() -> None:
    found = layer()
    assert learnt_constants(TimeSequential(found)) == {"delay/0": found.delay.mean().item(), "sigma/0": 3.0}


def test_a_spike_passes_each_synapse_once() -> None:
    net, lengths = TimeSequential(OrderedDict(fc=layer().eval(), neuron=IFNode(step_mode="m"))), torch.tensor([9, 5, 2])
    x = spikes()
    with torch.no_grad(), Cost(net) as cost, padded(x, lengths):
        net(x)
    found = cost.figures(N)["layers"]["fc"]
    sent = sum(int(x[:length, n].sum()) for n, length in enumerate(lengths.tolist()))
    assert found["effective_acs_per_image"] * N == sent * OUTPUTS
    assert found["effective_macs_per_image"] == 0
    assert found["dense_operations_per_image"] * N == int(lengths.sum()) * INPUTS * OUTPUTS
    assert found["parameters"] == 2 * INPUTS * OUTPUTS


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_delays_by_whole_steps(dtype: torch.dtype) -> None:
    found, x = layer(24).eval(), spikes()
    expected = rounded_by_hand(found, x.numpy())
    with torch.no_grad():
        y = found.to(dtype)(x.to(dtype))
    assert y.dtype == dtype
    np.testing.assert_allclose(y.double().numpy(), expected, atol=0.05)


@pytest.mark.parametrize("wrong", [(0, 2, 3), (2, 0, 3), (2, 2, 0)])
def test_an_empty_layer_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="inputs, outputs and the greatest delay must be at least 1"):
        DelayedLinear(*wrong)


def test_a_negative_learning_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="lr_factor must not be negative, and is -1"):
        DelayedLinear(2, 2, 3, -1.0)
