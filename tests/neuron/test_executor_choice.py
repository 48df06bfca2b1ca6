"""The executor for a device, a dtype and a firing rule, also in exported and traced programs."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx

from snntrain.kernels import dispatch
from snntrain.neuron import PLIFNode, surrogate
from snntrain.neuron.integrate_and_fire import contract, reference
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.integrate_and_fire.formulas import KINDS, formula
from tests.neuron.recurrences import (
    ATAN,
    current,
    run,
)

pytest.importorskip("numba")


def used(x: Tensor, monkeypatch: pytest.MonkeyPatch, fire: Callable[[Tensor], Tensor] = ATAN) -> list[str]:
    """Return the executors that the operator loads in a run."""
    loaded: list[str] = []
    real = contract.load
    monkeypatch.setattr(
        "snntrain.neuron.integrate_and_fire.operator.load", lambda name: loaded.append(name) or real(name)
    )
    run(x, [0.5, -1.0, 0.0], surrogate=fire)
    return loaded


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float32, ["cpu"]), (torch.bfloat16, ["cpu"]), (torch.float16, []), (torch.float64, [])],
)
def test_device_and_dtype_choose_the_executor(
    dtype: torch.dtype, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert used(current(4, 3).to(dtype), monkeypatch) == expected


class Steeper(surrogate.ATan):
    """A subclass with its own gradient."""

    def gradient(self, x: Tensor) -> Tensor:
        return 2 * super().gradient(x)


@pytest.mark.parametrize("fire", [Steeper(), surrogate.ATan(spiking=False), torch.nn.Sigmoid()])
def test_an_unknown_firing_rule_runs_in_plain_pytorch(
    fire: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert used(current(4, 3), monkeypatch, fire) == []


def test_a_variable_forces_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, "reference")
    assert used(current(4, 3), monkeypatch) == []
    monkeypatch.setenv(dispatch.VARIABLE, "tpu")
    with pytest.raises(ValueError, match="SNNTRAIN_EXECUTOR=tpu must be one of reference, cpu, cuda"):
        run(current(4, 3), [0.5, -1.0, 0.0])


def test_every_surrogate_of_the_package_has_a_formula_except_three_that_run_in_plain_pytorch() -> None:
    plain = {surrogate.PoissonPass, surrogate.QPseudoSpike, surrogate.SquarewaveFourierSeries}
    kinds = [
        kind
        for _, kind in inspect.getmembers(surrogate, inspect.isclass)
        if issubclass(kind, surrogate.Surrogate) and kind is not surrogate.Surrogate
    ]
    assert set(kinds) == {*KINDS, *plain}
    assert {kind for kind in kinds if formula(kind()) is None} == plain


# ---- exported or traced programs -------------------------------------------------------------------------------------


class Spiking(nn.Module):
    """PLIF from rest, and its gradients with respect to the input and the weight."""

    def __init__(self) -> None:
        super().__init__()
        self.node = PLIFNode(surrogate_function=ATAN, step_mode="m")

    def forward(self, x: Tensor) -> Tensor:
        self.node.reset()
        s: Tensor = self.node(x)
        self.node.reset()
        return s

    def gradients(self, x: Tensor) -> tuple[Tensor, ...]:
        s = self(x)
        return (s, *torch.autograd.grad(s.square().sum(), [x, self.node.w]))


def words(graph: fx.Graph) -> list[str]:
    """Return the texts among the arguments of this package's operators in the graph, which has some."""
    calls = [node for node in graph.nodes if "snntrain" in str(node.target)]
    assert calls
    return [k for call in calls for k in (*call.args, *call.kwargs.values()) if isinstance(k, str)]


def test_an_exported_program_runs_by_any_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = torch.export.export(Spiking(), (current(4, 3, 40),))
    assert words(exported.graph) == []
    x, found = 0.8 * current(4, 3, 40), []
    for name in ("reference", "cpu"):
        monkeypatch.setenv(dispatch.VARIABLE, name)
        found.append(exported.module()(x))
    assert torch.equal(*found)
    assert 0.1 < found[0].mean() < 0.9


@pytest.mark.parametrize("shape", [(4, 3, 40), (4, 2, 3, 5, 5)], ids=str)
def test_a_traced_step_learns_by_any_executor(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    x = current(*shape)
    if len(shape) == 5:
        x = x.contiguous(memory_format=torch.channels_last_3d)
    x.requires_grad_()
    net = Spiking()
    traced = make_fx(lambda x: net.gradients(x))(x)
    assert words(traced.graph) == []
    found = {}
    for name in ("reference", "cpu"):
        monkeypatch.setenv(dispatch.VARIABLE, name)
        found[name] = traced(x)
    assert torch.equal(found["reference"][0], found["cpu"][0])
    torch.testing.assert_close(found["reference"], found["cpu"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_a_program_with_a_dtype_without_compiled_code_runs_in_plain_pytorch(dtype: torch.dtype) -> None:
    coefficients = [torch.rand(3, 1, dtype=dtype).requires_grad_(), torch.tensor([-0.9], dtype=dtype), None]
    v0 = torch.rand(5, dtype=dtype).requires_grad_()
    numbers, rule = [0.0, 0.0, 0.1, 0.0], Rule(1.0, 0.0, False, *(formula(ATAN) or ()))
    x = current(4, 3, 5).to(dtype).requires_grad_()
    s, v_last, h, v = torch.ops.snntrain.integrate_and_fire(x, 4, *coefficients, v0, numbers, *rule, True)
    right = reference.by_rule(rule, x, 4, (*coefficients[:2], 0.1), v0, record=True)
    for own, other in zip((s, v_last, h, v), right, strict=False):
        assert torch.equal(own, other)
        assert own.dtype == other.dtype
    wanted = [x, coefficients[0], v0]
    own_grads = torch.autograd.grad(s.sum() + v_last.sum(), wanted)
    torch.testing.assert_close(own_grads, torch.autograd.grad(right.s.sum() + right.v_last.sum(), wanted))


def test_without_numba_the_operator_runs_in_plain_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = Spiking(), current(4, 3, 40).requires_grad_()
    traced = make_fx(lambda x: net.gradients(x))(x)
    right = traced(x)
    loaded: list[str] = []
    real = contract.load
    monkeypatch.setattr(
        "snntrain.neuron.integrate_and_fire.operator.load", lambda name: loaded.append(name) or real(name)
    )
    monkeypatch.setitem(dispatch.COMPILED, "cpu", False)
    torch.testing.assert_close(traced(x), right)
    assert loaded == ["reference", "reference"]


def test_compiled_code_of_a_cpu_is_not_forced_on_memory_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, "cpu")
    with pytest.raises(ValueError, match=r"SNNTRAIN_EXECUTOR=cpu must be .* and take torch\.float32 on cuda"):
        dispatch.choose("cuda", torch.float32)
