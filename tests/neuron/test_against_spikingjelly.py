"""The same numbers as SpikingJelly 2.0, if it is installed (on a CPU, T = 16).

IF and PLIF are equal to the bit, and so is LIF if 1/tau is exact. RIF adds its terms in another order: the
spikes are equal, potentials and gradients to a few roundings.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.neuron import IFNode, LIFNode, PLIFNode, RIFNode, surrogate

from .cases import drive, every_detach, every_mode, every_reset

theirs = pytest.importorskip("spikingjelly.activation_based.neuron")
their_surrogates = pytest.importorskip("spikingjelly.activation_based.surrogate")

T, SHAPE, INIT_W = 16, (8, 32), -0.25
LEAK = 2 * T * 2.0**-24  # relative: two roundings a step


def settings(v_reset: float | None, detach_reset: bool, step_mode: str) -> tuple[dict[str, Any], dict[str, Any]]:
    shared = {"v_reset": v_reset, "detach_reset": detach_reset, "step_mode": step_mode}
    return (
        {**shared, "surrogate_function": surrogate.Sigmoid(alpha=4.0)},
        {**shared, "surrogate_function": their_surrogates.Sigmoid(alpha=4.0)},
    )


def run(node: Any, gain: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return spikes, last potential and gradient of the input."""
    generator = torch.Generator().manual_seed(0)
    x = (gain * (torch.randn(T, *SHAPE, generator=generator) + 0.3)).requires_grad_()
    s = drive(node, x)
    (s * torch.randn(s.shape, generator=generator)).sum().backward()
    assert 0.05 < s.mean() < 0.95
    assert x.grad is not None
    return s, node.v, x.grad


def assert_close_relative(actual: Tensor | None, expected: Tensor, tolerance: float) -> None:
    assert actual is not None
    assert (actual - expected).abs().max() <= tolerance * expected.abs().max()


@every_mode
@every_reset
@every_detach
def test_integrate_and_fire_to_the_bit(step_mode: str, v_reset: float | None, detach_reset: bool) -> None:
    ours, others = settings(v_reset, detach_reset, step_mode)
    (s, v, grad), (s_, v_, grad_) = (run(node, 0.5) for node in (IFNode(**ours), theirs.IFNode(**others)))
    assert torch.equal(s, s_)
    assert torch.equal(v, v_)
    assert_close_relative(grad, grad_, LEAK)


@every_mode
@every_reset
@every_detach
@pytest.mark.parametrize("tau", [2.0, 3.0, 100.0])
def test_leaky_integrate_and_fire(step_mode: str, v_reset: float | None, detach_reset: bool, tau: float) -> None:
    ours, others = settings(v_reset, detach_reset, step_mode)
    node, their_node = LIFNode(tau, **ours), theirs.LIFNode(tau, decay_input=True, **others)
    (s, v, grad), (s_, v_, grad_) = (run(each, tau) for each in (node, their_node))
    assert torch.equal(s, s_)
    assert_close_relative(v, v_, 0.0 if tau == 2.0 else LEAK)
    assert_close_relative(grad, grad_, LEAK)


@every_mode
@every_reset
@every_detach
def test_parametric_leaky_integrate_and_fire(step_mode: str, v_reset: float | None, detach_reset: bool) -> None:
    ours, others = settings(v_reset, detach_reset, step_mode)
    node = PLIFNode(3.0, clamp="sigmoid", **ours)
    their_node = theirs.ParametricLIFNode(3.0, decay_input=True, **others)
    (s, v, grad), (s_, v_, grad_) = (run(each, 3.0) for each in (node, their_node))
    assert torch.equal(s, s_)
    assert torch.equal(v, v_)
    assert_close_relative(grad, grad_, LEAK)
    assert_close_relative(node.w.grad, their_node.w.grad, 3e-6)


@every_mode
@every_reset
@every_detach
def test_recurrent_integrate_and_fire(step_mode: str, v_reset: float | None, detach_reset: bool) -> None:
    """Their leak without decay of the input is our self connection of weight -σ(w), so w = -g."""
    ours, others = settings(v_reset, detach_reset, step_mode)
    node = RIFNode(INIT_W, amplitude=(-1.0, 0.0), **ours)
    their_node = theirs.ParametricLIFNode(-1 / INIT_W, decay_input=False, **others)
    (s, v, grad), (s_, v_, grad_) = (run(each, 0.7) for each in (node, their_node))
    assert torch.equal(s, s_)
    assert_close_relative(v, v_, LEAK)
    assert_close_relative(grad, grad_, 1.3e-5)
    assert_close_relative(node.g.grad, -their_node.w.grad, 1.3e-5)
