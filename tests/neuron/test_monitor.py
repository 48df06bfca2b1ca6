"""The monitor: lists of NumPy arrays, one entry per step, the same in both step modes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from snntrain.neuron import IFNode, LIFNode, PLIFNode

from .cases import Neuron, current, drive, every_mode, every_neuron, every_reset, recorded
from .test_own_neuron import QuadraticNode

T, SHAPE = 7, (3, 5)


def noise(dtype: torch.dtype = torch.float32) -> Tensor:
    return 2 * torch.randn(T, *SHAPE, generator=torch.Generator().manual_seed(5)).to(dtype)


@every_neuron
@every_mode
def test_lists_of_arrays_have_one_entry_per_step(neuron: Neuron, step_mode: str) -> None:
    node = neuron.build(monitor_state=True, step_mode=step_mode)
    s = drive(node, torch.from_numpy(current(neuron, T, SHAPE)).float())
    assert node.monitor is not None
    assert list(node.monitor) == ["h", "v", "s"]
    for entries in node.monitor.values():
        assert len(entries) == T
        assert all(type(entry) is np.ndarray and entry.shape == SHAPE for entry in entries)
        assert all(entry.dtype == np.float32 for entry in entries)
    np.testing.assert_array_equal(recorded(node, "s"), s.detach())
    assert isinstance(node.v, Tensor)
    np.testing.assert_array_equal(node.monitor["v"][-1], node.v.detach())


@every_mode
def test_first_entry_is_the_first_charged_potential(step_mode: str) -> None:
    node = LIFNode(tau=2.0, v_reset=-1.0, monitor_state=True, step_mode=step_mode)
    drive(node, torch.tensor([[0.5, 4.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(recorded(node, "h"), [[-0.75, 1.0], [-0.875, -1.0]])
    np.testing.assert_array_equal(recorded(node, "s"), [[0, 1], [0, 0]])
    np.testing.assert_array_equal(recorded(node, "v"), [[-0.75, -1.0], [-0.875, -1.0]])


@every_neuron
@every_reset
def test_both_step_modes_fill_the_same_lists(neuron: Neuron, v_reset: float | None) -> None:
    x = torch.from_numpy(current(neuron, T, SHAPE)).float()
    one, many = (neuron.build(v_reset=v_reset, monitor_state=True, step_mode=mode) for mode in ("s", "m"))
    drive(one, x)
    drive(many, x)
    for key in ("h", "v", "s"):
        np.testing.assert_array_equal(recorded(one, key), recorded(many, key))


@every_mode
@pytest.mark.parametrize("node_class", [PLIFNode, QuadraticNode])
@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        (torch.bfloat16, np.float32),
        (torch.float16, np.float32),
        (torch.float32, np.float32),
        (torch.float64, np.float64),
    ],
)
def test_half_precision_is_stored_as_float32(
    step_mode: str, node_class: type[PLIFNode], dtype: torch.dtype, stored: type[np.floating]
) -> None:
    node = node_class(monitor_state=True, step_mode=step_mode)
    drive(node, noise(dtype))
    assert node.monitor is not None
    assert {entry.dtype for entries in node.monitor.values() for entry in entries} == {np.dtype(stored)}


@every_mode
def test_entries_gather_over_calls_until_reset(step_mode: str) -> None:
    node = IFNode(monitor_state=True, step_mode=step_mode)
    drive(node, noise())
    drive(node, noise())
    assert recorded(node, "h").shape == (2 * T, *SHAPE)
    node.reset()
    assert node.monitor == {"h": [], "v": [], "s": []}
    drive(node, noise())
    assert recorded(node, "h").shape == (T, *SHAPE)


@every_mode
def test_recording_can_be_switched(step_mode: str) -> None:
    node = IFNode(step_mode=step_mode)
    assert not node.monitor
    drive(node, noise())
    node.set_monitor(True)
    assert node.monitor == {"h": [], "v": [], "s": []}
    drive(node, noise())
    assert recorded(node, "s").shape == (T, *SHAPE)
    node.set_monitor(False)
    drive(node, noise())
    node.reset()
    assert node.monitor is None


@every_mode
def test_watching_changes_nothing(step_mode: str) -> None:
    runs = []
    for monitor_state in (False, True):
        node, x = PLIFNode(monitor_state=monitor_state, step_mode=step_mode), noise().requires_grad_()
        s = drive(node, x)
        s.sum().backward()
        runs.append((s, x.grad, node.w.grad, node.v))
    for unwatched, watched in zip(*runs, strict=True):
        torch.testing.assert_close(watched, unwatched, rtol=0, atol=0)


@every_mode
@pytest.mark.parametrize("node_class", [IFNode, QuadraticNode])
def test_a_record_does_not_change_with_the_spikes_in_place(step_mode: str, node_class: type[IFNode]) -> None:
    """A layer after this one may work in place (dropout, a residual sum); the record is a copy."""
    node = node_class(monitor_state=True, step_mode=step_mode)
    with torch.no_grad():
        s = node(noise() if step_mode == "m" else noise()[0])
        spikes, potential = recorded(node, "s").copy(), recorded(node, "v").copy()
        s.mul_(7.0)
        assert isinstance(node.v, Tensor)
        node.v.fill_(9.0)
    np.testing.assert_array_equal(recorded(node, "s"), spikes)
    np.testing.assert_array_equal(recorded(node, "v"), potential)


def test_lists_belong_to_one_neuron() -> None:
    one, other = IFNode(monitor_state=True), IFNode(monitor_state=True)
    one(noise()[0])
    assert recorded(one, "s").shape == (1, *SHAPE)
    assert other.monitor == {"h": [], "v": [], "s": []}
