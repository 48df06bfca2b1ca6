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


# ---- executors -------------------------------------------------------------------------------------------------------


def node_of(kind: Kind, **arguments: Any) -> Any:
    settings = {"v_threshold": V_THRESHOLD, "surrogate_function": surrogate.ATan(), "step_mode": "m"}
    return kind.build(**settings | arguments)


def per_neuron(node: Any, shape: tuple[int, ...]) -> Any:
    """Give each neuron of a map its own learnt constants."""
    generator = torch.Generator().manual_seed(2)
    for name, parameter in list(node.named_parameters()):
        spread = 0.2 * torch.randn(shape, generator=generator, dtype=torch.float64)
        setattr(node, name, torch.nn.Parameter((parameter.detach() + spread).to(parameter.dtype)))
    return node


def by(executor: str, node: Any, x: torch.Tensor, T: int | None = None) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Return the spikes of an executor, and the last states and gradients by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dispatch.VARIABLE, executor)
        given = x.detach().clone().requires_grad_()
        s = node(given, T)
        pull(node, s, pulls(x, T))
    states = {"last v": node.v, "last w": second(node)}
    return s.detach(), {name: k.detach().double().numpy() for name, k in states.items()} | gradients(node, x=given)


def assert_alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, right in other.items():
        assert np.abs(one[name] - right).max() <= tolerance * max(1.0, np.abs(right).max()), name


@every_pair(
    every_kind,
    every_reset,
    pytest.mark.parametrize("each", [False, True], ids=["one constant", "one each"]),
    pytest.mark.parametrize("constant", [False, True], ids=["sequence", "constant"]),
)
@pytest.mark.sample(3)
def test_compiled_code_gives_the_spikes_of_the_definition(
    kind: Kind, v_reset: float | None, each: bool, constant: bool
) -> None:
    # More than one block, and not a whole number of vectors.
    x, T = current(kind, 1 if constant else 6, (3, 7, 31)).float(), 6
    nodes = [node_of(kind, v_reset=v_reset) for _ in range(2)]
    if each:
        nodes = [per_neuron(node, (7, 1)) for node in nodes]
    (s, found), (right_s, right) = (
        by(name, node, x, T) for name, node in zip(("cpu", "reference"), nodes, strict=True)
    )
    assert 0.05 < right_s.mean() < 0.95
    assert torch.equal(s, right_s)
    assert_alike(found, right, 3e-5)


@every_kind
@pytest.mark.sample(1)
def test_bfloat16_keeps_both_states_in_float32(kind: Kind) -> None:
    x = current(kind, 7, (3, 16)).bfloat16()
    nodes = node_of(kind), node_of(kind)
    s, found = by("cpu", nodes[0], x)
    right_s, right = by("reference", nodes[1], x)
    assert s.dtype == nodes[0].v.dtype == second(nodes[0]).dtype == torch.bfloat16
    assert torch.equal(s, right_s)
    assert_alike(found, right, 2**-7)


@every_value(every_kind, every_reset, every_detach)
@pytest.mark.parametrize("executor", ["reference", "cpu"])
@pytest.mark.sample(4)
def test_both_states_carry_over_from_call_to_call(
    kind: Kind, v_reset: float | None, detach_reset: bool, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, executor)
    whole, parts, single = (node_of(kind, v_reset=v_reset, detach_reset=detach_reset) for _ in range(3))
    single.step_mode = "s"
    x = current(kind, 8, (3, 16)).float()
    leaves = [x.clone().requires_grad_() for _ in range(3)]
    spikes = [
        whole(leaves[0]),
        torch.cat([parts(leaves[1][:3]), parts(leaves[1][3:])]),
        torch.stack([single(x_t) for x_t in leaves[2]]),
    ]
    for node, s, leaf in zip((whole, parts, single), spikes, leaves, strict=True):
        assert torch.equal(s, spikes[0])
        assert torch.equal(second(node), second(whole))
        pull(node, s, pulls(x))
        torch.testing.assert_close(leaf.grad, leaves[0].grad, rtol=1e-4, atol=1e-5)


