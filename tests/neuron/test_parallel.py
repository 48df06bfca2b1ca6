"""Neurons that compute all steps at once, against their equation in NumPy."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snntrain.neuron import PSNNode, SlidingPSNNode, set_step_mode, surrogate

from .cases import drive, recorded
from .oracle_surrogates import logistic

T, SHAPE = 6, (2, 3, 4, 5)


def current(T: int = T) -> Tensor:
    return 2 * torch.rand(T, *SHAPE, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def weighted(weight: np.ndarray, x: Tensor) -> np.ndarray:
    return np.einsum("ti,i...->t...", weight, x.numpy())


def band(weight: np.ndarray, T: int) -> np.ndarray:
    """Return the weight of input i at step t, by the definition of the sliding neuron."""
    order, found = len(weight), np.zeros((T, T))
    for t in range(T):
        for i in range(order):
            if t - order + 1 + i >= 0:
                found[t, t - order + 1 + i] = weight[i]
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_psn_weighs_all_steps_and_learns_a_threshold_for_each(causal: bool) -> None:
    torch.manual_seed(1)
    node = PSNNode(T, causal, v_threshold=0.1, monitor_state=True).double()
    with torch.no_grad():
        node.thresholds.add_(torch.linspace(-0.2, 0.2, T))
    x = current().requires_grad_()
    s = node(x)
    weight = np.tril(node.weight.detach().numpy()) if causal else node.weight.detach().numpy()
    h = weighted(weight, x.detach())
    over = h - node.thresholds.detach().numpy().reshape(T, 1, 1, 1, 1)
    np.testing.assert_array_equal(s.detach(), over >= 0)
    np.testing.assert_allclose(recorded(node, "h"), h, rtol=1e-12)
    np.testing.assert_allclose(recorded(node, "threshold")[2], node.thresholds[2].item())

    pull = np.random.default_rng(1).normal(size=s.shape)
    (s * torch.from_numpy(pull)).sum().backward()
    grad_h = pull * logistic().gradient(over)
    grad_weight = np.einsum("tncab,incab->ti", grad_h, x.detach().numpy())
    assert node.weight.grad is not None
    np.testing.assert_allclose(node.weight.grad, np.tril(grad_weight) if causal else grad_weight, rtol=1e-9)
    np.testing.assert_allclose(x.grad, weighted(weight.T, torch.from_numpy(grad_h)), rtol=1e-9, atol=1e-12)
    assert node.thresholds.grad is not None
    np.testing.assert_allclose(node.thresholds.grad, -grad_h.sum((1, 2, 3, 4)), rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 4, 9])
@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_sliding_psn_weighs_the_last_inputs(order: int, step_mode: str) -> None:
    node = SlidingPSNNode(order, step_mode=step_mode, monitor_state=True).double()
    np.testing.assert_array_equal(node.weight.detach(), 0.5 ** np.arange(order)[::-1])
    with torch.no_grad():
        node.weight.add_(0.1 * torch.randn(order, generator=torch.Generator().manual_seed(3)))
    x = current().requires_grad_()
    s = drive(node, x)
    weight = band(node.weight.detach().numpy(), T)
    h = weighted(weight, x.detach())
    np.testing.assert_array_equal(s.detach(), h >= 1)
    np.testing.assert_allclose(recorded(node, "h"), h, rtol=1e-12)
    s.sum().backward()
    grad_h = logistic().gradient(h - 1)
    np.testing.assert_allclose(x.grad, weighted(weight.T, torch.from_numpy(grad_h)), rtol=1e-9)
    assert node.thresholds.grad is not None
    np.testing.assert_allclose(node.thresholds.grad, [-grad_h.sum()], rtol=1e-9)


@pytest.mark.parametrize("cut", [1, 2, 5])
@pytest.mark.parametrize("order", [1, 2, 4, 9])
def test_sliding_psn_streams_in_parts(order: int, cut: int) -> None:
    whole, parts = SlidingPSNNode(order, step_mode="m").double(), SlidingPSNNode(order, step_mode="m").double()
    x = current()
    assert torch.equal(whole(x), torch.cat([parts(x[:cut]), parts(x[cut:])]))
    assert torch.equal(torch.as_tensor(whole.inputs), torch.as_tensor(parts.inputs))
    parts.reset()
    assert parts.inputs == 0.0


@pytest.mark.parametrize("node", [PSNNode(T), PSNNode(T, causal=True), SlidingPSNNode(3, step_mode="m")])
def test_a_constant_input_gives_the_same_as_its_repetition(node: Any) -> None:
    constant = copy.deepcopy(node).double()(current(1), T=T)
    repeated = copy.deepcopy(node).double()(current(1).expand(T, *SHAPE).contiguous())
    assert torch.equal(constant, repeated)


@pytest.mark.parametrize("node", [PSNNode(T, causal=True), SlidingPSNNode(3, step_mode="m")], ids=["psn", "sliding"])
def test_later_steps_do_not_change_earlier_spikes(node: Any) -> None:
    x = current().float()
    changed = x.clone()
    changed[4:] = 9.0
    full = copy.deepcopy(node)(x)
    assert torch.equal(full[:4], copy.deepcopy(node)(changed)[:4])
    assert torch.equal(full[:4], copy.deepcopy(node)(x[:4]))


def test_psn_refuses_what_it_has_no_weights_for() -> None:
    with pytest.raises(ValueError, match=r"weights for exactly 6 steps, or any shorter .* and was given 4"):
        PSNNode(T)(current(4).float())
    with pytest.raises(ValueError, match="weights for at most 6 steps, and was given 8"):
        PSNNode(T, causal=True)(current(8).float())
    node = PSNNode(T)
    set_step_mode(node, "s")
    with pytest.raises(ValueError, match="PSNNode needs all steps at once, step_mode='m'"):
        node(current(1)[0].float())
    for build in (lambda: PSNNode(0), lambda: SlidingPSNNode(0)):
        with pytest.raises(ValueError, match="must be at least 1"):
            build()


def test_batches_of_another_size_need_no_reset_of_psn_but_of_the_sliding_one() -> None:
    node, sliding = PSNNode(T), SlidingPSNNode(step_mode="m")
    x = current().float()
    node(x)
    assert node(x[:, :1]).shape == (T, 1, *SHAPE[1:])
    sliding(x)
    with pytest.raises(ValueError, match=r"SlidingPSNNode holds the state .* call reset\(\)"):
        sliding(x[:, :1])


def test_maps_stay_in_channels_last_order_and_half_precision_in_its_dtype() -> None:
    x = current().float().flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (T, SHAPE[0]))
    for node in (PSNNode(T), SlidingPSNNode(step_mode="m")):
        s = node(x)
        assert s[0].is_contiguous(memory_format=torch.channels_last)
        node.reset()
        assert torch.equal(node(x.contiguous()), s)
        node.reset()
        with torch.autocast("cpu", torch.bfloat16):
            assert node(x.bfloat16()).dtype == torch.bfloat16


def test_thresholds_are_fixed_on_request_and_random_spikes_come_step_by_step() -> None:
    fixed = SlidingPSNNode(step_mode="m", learn_threshold=False, surrogate_function=surrogate.PoissonPass())
    assert list(fixed.state_dict()) == ["weight"]
    assert fixed.learnt() == {}
    assert PSNNode(T).learnt() == {"threshold": 1.0}
    torch.manual_seed(3)
    s = fixed(current().float())
    torch.manual_seed(3)
    fixed.reset()
    fixed.step_mode = "s"
    assert torch.equal(drive(fixed, current().float()), s)
    fixed.store_v_seq = True
    fixed.reset()
    fixed.step_mode = "m"
    fixed(current().float())
    assert fixed.v_seq is not None
    assert fixed.v_seq.shape == (T, *SHAPE)
