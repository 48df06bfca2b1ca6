"""A user's own neurons: one with its own coefficients, and one with a charge that is not affine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode, LIFNode, surrogate

from .cases import drive, every_detach, every_mode, every_reset, recorded

TAU = 2.5


class QuadraticNode(BaseNode):
    """h = v + (x + gain v (v - 0.4)) / 2: a rule that is not affine, with a parameter."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.gain = nn.Parameter(torch.tensor([0.7]))

    def charge(self, x: Tensor) -> Tensor:
        return self.v + (x + self.gain * self.v * (self.v - 0.4)) / 2


class ChannelLIFNode(BaseNode):
    """LIF with a learnable decay for each of the channels of [N, C, W]."""

    def __init__(self, tau: list[float], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.k = nn.Parameter(1 / torch.tensor(tau).unsqueeze(1))

    def dynamics(self) -> tuple[Tensor, float, float]:
        return self.k, -1.0, self.rest


class WrittenOutLIFNode(BaseNode):
    """The equation of LIF, written out as a charge rule."""

    def charge(self, x: Tensor) -> Tensor:
        return self.v + (x - (self.v - self.rest)) / TAU


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 2 * torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(4)) + 0.5


@every_mode
@every_reset
def test_own_charge_rule_is_followed(step_mode: str, v_reset: float | None) -> None:
    node = QuadraticNode(v_threshold=0.75, v_reset=v_reset, monitor_state=True, step_mode=step_mode).double()
    x = noise(12, 3, 4)
    s = drive(node, x)

    v = np.full((3, 4), v_reset or 0.0)
    for t, x_t in enumerate(x.numpy()):
        h = v + (x_t + node.gain.item() * v * (v - 0.4)) / 2
        fired = h >= 0.75
        v = h - 0.75 * fired if v_reset is None else np.where(fired, v_reset, h)
        np.testing.assert_array_equal(s[t].detach(), fired)
        np.testing.assert_allclose(recorded(node, "h")[t], h, atol=1e-12)
        np.testing.assert_allclose(recorded(node, "v")[t], v, atol=1e-12)
    assert 0.1 < s.mean() < 0.9


@every_reset
@every_detach
def test_own_charge_rule_is_differentiated(v_reset: float | None, detach_reset: bool) -> None:
    """Without spikes the run is smooth, and finite differences include the path that detach_reset hides."""
    node = QuadraticNode(
        v_reset=v_reset,
        surrogate_function=surrogate.ATan(spiking=False),
        detach_reset=detach_reset,
        step_mode="m",
    ).double()

    def run(x: Tensor, v: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        node.v = v
        s = torch.func.functional_call(node, {"gain": gain}, (x,))
        assert isinstance(node.v, Tensor)
        return s, node.v

    inputs = [noise(4, 3), noise(3), torch.tensor([0.7], dtype=torch.float64)]
    inputs = [leaf.requires_grad_() for leaf in inputs]
    assert torch.autograd.gradcheck(run, inputs, raise_exception=False) is not detach_reset


@every_reset
def test_a_written_out_rule_equals_the_affine_neuron(v_reset: float | None) -> None:
    x = noise(12, 30)
    own, affine = (
        build(v_reset=v_reset, step_mode="m", monitor_state=True)
        for build in (WrittenOutLIFNode, lambda **arguments: LIFNode(TAU, **arguments))
    )
    torch.testing.assert_close(own(x), affine(x), rtol=0, atol=0)
    for key in ("h", "v"):
        np.testing.assert_allclose(recorded(own, key), recorded(affine, key), atol=1e-12)


@every_mode
@every_reset
def test_a_coefficient_per_channel_is_a_neuron_per_channel(step_mode: str, v_reset: float | None) -> None:
    tau, x = [1.5, 3.0, 20.0], noise(10, 4, 3, 5)
    node = ChannelLIFNode(tau, v_reset=v_reset, step_mode=step_mode).double()
    s = drive(node, x)
    s.sum().backward()
    assert node.k.grad is not None
    assert node.k.grad.shape == (3, 1)

    for channel in range(len(tau)):
        alone = ChannelLIFNode([tau[channel]], v_reset=v_reset, step_mode=step_mode).double()
        s_alone = drive(alone, x[:, :, [channel]])
        s_alone.sum().backward()
        assert torch.equal(s[:, :, [channel]], s_alone)
        torch.testing.assert_close(node.k.grad[[channel]], alone.k.grad)
    assert 0.05 < s.mean() < 0.95


@pytest.mark.parametrize("node_class", [QuadraticNode, WrittenOutLIFNode])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_own_charge_rule_computes_half_precision_in_float32(node_class: type[BaseNode], dtype: torch.dtype) -> None:
    x = noise(12, 3, 4).to(dtype)
    node, wide = (node_class(monitor_state=True, step_mode="m") for _ in range(2))
    s = node(x)
    assert s.dtype == dtype
    assert torch.equal(s.float(), wide(x.float()))
    assert recorded(node, "h").dtype == np.float32
    np.testing.assert_array_equal(recorded(node, "h"), recorded(wide, "h"))


def test_the_charged_potential_can_be_asked_for() -> None:
    node = LIFNode(tau=4.0, v_reset=-0.5)
    node.v = torch.tensor([0.0, 0.5])
    assert node.charge(torch.tensor([1.0, 0.0])).tolist() == [0.125, 0.25]


def test_a_neuron_with_neither_gets_an_error_that_says_what_to_define() -> None:
    class Nothing(BaseNode):
        pass

    with pytest.raises(NotImplementedError, match=r"Nothing defines neither dynamics\(\) nor charge\(x\)"):
        Nothing()(torch.zeros(2))
