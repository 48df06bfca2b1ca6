"""Properties of any input, neuron and reset."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, clamp

from .cases import NEURONS, V_THRESHOLD, drive, make_surrogate, recorded
from .oracle_surrogates import SURROGATES

DTYPES = st.sampled_from([np.float32, np.float64])
FLOATS = {"allow_nan": False, "allow_infinity": False, "allow_subnormal": False}
SHAPES = hnp.array_shapes(min_dims=2, max_dims=4, max_side=4)
resets = st.sampled_from([0.0, -0.3, 0.25, None])
modes = st.sampled_from(["s", "m"])
check = settings(max_examples=25)


@st.composite
def currents(draw: st.DrawFn) -> Tensor:
    """[T, N, *], float32 or float64: multiples of 1/8, which meet the threshold exactly, or any numbers."""
    dtype = draw(DTYPES)
    width: Any = {np.float32: 32, np.float64: 64}[dtype]
    any_number = st.floats(-8, 8, width=width, **FLOATS)
    elements = draw(st.sampled_from([any_number, st.integers(-16, 16).map(lambda k: k / 8)]))
    return torch.from_numpy(draw(hnp.arrays(dtype, SHAPES, elements=elements)))


@st.composite
def nodes(draw: st.DrawFn, /, **fixed: Any) -> BaseNode:
    arguments = {"v_reset": draw(resets), "step_mode": draw(modes), "v_threshold": V_THRESHOLD, **fixed}
    return draw(st.sampled_from(NEURONS)).build(monitor_state=True, **arguments)


def run(node: BaseNode, x: Tensor) -> Tensor:
    """Return the spikes of a run from rest."""
    node.reset()
    with torch.no_grad():
        return drive(node, x)


@check
@given(nodes(), currents())
def test_spikes_are_zero_or_one_and_one_from_the_threshold_on(node: BaseNode, x: Tensor) -> None:
    s = run(node, x)
    assert s.shape == x.shape
    assert ((s == 0) | (s == 1)).all()
    np.testing.assert_array_equal(s, recorded(node, "h") >= V_THRESHOLD)


@check
@given(nodes(), currents())
def test_a_neuron_that_does_not_fire_keeps_its_charge(node: BaseNode, x: Tensor) -> None:
    silent = run(node, x).numpy() == 0
    np.testing.assert_array_equal(recorded(node, "v")[silent], recorded(node, "h")[silent])


@check
@given(st.sampled_from([0.0, -0.3, 0.25]).flatmap(lambda v_reset: nodes(v_reset=v_reset)), currents())
def test_hard_reset_leaves_v_reset(node: BaseNode, x: Tensor) -> None:
    fired = run(node, x).numpy() == 1
    v = recorded(node, "v")
    assert (v[fired] == v.dtype.type(node.rest)).all()


@check
@given(nodes(v_reset=None), currents())
def test_soft_reset_subtracts_the_threshold(node: BaseNode, x: Tensor) -> None:
    fired = run(node, x).numpy() == 1
    np.testing.assert_array_equal(recorded(node, "v")[fired], recorded(node, "h")[fired] - V_THRESHOLD)


@check
@given(nodes(), currents(), st.data())
def test_two_calls_are_one(node: BaseNode, x: Tensor, data: st.DataObject) -> None:
    whole, states = run(node, x), {key: recorded(node, key) for key in ("h", "v", "s")}
    cut = data.draw(st.integers(1, len(x)))
    pieces = [run(node, x[:cut])]
    if cut < len(x):
        with torch.no_grad():
            pieces.append(drive(node, x[cut:]))
    assert torch.equal(torch.cat(pieces), whole)
    for key, expected in states.items():
        np.testing.assert_array_equal(recorded(node, key), expected)


@check
@given(nodes(), currents())
def test_step_modes_agree(node: BaseNode, x: Tensor) -> None:
    s, v = run(node, x), node.v
    node.step_mode = {"s": "m", "m": "s"}[node.step_mode]
    assert torch.equal(run(node, x), s)
    torch.testing.assert_close(node.v, v, rtol=0, atol=0)


@check
@given(nodes(), currents(), st.randoms(use_true_random=False))
def test_order_within_the_batch_does_not_matter(node: BaseNode, x: Tensor, random: Any) -> None:
    order = random.sample(range(x.shape[1]), x.shape[1])
    assert torch.equal(run(node, x[:, order]), run(node, x)[:, order])


@check
@given(nodes(), currents())
def test_neurons_do_not_see_each_other(node: BaseNode, x: Tensor) -> None:
    alone = torch.cat([run(node, x[:, [n]]) for n in range(x.shape[1])], dim=1)
    assert torch.equal(alone, run(node, x))


@check
@given(nodes(), currents(), st.data())
def test_later_inputs_do_not_change_earlier_spikes(node: BaseNode, x: Tensor, data: st.DataObject) -> None:
    now = data.draw(st.integers(0, len(x) - 1))
    changed = x.clone()
    changed[now + 1 :] += 5.0
    assert torch.equal(run(node, changed)[: now + 1], run(node, x)[: now + 1])


@check
@given(nodes(), currents(), st.sampled_from(list(SURROGATES)), st.booleans())
def test_surrogate_and_detach_do_not_change_the_run(node: BaseNode, x: Tensor, name: str, detach_reset: bool) -> None:
    s, v = run(node, x), node.v
    node.surrogate_function, node.detach_reset = make_surrogate(name), detach_reset
    node.eval()
    assert torch.equal(run(node, x), s)
    torch.testing.assert_close(node.v, v, rtol=0, atol=0)


@check
@given(nodes(), currents())
def test_raising_the_first_input_never_delays_the_first_spike(node: BaseNode, x: Tensor) -> None:
    """The charge rises with v and with x, so up to the first spike more input is more potential."""
    before, after = run(node, x).cumsum(0) > 0, run(node, torch.cat([x[:1] + 1.0, x[1:]])).cumsum(0) > 0
    assert (after >= before).all()


@check
@given(st.integers(0, 40), st.integers(1, 12))
def test_soft_reset_integrate_and_fire_conserves_charge(quarters: int, T: int) -> None:
    """Charge is conserved: T x = spikes V_th + v, exactly, if the numbers are multiples of 1/4."""
    x = torch.full((T, 1), quarters / 4)
    node = IFNode(v_threshold=V_THRESHOLD, v_reset=None, step_mode="m")
    s = node(x)
    assert isinstance(node.v, Tensor)
    assert s.sum() * V_THRESHOLD + node.v.sum() == x.sum()


@check
@given(st.floats(1.01, 1e5), st.sampled_from([False, *clamp.PAIRS]))
def test_plif_starts_at_any_time_constant(init_tau: float, how: bool | str) -> None:
    assert PLIFNode(init_tau, clamp=how).tau() == pytest.approx(init_tau, rel=1e-4)


@check
@given(st.floats(-5, 5), st.floats(0.01, 10), st.floats(0.01, 0.99))
def test_rif_starts_at_any_weight_inside(lo: float, width: float, share: float) -> None:
    init_w = lo + share * width
    node = RIFNode(init_w, amplitude=(lo, lo + width))
    assert node.w().item() == pytest.approx(init_w, rel=1e-4, abs=1e-5)


@check
@given(st.floats(1.0, 1e4), st.floats(-2, 0.5))
def test_lif_without_input_stays_at_rest(tau: float, v_reset: float) -> None:
    node = LIFNode(tau, v_reset=v_reset, step_mode="m", monitor_state=True).double()
    assert not node(torch.zeros(20, 3, dtype=torch.float64)).any()
    np.testing.assert_allclose(recorded(node, "v"), v_reset, rtol=1e-12, atol=1e-15)