@every_kind
@pytest.mark.parametrize("executor", ["reference", "cpu"])
@pytest.mark.sample(4)
def test_monitor_and_potentials_are_those_of_the_oracle(
    kind: Kind, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, executor)
    node, x = node_of(kind, monitor_state=True), current(kind)
    zero = np.zeros((3, 7))
    trace = kind.cell(node).forward(x.numpy(), zero, zero)
    node(x.float())
    names = ["h", "v", "s", node.states[1], *(["threshold"] if kind.name == "threshold" else [])]
    assert list(node.monitor) == names
    for name in names:
        right = getattr(trace, {"i": "w"}.get(name, name))
        np.testing.assert_allclose(np.stack(node.monitor[name]), right, rtol=1e-5, atol=1e-5)
    node.set_monitor(False)
    node.reset()
    node.store_v_seq = True
    node(x.float())
    np.testing.assert_allclose(node.v_seq.detach().numpy(), trace.v, rtol=1e-5, atol=1e-5)


@every_kind
@pytest.mark.sample(1)
def test_second_derivatives_and_transforms_run_by_the_definition(kind: Kind) -> None:
    node = node_of(kind, surrogate_function=surrogate.Sigmoid(spiking=False)).double()
    x = current(kind, 4, (1, 2)).requires_grad_()

    def run(x: torch.Tensor) -> torch.Tensor:
        node.reset()
        return node(x)

    assert torch.autograd.gradcheck(run, (x,))
    spiking = node_of(kind)
    y = x.detach().float()

    def loss(y: torch.Tensor) -> torch.Tensor:
        spiking.reset()
        s = spiking(y)
        spiking.reset()
        return (s**2).sum()

    leaf = y.clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    torch.testing.assert_close(torch.func.grad(loss)(y), first.detach(), rtol=1e-4, atol=1e-5)
    assert first.pow(2).sum().requires_grad


@every_kind
@pytest.mark.sample(1)
def test_the_operator_keeps_torchs_rules(kind: Kind) -> None:
    node, x = node_of(kind), current(kind, 3, (2, 16)).float().requires_grad_()
    k = node.coefficients()
    tensors = [torch.as_tensor(value).detach().reshape(1).requires_grad_() for value in k]
    tensors[1] = None
    state = torch.rand(2, 16, requires_grad=True)
    place = {"cuba": 0, "adlif": 1, "threshold": 2}[kind.name]
    given = (x, 3, place, *tensors, None, state, [0.0, -1.0, *[0.0] * 6], V_THRESHOLD, 0.0, False, 4, 2.0, 0.0, False)
    torch.library.opcheck(torch.ops.snntrain.two_states.default, given)


# ---- neurons ---------------------------------------------------------------------------------------------------------


def test_without_filter_cuba_is_lif() -> None:
    x = current(KINDS[0], 6, (2, 16)).float()
    cuba = CubaNode(tau=2.5, tau_i=1.0, learn_tau=False, surrogate_function=surrogate.ATan(), step_mode="m")
    lif = LIFNode(tau=2.5, surrogate_function=surrogate.ATan(), step_mode="m")
    assert torch.equal(cuba(x), lif(x))


@every_value(every_kind, every_reset)
@pytest.mark.sample(1)
def test_a_neuron_at_rest_without_input_stays_there_exactly(kind: Kind, v_reset: float | None) -> None:
    node = node_of(kind, v_reset=v_reset)
    for _ in range(2):
        assert node(torch.zeros(50, 2, 3, dtype=torch.bfloat16)).sum() == 0
        assert torch.equal(node.v, torch.full((2, 3), node.rest, dtype=torch.bfloat16))
        assert second(node).count_nonzero() == 0


