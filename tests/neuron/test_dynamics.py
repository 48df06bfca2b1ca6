"""Every neuron against the float64 oracle: its steps, and back-propagation through time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.neuron import BaseNode, IFNode
from tests.pairs import every_pair

from . import oracle
from .cases import (
    V_THRESHOLD,
    Neuron,
    current,
    drive,
    every_detach,
    every_mode,
    every_neuron,
    every_reset,
    every_surrogate,
    make_surrogate,
    recorded,
)

Array = NDArray[np.float64]


def assert_same_run(node: BaseNode, s: Tensor, trace: oracle.Trace, tolerance: float) -> None:
    np.testing.assert_allclose(s.detach(), trace.s, rtol=0, atol=tolerance)
    for key, expected in (("h", trace.h), ("v", trace.v), ("s", trace.s)):
        np.testing.assert_allclose(recorded(node, key), expected, rtol=0, atol=tolerance, err_msg=key)
    assert isinstance(node.v, Tensor)
    np.testing.assert_allclose(node.v.detach(), trace.v[-1], rtol=0, atol=tolerance)


def assert_same_gradients(neuron: Neuron, node: BaseNode, x: Array, dtype: torch.dtype, tolerance: float) -> None:
    """Run `node` from a random potential, and compare the gradients of its spikes and its last potential."""
    random = np.random.default_rng(3)
    v_first = random.normal(0, 0.3, x.shape[1:]).astype(np.float32).astype(np.float64)
    pull_s, pull_v = random.normal(size=x.shape), random.normal(size=x.shape[1:])
    cell = neuron.cell(node)
    trace = cell.forward(x, v_first)
    expected = cell.backward(x, trace, pull_s, pull_v)

    input_ = torch.tensor(x, dtype=dtype, requires_grad=True)
    start = torch.tensor(v_first, dtype=dtype, requires_grad=True)
    node.v = start
    s = drive(node, input_)
    pulled = (s * torch.from_numpy(pull_s)).sum() + (node.v * torch.from_numpy(pull_v)).sum()
    pulled.backward()

    assert input_.grad is not None
    assert start.grad is not None
    compare = {"x": (input_.grad, expected.x), "v_first": (start.grad, expected.v_first)}
    parameter = neuron.learnt(node)
    if parameter is not None:
        assert parameter.grad is not None
        slope = neuron.link.slope(np.asarray(parameter.item()))
        compare["parameter"] = (parameter.grad, expected.k * slope * np.ones(1))
    for name, (actual, wanted) in compare.items():
        scale = float(np.abs(wanted).max())
        np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=name)


@every_pair(every_neuron, every_reset, every_detach, every_surrogate, every_mode)
def test_run_in_double_precision_follows_the_equations(
    neuron: Neuron, v_reset: float | None, detach_reset: bool, name: str, step_mode: str
) -> None:
    node = neuron.build(
        v_threshold=V_THRESHOLD,
        v_reset=v_reset,
        surrogate_function=make_surrogate(name),
        detach_reset=detach_reset,
        monitor_state=True,
        step_mode=step_mode,
    ).double()
    x = current(neuron)
    trace = neuron.cell(node).forward(x)
    s = drive(node, torch.from_numpy(x))

    assert 0.1 < trace.s.mean() < 0.9
    np.testing.assert_array_equal(s.detach(), trace.s)
    assert_same_run(node, s, trace, tolerance=1e-12)


@every_pair(every_neuron, every_reset, every_detach, every_surrogate, every_mode)
def test_gradients_are_those_of_back_propagation_through_time(
    neuron: Neuron, v_reset: float | None, detach_reset: bool, name: str, step_mode: str
) -> None:
    node = neuron.build(
        v_threshold=V_THRESHOLD,
        v_reset=v_reset,
        surrogate_function=make_surrogate(name),
        detach_reset=detach_reset,
        step_mode=step_mode,
    ).double()
    x = current(neuron)
    assert_same_gradients(neuron, node, x, torch.float64, tolerance=1e-10)


@every_pair(every_neuron, every_reset, every_detach, every_surrogate)
def test_without_spikes_the_reset_uses_the_float_of_the_primitive(
    neuron: Neuron, v_reset: float | None, detach_reset: bool, name: str
) -> None:
    node = neuron.build(
        v_threshold=V_THRESHOLD,
        v_reset=v_reset,
        surrogate_function=make_surrogate(name, spiking=False),
        detach_reset=detach_reset,
        monitor_state=True,
        step_mode="m",
    ).double()
    x = 0.3 * current(neuron, T=5)
    trace = neuron.cell(node).forward(x)
    assert_same_run(node, drive(node, torch.from_numpy(x)), trace, tolerance=1e-11)
    node.reset()
    assert_same_gradients(neuron, node, x, torch.float64, tolerance=1e-10)


@every_pair(every_neuron, every_reset, every_mode)
def test_single_precision_differs_from_the_oracle_only_by_rounding(
    neuron: Neuron, v_reset: float | None, step_mode: str
) -> None:
    node = neuron.build(v_threshold=V_THRESHOLD, v_reset=v_reset, monitor_state=True, step_mode=step_mode)
    x = current(neuron, T=32, shape=(64,))
    cell = neuron.cell(node)
    trace = cell.forward(x)
    e_h, e_v = cell.rounding_bound(x, trace, unit=2.0**-24)
    # From the first step in which rounding decides whether it fires, a neuron may differ.
    decided = ~np.logical_or.accumulate(np.abs(trace.h - V_THRESHOLD) <= e_h, axis=0)
    s = drive(node, torch.from_numpy(x).float()).detach().numpy()

    assert decided.mean() > 0.99
    np.testing.assert_array_equal(s[decided], trace.s[decided])
    assert (np.abs(recorded(node, "h") - trace.h) <= e_h)[decided].all()
    assert (np.abs(recorded(node, "v") - trace.v) <= e_v)[decided].all()


@every_pair(every_neuron, every_reset, every_detach, every_mode)
def test_gradients_in_single_precision(
    neuron: Neuron, v_reset: float | None, detach_reset: bool, step_mode: str
) -> None:
    node = neuron.build(v_threshold=V_THRESHOLD, v_reset=v_reset, detach_reset=detach_reset, step_mode=step_mode)
    x = current(neuron, seed=1)
    assert_same_gradients(neuron, node, x, torch.float32, tolerance=2e-5)


@every_mode
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_potential_equal_to_the_threshold_fires(step_mode: str, dtype: torch.dtype) -> None:
    node = IFNode(v_threshold=0.75, step_mode=step_mode)
    s = drive(node, torch.full((6, 2), 0.25, dtype=dtype))
    assert s.tolist() == [[0, 0], [0, 0], [1, 1]] * 2


@every_mode
def test_integer_input_is_converted(step_mode: str) -> None:
    node = IFNode(v_threshold=3.5, step_mode=step_mode)
    spikes = drive(node, torch.ones(5, 2, 3, dtype=torch.int64))
    assert spikes.sum(0).tolist() == [[1.0] * 3] * 2
    assert isinstance(node.v, Tensor)
    assert node.v.tolist() == [[1.0] * 3] * 2
