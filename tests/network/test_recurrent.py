"""Layers with feedback, against loops over steps in float64 that are written from the equations."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.cost.count import Cost
from snntrain.cost.rates import FiringRates
from snntrain.data.padding import padded
from snntrain.inspect.probe import watch
from snntrain.network.recurrent import Feedback, Recurrent
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, detach_net, reset_net, surrogate
from tests.neuron.test_named_states import AdaptiveNode

from .inputs import noise

T, N, FEATURES = 7, 3, 6
STEEP = surrogate.ATan(2.0)
NODES: dict[str, Callable[..., BaseNode]] = {
    "if": IFNode,
    "lif": lambda **given: LIFNode(2.0, **given),
    "plif": lambda **given: PLIFNode(3.0, clamp="sigmoid", **given),
    "rif": lambda **given: RIFNode(-0.2, amplitude=1.0, **given),
    "two states": AdaptiveNode,
}


def layer(kind: str = "lif", v_reset: float | None = 0.0, *, diagonal: bool = True, **given: Any) -> Recurrent:
    torch.manual_seed(0)
    node = NODES[kind](v_threshold=0.6, v_reset=v_reset, surrogate_function=STEEP, step_mode="m", **given)
    return Recurrent(node, FEATURES, diagonal=diagonal).double()


def current() -> Tensor:
    return 1.5 * noise(T, N, FEATURES) + 0.5


def charged(kind: str, v: np.ndarray, x: np.ndarray, rest: float) -> np.ndarray:
    if kind == "if":
        return v + x
    if kind in ("lif", "two states"):
        return v + (x - (v - rest)) / 2
    return v + (x - (v - rest)) / 3 if kind == "plif" else v - 0.2 * (v - rest) + x


def by_hand(kind: str, x: np.ndarray, feedback: np.ndarray, v_reset: float | None) -> np.ndarray:
    """Return the spikes of every step, from loops over samples, neurons and synapses."""
    rest = 0.0 if v_reset is None else v_reset
    v, a, s = np.full((N, FEATURES), rest), np.zeros((N, FEATURES)), np.zeros((N, FEATURES))
    spikes = []
    for step in x:
        total = step.copy()
        for n in range(N):
            for to in range(FEATURES):
                for source in range(FEATURES):
                    total[n, to] += feedback[to, source] * s[n, source]
        h = charged(kind, v, total, rest)
        threshold = 0.6 + (0.5 * a if kind == "two states" else 0)
        s = (h >= threshold).astype(float)
        v = h - s * threshold if v_reset is None else np.where(s == 1, v_reset, h)
        a = 0.8 * a + s
        spikes.append(s)
    return np.stack(spikes)


@pytest.mark.parametrize("v_reset", [0.0, None, -0.3])
@pytest.mark.parametrize("kind", NODES)
@pytest.mark.parametrize("diagonal", [True, False])
def test_spikes_are_those_of_a_loop_over_every_synapse(kind: str, v_reset: float | None, diagonal: bool) -> None:
    found = layer(kind, v_reset, diagonal=diagonal)
    weight = found.feedback.weight.detach().numpy()
    assert bool(np.diag(weight).any()) is diagonal
    expected = by_hand(kind, current().numpy(), weight, v_reset)
    np.testing.assert_array_equal(found(current()).detach().numpy(), expected)
    assert 0.1 < expected.mean() < 0.9
    without = by_hand(kind, current().numpy(), 0 * weight, v_reset)
    assert (expected != without).any()


@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("v_reset", [0.0, None])
@pytest.mark.parametrize("diagonal", [True, False])
def test_gradients_are_those_of_a_separate_loop(v_reset: float | None, detach_reset: bool, diagonal: bool) -> None:
    found = layer("lif", v_reset, detach_reset=detach_reset, diagonal=diagonal)
    x, weights = current().requires_grad_(), noise(T, N, FEATURES, seed=1)
    (found(x) * weights).sum().backward()

    matrix = found.feedback.weight.detach().clone().requires_grad_()
    mask = torch.ones(FEATURES, FEATURES) if diagonal else 1 - torch.eye(FEATURES)
    own = current().requires_grad_()
    v, s, total = torch.zeros(N, FEATURES).double(), torch.zeros(N, FEATURES).double(), torch.zeros(()).double()
    for t in range(T):
        h = v / 2 + (own[t] + torch.einsum("ns,os->no", s, matrix * mask)) / 2
        s = STEEP(h - 0.6)
        reset = s.detach() if detach_reset else s
        v = h - 0.6 * reset if v_reset is None else h - h * reset
        total = total + (s * weights[t]).sum()
    total.backward()
    torch.testing.assert_close(x.grad, own.grad)
    torch.testing.assert_close(found.feedback.weight.grad, matrix.grad)
    assert found.feedback.weight.grad.abs().sum() > 0
    assert bool(found.feedback.weight.grad.diag().any()) is diagonal


def test_the_weights_are_orthogonal_at_the_start() -> None:
    weight = Feedback(5).weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(5))


def test_a_neuron_without_a_synapse_to_itself_gets_none_by_training() -> None:
    found = layer(diagonal=False)
    weight = found.feedback.weight
    before = weight.detach().clone()
    for _ in range(3):
        found(current()).sum().backward()
        reset_net(found)
        with torch.no_grad():
            weight -= 0.1 * (weight.grad + 0.01 * weight)
    assert not weight.diag().any()
    assert not torch.equal(weight, before)


def test_two_calls_compute_what_one_does_and_a_reset_begins_again() -> None:
    found, x = layer(), current()
    whole = found(x)
    reset_net(found)
    parts = [found(x[:3]), found(x[3:])]
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(found(x), whole)
    reset_net(found)
    assert torch.equal(found(x), whole)


def test_the_gradient_ends_where_the_states_are_detached() -> None:
    found, x = layer(), current().requires_grad_()
    found(x[:3])
    detach_net(found)
    found(x[3:]).sum().backward()
    assert x.grad is not None
    assert not x.grad[:3].any()
    assert x.grad[3:].any()


def test_the_state_moves_with_the_layer_and_is_copied_without_its_graph() -> None:
    found = layer()
    found(current())
    assert "s" not in found.state_dict()
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert torch.equal(copied.s, found.s)
        assert not copied.s.requires_grad
    assert found.float().s.dtype == torch.float32


def test_a_batch_of_another_shape_is_refused() -> None:
    found = layer()
    found(current())
    with pytest.raises(ValueError, match=r"Recurrent holds the state of a batch of shape \[3, 6\].*call reset_net\(\)"):
        found(current()[:, :2])


def test_no_neurons_are_refused() -> None:
    with pytest.raises(ValueError, match="features must be at least 1, not 0"):
        Recurrent(IFNode(step_mode="m"), 0)


class AllAtOnce(IFNode):
    unparallelizable = False


def test_neurons_that_need_all_steps_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match=r"AllAtOnce computes all steps at once.*network\.recurrent=false"):
        Recurrent(AllAtOnce(step_mode="m"), 4)


# ---- what others see of it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lif", "two states"])
def test_the_monitor_and_an_observer_see_one_sequence(kind: str) -> None:
    net = TimeSequential(OrderedDict(recurrent=layer(kind)))
    spikes, seen = watch(net, lambda: net(current()))
    (trajectory,) = seen.values()
    assert list(seen) == ["recurrent.neuron"]
    assert torch.equal(trajectory.s, spikes)
    assert trajectory.h.shape == trajectory.v.shape == (T, N, FEATURES)
    assert torch.equal(trajectory.v[-1], trajectory.v_last)
    net.recurrent.neuron.set_monitor(True)
    net(current())
    monitor = net.recurrent.neuron.monitor
    for name in ("h", "v", "s"):
        np.testing.assert_array_equal(np.stack(monitor[name]), getattr(trajectory, name).numpy())


def counted(net: nn.Module, batches: list[tuple[Tensor, Tensor | None]]) -> dict[str, Any]:
    images = sum(x.shape[1] for x, _ in batches)
    with torch.no_grad(), Cost(net) as cost, FiringRates(net) as rates:
        for x, lengths in batches:
            with padded(x, lengths):
                net(x)
            reset_net(net)
    return {"cost": cost.figures(images), "rates": rates.means(), "silent": rates.silent()}


@pytest.mark.parametrize("kind", ["if", "two states"])
def test_spikes_pass_the_feedback_once_each_and_padding_counts_nowhere(kind: str) -> None:
    net = TimeSequential(OrderedDict(recurrent=layer(kind, diagonal=False))).eval()
    x, lengths = current(), torch.tensor([7, 4, 1])
    alone = [(x[:length, n : n + 1], None) for n, length in enumerate(lengths.tolist())]
    found, right = counted(net, [(x, lengths), (x, lengths)]), counted(net, alone)
    assert found == right
    layers = right["cost"]["layers"]
    # The spikes of a sample's last step reach nobody in time; each other spike passes to all neurons but its own.
    passed = 0
    for part, _ in alone:
        with torch.no_grad():
            passed += int(net(part)[:-1].sum())
        reset_net(net)
    assert passed > 0
    feedback = layers["recurrent.feedback"]
    assert feedback["effective_acs_per_image"] * N == passed * (FEATURES - 1)
    assert feedback["effective_macs_per_image"] == 0
    assert feedback["dense_operations_per_image"] * N == int(lengths.sum()) * FEATURES**2
    assert 0 < layers["recurrent.neuron"]["membrane_updates_per_image"] * N <= int(lengths.sum()) * FEATURES