def test_learnt_constants_stay_in_their_bounds_and_are_logged() -> None:
    node = AdLIFNode(tau_u=10.0, tau_u_bounds=(5.0, 25.0), tau_w=100.0, a=0.25, b=0.5)
    assert node.learnt() == pytest.approx({"tau_u": 10.0, "tau_w": 100.0, "a": 0.25, "b": 0.5}, rel=1e-5)
    for far, expected in ((1e4, {"tau_u": 25.0, "tau_w": 300.0, "a": 1.0, "b": 2.0}), (-1e4, {"tau_u": 5.0})):
        for parameter in node.parameters():
            parameter.data.fill_(far)
        found = node.learnt()
        assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert AdLIFNode(learn_tau=False).learnt().keys() == {"a", "b"}
    assert not list(AdLIFNode(learn_tau=False, learn_ab=False).parameters())
    assert CubaNode(tau=3.0, tau_i=4.0).learnt() == pytest.approx({"tau": 3.0, "tau_i": 4.0}, rel=1e-5)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: CubaNode(tau=1.0), "tau=1.0 must be above 1"),
        (lambda: CubaNode(tau_i=0.5, learn_tau=False), "tau_i=0.5 must be at least 1"),
        (lambda: AdLIFNode(tau_u=30.0), r"tau_u=30.0 must lie inside its bounds \(1.0, 25.0\)"),
        (lambda: AdLIFNode(b=0.0), r"b=0.0 must lie inside its bounds .* learn_ab=False"),
        (lambda: AdLIFNode(tau_w_bounds=(3.0,)), "tau_w_bounds=.* two finite numbers"),
        (lambda: AdLIFNode(tau_u_bounds=(5.0, 2.0)), "tau_u_bounds=.* lo < hi"),
        (lambda: AdLIFNode(adapt="both"), "adapt='both' must be one of current, threshold"),
    ],
)
def test_constants_out_of_bounds_are_refused(build: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()


def test_a_subclass_with_a_rule_of_its_own_runs_by_it() -> None:
    class Forgetful(AdLIFNode):
        def adapt(self, s: torch.Tensor) -> None:
            super().adapt(s)
            self.w = 0 * torch.as_tensor(self.w)

    own, lif = (
        kind(tau_u=2.0, a=0.1, surrogate_function=surrogate.ATan(), step_mode="m") for kind in (Forgetful, AdLIFNode)
    )
    x = current(KINDS[1], 6, (2, 16)).float()
    assert own.has_own_rule
    assert not lif.has_own_rule
    assert not torch.equal(own(x), lif(x))
    assert own.w.count_nonzero() == 0


@pytest.mark.parametrize("adapt", ["current", "threshold"])
def test_gradients_of_constants_per_neuron_add_up_to_that_of_the_layers_constant(adapt: str) -> None:
    torch.manual_seed(0)
    x, pull = 2 * torch.randn(6, 3, 4), torch.randn(6, 3, 4)
    gradients = []
    for per_neuron in (False, True):
        node = AdLIFNode(
            *(3.0, 20.0, 0.4, 0.8, 5.0, adapt),
            v_threshold=0.5,
            step_mode="m",
            learn_threshold=True,
            per_neuron=per_neuron,
        )
        spikes = node(x)
        assert 0.05 < spikes.mean() < 0.95
        (spikes * pull).sum().backward()
        gradients.append({name: p.grad.sum() for name, p in node.named_parameters() if p.grad is not None})
        shapes = {tuple(p.shape) for p in node.parameters()}
        assert shapes == {(4,) if per_neuron else (1,)}
    assert gradients[0].keys() == {"log_threshold", "w_tau_u", "w_tau_w", "w_a", "w_b"}
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)
    assert all(gradient.abs() > 0 for gradient in gradients[0].values())


def test_cuba_learns_constants_per_neuron() -> None:
    node = CubaNode(step_mode="m", per_neuron=True, v_threshold=0.3)
    node(torch.rand(5, 2, 3)).sum().backward()
    assert all(p.shape == (3,) and p.grad is not None and p.grad.abs().sum() > 0 for p in node.parameters())
    assert node.learnt()["tau_i_max"] == pytest.approx(2.0)
