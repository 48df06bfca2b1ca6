"""CUBA and adaptive LIF against an oracle in NumPy: spikes, both states, gradients, in every executor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from snntrain.kernels import dispatch
from snntrain.neuron import AdLIFNode, CubaNode, LIFNode, surrogate
from snntrain.neuron.integrate_and_fire.formulas import KINDS as SURROGATES

from tests.pairs import every_pair, every_value

from .two_state_cases import (
    KINDS,
    V_THRESHOLD,
    Kind,
    current,
    every_detach,
    every_kind,
    every_reset,
    gradients,
    pull,
    pulls,
    second,
)

every_surrogate = pytest.mark.parametrize("fire", [kind() for kind in SURROGATES], ids=lambda fire: type(fire).__name__)
every_executor = pytest.mark.parametrize("executor", ["reference", "cpu"])
TOLERANCE = {"reference": 1e-9, "cpu": 2e-5}


@every_pair(every_kind, every_reset, every_detach, every_surrogate, every_executor)
@pytest.mark.sample(14)
def test_spikes_states_and_gradients_are_those_of_the_papers_equations(
    kind: Kind,
    v_reset: float | None,
    detach_reset: bool,
    fire: surrogate.Surrogate,
    executor: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, executor)
    node = kind.build(
        v_threshold=V_THRESHOLD, v_reset=v_reset, detach_reset=detach_reset, surrogate_function=fire, step_mode="m"
    )
    dtype = torch.float64 if executor == "reference" else torch.float32
    node = node.to(dtype)
    x = current(kind)
    random = np.random.default_rng(1)
    v0, w0 = (torch.from_numpy(random.normal(0.0, 0.3, (3, 7)).astype(np.float32)).to(dtype) for _ in range(2))
    trace = kind.cell(node).forward(x.numpy(), v0.double().numpy(), w0.double().numpy())
    given, v0, w0 = (k.detach().clone().to(dtype).requires_grad_() for k in (x, v0, w0))
    node.v = v0
    setattr(node, node.states[1], w0)
    s = node(given)
    assert 0.1 < trace.s.mean() < 0.9
    np.testing.assert_array_equal(s.detach().numpy(), trace.s)
    tolerance = TOLERANCE[executor]
    np.testing.assert_allclose(node.v.detach().numpy(), trace.v[-1], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(second(node).detach().numpy(), trace.w[-1], rtol=tolerance, atol=tolerance)
    weights = pulls(x)
    pull(node, s, weights)
    expected = kind.cell(node).backward(x.numpy(), trace, *weights)
    found = gradients(node, x=given, v0=v0, w0=w0)
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        assert np.abs(found[name] - right).max() <= 5 * tolerance * max(1e-3, np.abs(right).max()), name
