"""Recordings, against the same network run by hand with its monitors."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.errors import UserError
from snntrain.inspect.probe import matching_layers, record, watch
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import LIFNode, PLIFNode, spiking_layers
from tests.neuron.test_named_states import AdaptiveNode

T, N = 5, 2


def network() -> TimeSequential:
    torch.manual_seed(0)
    return TimeSequential(
        OrderedDict(
            conv=nn.Conv2d(1, 3, 3, padding=1),
            norm=nn.BatchNorm2d(3),
            first=PLIFNode(step_mode="m"),
            flatten=nn.Flatten(),
            fc=nn.Linear(3 * 4 * 4, 6),
            second=LIFNode(tau=2.0, v_threshold=0.3, v_reset=None, step_mode="m"),
        )
    )


def images() -> Tensor:
    return 3 * torch.rand(T, N, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def test_recordings_equal_those_of_the_monitors() -> None:
    net, x = network(), images()
    recordings = record(net, lambda: net(x))
    net.eval()
    for _, layer in spiking_layers(net):
        layer.set_monitor(True)
    with torch.no_grad():
        net(x)
    assert list(recordings) == ["first", "second"]
    for name, layer in spiking_layers(net):
        assert layer.monitor is not None
        for key in ("h", "v", "s"):
            np.testing.assert_array_equal(getattr(recordings[name], key), np.stack(layer.monitor[key]))
    assert recordings["first"].h.shape == (T, N, 3, 4, 4)
    assert recordings["second"].s.shape == (T, N, 6)
    assert recordings["first"].s.any()


def test_recordings_have_types_and_levels() -> None:
    net = network().double()
    recordings = record(net, lambda: net(images().double()))
    for recording in recordings.values():
        assert (recording.h.dtype, recording.v.dtype, recording.s.dtype) == (np.float32, np.float32, np.bool_)
    levels = [(recording.v_threshold, recording.v_reset) for recording in recordings.values()]
    assert levels == [(1.0, 0.0), (0.3, None)]


def test_a_layer_that_did_not_run_has_no_recording() -> None:
    net = network()
    assert record(net, lambda: net.get_submodule("second")(torch.ones(T, N, 6))).keys() == {"second"}
    assert record(net, lambda: None) == {}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_nothing_is_left_behind(training: bool, fails: bool) -> None:
    net, x = network().train(training), images()
    net.get_submodule("norm").eval()
    modes = [module.training for module in net.modules()]
    saved = {key: value.clone() for key, value in net.state_dict().items()}
    net(x)

    def forward() -> None:
        assert not torch.is_grad_enabled()
        assert not any(module.training for module in net.modules())
        net(x)
        if fails:
            raise RuntimeError("in the middle")

    if fails:
        with pytest.raises(RuntimeError, match="in the middle"):
            record(net, forward)
    else:
        record(net, forward)
    assert [module.training for module in net.modules()] == modes
    for _, layer in spiking_layers(net):
        assert layer.monitor is None
        assert layer.observer is None
        assert layer.v == layer.rest
        assert not layer._forward_hooks
        assert not layer._forward_pre_hooks
    assert torch.is_grad_enabled()
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, saved[key], rtol=0, atol=0)


def test_an_existing_observer_stays() -> None:
    net, seen = network(), []
    first = net.get_submodule("first")
    first.observer = seen.append
    record(net, lambda: net(images()))
    assert seen == []
    net(images())
    assert len(seen) == 1


def test_a_network_with_its_own_loop_over_time_is_recorded_alike() -> None:
    whole = TimeSequential(LIFNode(tau=2.0, step_mode="m"), LIFNode(tau=2.0, v_threshold=0.1, step_mode="m"))
    steps = nn.Sequential(LIFNode(tau=2.0), LIFNode(tau=2.0, v_threshold=0.1))
    one = record(whole, lambda: whole(images()))
    other = record(steps, lambda: [steps(x) for x in images()])
    for name in ("0", "1"):
        for key in ("h", "v", "s"):
            np.testing.assert_array_equal(getattr(one[name], key), getattr(other[name], key))


def test_other_layers_are_not_recorded() -> None:
    net, x = network(), images()
    assert record(net, lambda: net(x), ["second"]).keys() == {"second"}
    output, trajectories = watch(net, lambda: net(x), [])
    assert trajectories == {}
    with torch.no_grad():
        assert torch.equal(output, net.eval()(x))


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [(["*"], ["first", "second"]), (["second", "first"], ["first", "second"]), (["s*"], ["second"]), ([], [])],
)
def test_layers_are_selected_by_name_or_pattern_in_their_order(patterns: list[str], chosen: list[str]) -> None:
    assert matching_layers(network(), patterns, "monitor.layers") == chosen


def test_a_pattern_that_matches_no_layer_is_an_error_that_lists_the_layers() -> None:
    with pytest.raises(
        UserError, match=r"^layer: 'third' matches no spiking layer of this network; there are first, second$"
    ):
        matching_layers(network(), ["first", "third"], "layer")


def test_a_monitor_that_was_on_stays_on() -> None:
    net = network()
    first = net.get_submodule("first")
    assert isinstance(first, PLIFNode)
    first.set_monitor(True)
    record(net, lambda: net(images()))
    assert first.monitor == {"h": [], "v": [], "s": []}


def test_a_moving_threshold_and_a_second_state_are_recorded() -> None:
    net = nn.Sequential(OrderedDict(adaptive=AdaptiveNode(step_mode="s")))
    x = images().flatten(2)
    (recording,) = record(net, lambda: [net(x_t) for x_t in x]).values()
    assert list(recording.more) == ["a", "threshold"]
    np.testing.assert_allclose(recording.more["threshold"][0], 1)
    np.testing.assert_allclose(recording.more["threshold"][1:], 1 + 0.5 * recording.more["a"][:-1])
    assert recording.more["a"].shape == recording.h.shape
