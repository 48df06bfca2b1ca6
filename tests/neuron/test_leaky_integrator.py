"""The leaky integrator: its potentials by a loop in NumPy, many steps at once, its learnt time constant and state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snntrain.neuron import LINode, learnt_constants
from snntrain.neuron.leaky_integrator import CHUNK


def by_hand(x: np.ndarray, tau: float, v: np.ndarray) -> np.ndarray:
    potentials = []
    for x_t in x:
        v = v + (x_t - v) / tau
        potentials.append(v)
    return np.stack(potentials)


def current(T: int, *shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(T, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("T", [1, 2, CHUNK, CHUNK + 1, 1000])
@pytest.mark.parametrize(
    ("tau", "learn_tau"), [(0.75, False), (1.0, False), (2.0, False), (500.0, False), (2.0, True), (500.0, True)]
)
def test_its_output_is_the_potential_of_each_step(T: int, tau: float, learn_tau: bool) -> None:
    node = LINode(tau, step_mode="m", learn_tau=learn_tau).double()
    x, v0 = current(T, 3, 4), current(3, 4, seed=1)
    node.v = v0
    found = node(x)
    expected = by_hand(x.numpy(), tau, v0.numpy())
    # The learnt parameter is stored in float32.
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-5 if learn_tau else 1e-9, atol=1e-5)
    assert torch.equal(node.v, found[-1])


def test_a_constant_input_gives_the_potentials_of_its_copies() -> None:
    x, node = current(1, 3, 4).float(), LINode(3.0, step_mode="m")
    node.v = current(3, 4, seed=1).float()
    v0, once = node.v, node(x, 90)
    node.v = v0
    torch.testing.assert_close(once, node(x.expand(90, 3, 4).contiguous()), rtol=1e-5, atol=1e-6)


def test_two_calls_and_single_steps_equal_one_call() -> None:
    x, whole, parts, single = current(50, 3), *(LINode(4.0, step_mode=mode) for mode in "mms")
    expected = whole(x)
    torch.testing.assert_close(torch.cat([parts(x[:37]), parts(x[37:])]), expected)
    torch.testing.assert_close(torch.stack([single(x_t) for x_t in x]), expected)


@pytest.mark.parametrize("constant", [False, True])
def test_gradients_are_those_of_finite_differences(constant: bool) -> None:
    node = LINode(2.5, step_mode="m", learn_tau=True).double()

    def run(x: torch.Tensor, v0: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        node.v = v0
        return torch.func.functional_call(node, {"w_tau": w}, (x, 5))

    given = current(1 if constant else 5, 2, 3), current(2, 3, seed=1), node.w_tau.detach()
    assert torch.autograd.gradcheck(run, [k.clone().requires_grad_() for k in given])


def test_a_time_constant_of_each_neuron_is_computed_too() -> None:
    node, x = LINode(2.0, step_mode="m", learn_tau=True).double(), current(9, 2, 3)
    node.w_tau = torch.nn.Parameter(torch.tensor([-0.5, 0.0, -2.0], dtype=torch.float64))
    found = node(x)
    for i, w in enumerate(node.w_tau.tolist()):
        expected = by_hand(x[..., i].numpy(), 1 + np.exp(-w), np.zeros(2))
        np.testing.assert_allclose(found[..., i].detach().numpy(), expected, atol=1e-12)


def test_a_learnt_time_constant_is_logged_and_saved() -> None:
    node = LINode(3.0, learn_tau=True)
    assert learnt_constants(torch.nn.Sequential(node))["tau/0"] == pytest.approx(3.0)
    assert list(node.state_dict()) == ["w_tau"]
    assert list(LINode(3.0).state_dict()) == []


def test_half_precision_is_computed_in_float32_with_autocast_as_well() -> None:
    x = current(40, 2, 3).bfloat16()
    node = LINode(3.0, step_mode="m")
    with torch.autocast("cpu", torch.bfloat16):
        found = node(x)
    assert found.dtype == node.v.dtype == torch.bfloat16
    expected = by_hand(x.double().numpy(), 3.0, np.zeros((2, 3)))
    np.testing.assert_allclose(found.double().numpy(), expected, atol=2**-8)


@pytest.mark.parametrize(("tau", "learn_tau"), [(0.0, False), (1.0, True), (0.5, True)])
def test_a_time_constant_out_of_bounds_is_refused(tau: float, learn_tau: bool) -> None:
    with pytest.raises(ValueError, match=r"tau=|tau must be"):
        LINode(tau, learn_tau=learn_tau)
