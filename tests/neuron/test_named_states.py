"""A user's own neurons with several named states: a second variable, and a threshold that moves with it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snntrain.neuron import BaseNode, LIFNode, load_states, states_of, surrogate
from snntrain.neuron.integrate_and_fire import Trajectory
from snntrain.neuron.learnable import learnable

from .cases import drive, every_mode, recorded

T, SHAPE = 9, (2, 5)


class AdaptiveNode(BaseNode):
    """LIF with tau 2. The threshold is 1 + a / 2; each spike adds 1 to `a`, which decays by 0.8 per step."""

    states = ("v", "a")

    def dynamics(self) -> tuple[float, float, float]:
        return 0.5, -1.0, self.rest

    def threshold(self) -> Tensor:
        return self.v_threshold + 0.5 * self.a

    def adapt(self, s: Tensor) -> None:
        self.a = 0.8 * self.a + s


class CurrentNode(BaseNode):
    """A filtered input current `i` charges the potential; `i` starts at 0.25."""

    states = ("v", "i")

    def start(self, state: str) -> float:
        return 0.25 if state == "i" else super().start(state)

    def charge(self, x: Tensor) -> Tensor:
        self.i = 0.5 * self.i + x
        return self.v + self.i


def current() -> Tensor:
    return 2 * torch.rand(T, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def adaptive_by_hand(x: np.ndarray) -> dict[str, np.ndarray]:
    v, a = np.zeros(SHAPE), np.zeros(SHAPE)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("h", "v", "s", "a", "threshold")}
    for x_t in x:
        h, threshold = v + 0.5 * (x_t - v), 1 + 0.5 * a
        s = (h >= threshold).astype(float)
        v, a = np.where(s == 1, 0.0, h), 0.8 * a + s
        for name, values in (("h", h), ("v", v), ("s", s), ("a", a), ("threshold", threshold)):
            found[name].append(values)
    return {name: np.stack(values) for name, values in found.items()}


@every_mode
def test_a_threshold_that_moves_is_followed_and_recorded(step_mode: str) -> None:
    x, node = current(), AdaptiveNode(monitor_state=True, step_mode=step_mode)
    drive(node, x)
    expected = adaptive_by_hand(x.numpy())
    assert node.monitor is not None
    assert list(node.monitor) == ["h", "v", "s", "a", "threshold"]
    for name, values in expected.items():
        np.testing.assert_allclose(recorded(node, name), values, atol=1e-12)
    assert 0.1 < expected["s"].mean() < 0.9
    assert np.ptp(expected["threshold"]) > 0.3


def test_an_observer_sees_every_named_sequence() -> None:
    seen: list[Trajectory] = []
    node = AdaptiveNode(step_mode="m")
    node.observer = seen.append
    node(current())
    (trajectory,) = seen
    assert list(trajectory.more) == ["a", "threshold"]
    np.testing.assert_allclose(trajectory.more["threshold"], adaptive_by_hand(current().numpy())["threshold"])
    node.observer = None
    assert list(LIFNode(monitor_state=True).monitor or ()) == ["h", "v", "s"]


def test_a_second_state_carries_over_and_is_reset_to_its_start() -> None:
    x = current()
    whole, parts = CurrentNode(step_mode="m"), CurrentNode(step_mode="m")
    assert whole.i == 0.25
    assert torch.equal(whole(x), torch.cat([parts(x[:4]), parts(x[4:])]))
    assert torch.equal(whole.i, parts.i)
    whole.reset()
    assert (whole.v, whole.i) == (0.0, 0.25)


def test_every_state_is_detached_and_moves_with_the_module() -> None:
    node = AdaptiveNode(step_mode="m", surrogate_function=surrogate.ATan())
    node(current().requires_grad_())
    assert node.v.requires_grad
    assert node.a.requires_grad
    for copied in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert torch.equal(copied.a, node.a)
        assert not copied.a.requires_grad
    node.detach()
    assert not node.v.requires_grad
    assert not node.a.requires_grad
    node.to("meta")
    assert node.v.device.type == node.a.device.type == "meta"
    assert "a" not in node.state_dict()


def test_the_gradient_flows_through_a_moving_threshold() -> None:
    node = AdaptiveNode(surrogate_function=surrogate.ATan(spiking=False), step_mode="m")
    x = current()[:, :1, :2].clone().requires_grad_()

    def run(x: Tensor) -> Tensor:
        node.reset()
        return node(x)

    assert torch.autograd.gradcheck(run, (x,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_in_half_precision_every_state_has_the_precision_of_the_input(dtype: torch.dtype) -> None:
    node = AdaptiveNode(step_mode="m")
    node(current().to(dtype))
    assert node.v.dtype == node.a.dtype == dtype


@pytest.mark.parametrize("value", [torch.nn.Parameter(torch.zeros(1)), "much"], ids=["a parameter", "a word"])
def test_a_state_of_another_kind_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^a (is a state and cannot be a parameter|must be a number)"):
        AdaptiveNode().a = value


def test_a_state_of_another_batch_is_refused() -> None:
    node = AdaptiveNode(step_mode="m")
    node.a = torch.zeros(7)
    with pytest.raises(ValueError, match=r"holds the state of a batch of shape \[7\] and was given \[2, 5\]"):
        node(current())


class ThreeStateNode(BaseNode):
    """A filtered current, and a threshold that moves with a trace of spikes; the filter is learnt for each neuron."""

    states = ("v", "current", "trace")

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.keep = learnable(self, "keep", 0.5, per_neuron=True)

    def charge(self, x: Tensor) -> Tensor:
        self.current = self.keep * self.current + x
        return 0.5 * self.v + self.current

    def threshold(self) -> Tensor:
        return super().threshold() + self.trace

    def adapt(self, s: Tensor) -> None:
        self.trace = 0.75 * self.trace + 0.5 * s


def test_three_states_with_learnt_constants_of_their_own_stream_and_learn() -> None:
    whole, parts = (ThreeStateNode(step_mode="m", learn_threshold=True) for _ in range(2))
    x = current().float()
    expected = whole(x)
    assert 0 < expected.sum() < expected.numel()
    first = parts(x[:4])
    states = states_of(parts)
    assert list(states) == ["v", "current", "trace"]
    parts.reset()
    load_states(parts, states)
    assert torch.equal(torch.cat([first, parts(x[4:])]), expected)
    expected.sum().backward()
    assert whole.keep.shape == SHAPE[1:]
    assert whole.keep.grad is not None
    assert (whole.keep.grad != 0).all()
    assert whole.log_threshold.grad is not None
    assert whole.log_threshold.grad.item() < 0
