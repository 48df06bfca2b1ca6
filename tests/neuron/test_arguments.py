"""The arguments of a neuron, and the attributes set later: brought into one form, or refused in one line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, clamp, surrogate

NODES = [IFNode, LIFNode, PLIFNode, RIFNode]
every_class = pytest.mark.parametrize("kind", NODES)


def spikes_and_potential(node: BaseNode, x: Tensor) -> tuple[Tensor, Tensor]:
    s = node(x)
    assert isinstance(node.v, Tensor)
    return s, node.v


# ---- numbers ---------------------------------------------------------------------------------------------------------


@every_class
@pytest.mark.parametrize("name", ["v_threshold", "v_reset"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_now_and_later(kind: type[BaseNode], name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a finite number, not {value}"):
        kind(**{name: value})
    node = kind()
    with pytest.raises(ValueError, match=f"{name} must be a finite number, not {value}"):
        setattr(node, name, value)
    assert math.isfinite(getattr(node, name))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_self_connection_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="init_w must be a finite number"):
        RIFNode(init_w=value)


NUMBERS = [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5), torch.tensor([0.5])]


@every_class
@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: type(value).__name__)
def test_a_number_may_come_as_any_kind_of_number(kind: type[BaseNode], value: Any) -> None:
    node = kind(v_threshold=value, v_reset=value)
    assert (node.v_threshold, node.v_reset) == (0.5, 0.5)
    assert type(node.v_threshold) is type(node.v_reset) is type(node.v) is float
    node = kind()
    node.v_threshold, node.v_reset = value, value
    node.reset()
    assert type(node.v_threshold) is type(node.v) is float
    assert node(torch.zeros(2, 3)).shape == (2, 3)


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: type(value).__name__)
def test_amplitude_and_time_constants_may_come_as_any_kind_of_number(value: Any) -> None:
    if getattr(value, "ndim", 0) == 0:
        assert RIFNode(init_w=0.1, amplitude=value).bounds == (-0.5, 0.5)
    assert RIFNode(init_w=value).w().item() == 0.5
    assert LIFNode(tau=value).tau == 0.5
    assert PLIFNode(init_tau=value).tau() == 0.5


@pytest.mark.parametrize("value", ["half", [1.0, 2.0], None, object()])
def test_what_is_not_a_number_is_refused(value: Any) -> None:
    for build in (lambda: IFNode(v_threshold=value), lambda: LIFNode(tau=value), lambda: RIFNode(init_w=value)):
        with pytest.raises(TypeError, match="must be a number, not"):
            build()


# ---- what is set later -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["S", "M", "", None, 1])
def test_a_step_mode_is_checked_where_it_is_set(mode: Any) -> None:
    node = LIFNode(step_mode="m")
    with pytest.raises(ValueError, match="step_mode must be 's'"):
        node.step_mode = mode
    assert node.step_mode == "m"


def test_a_surrogate_s_class_in_place_of_an_instance_is_refused() -> None:
    with pytest.raises(TypeError, match=r"surrogate_function must be an instance, ATan\(\), not the class ATan"):
        LIFNode(surrogate_function=surrogate.ATan)  # type: ignore[arg-type]
    node = LIFNode()
    with pytest.raises(TypeError, match="must be an instance"):
        node.surrogate_function = surrogate.Sigmoid
    with pytest.raises(TypeError, match="surrogate_function must be callable"):
        node.surrogate_function = "atan"


def test_a_parameter_as_the_state_is_refused_with_what_to_do() -> None:
    node = LIFNode()
    with pytest.raises(TypeError, match="v is a state and cannot be a parameter; to learn where it starts"):
        node.v = nn.Parameter(torch.zeros(2, 3))
    assert node(torch.zeros(2, 3)).shape == (2, 3)


def test_a_state_of_ones_own_may_be_learnt_as_the_message_says() -> None:
    node, start = LIFNode(tau=2.0, step_mode="m", surrogate_function=surrogate.ATan()), nn.Parameter(torch.zeros(3))
    node.v = start.expand(2, 3)
    node(torch.rand(4, 2, 3)).sum().backward()
    assert start.grad is not None
    assert (start.grad > 0).all()
    node.v = 1
    assert node.v == 1.0


# ---- a threshold that is learnt --------------------------------------------------------------------------------------


@every_class
@pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"])
@pytest.mark.parametrize("shape", [(), (1,), (5, 1)], ids=["one number", "one in a list", "per channel"])
def test_a_threshold_that_is_a_parameter_learns(
    kind: type[BaseNode], v_reset: float | None, shape: tuple[int, ...]
) -> None:
    settings: dict[str, Any] = {"v_reset": v_reset, "step_mode": "m", "surrogate_function": surrogate.ATan()}
    x = 2 * torch.randn(6, 3, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    value = torch.full(shape, 0.75, dtype=torch.float64)
    node, plain = kind(**settings).double(), kind(v_threshold=0.75, **settings).double()
    node.v_threshold = nn.Parameter(value)
    assert "v_threshold" in dict(node.named_parameters())
    s = node(x)
    assert torch.equal(s, plain(x))
    s.sum().backward()
    assert node.v_threshold.grad.shape == shape
    # A higher threshold makes fewer spikes.
    assert (node.v_threshold.grad < 0).all()
    assert "v_threshold=0.75" in repr(node)
    built = kind(v_threshold=nn.Parameter(value), **settings).double()
    assert "v_threshold" in built.state_dict()


def test_a_learnt_threshold_s_gradient_is_the_difference_of_the_smooth_neuron() -> None:
    node = LIFNode(tau=2.0, v_reset=None, step_mode="m", surrogate_function=surrogate.ATan(spiking=False)).double()
    x = torch.randn(5, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def run(threshold: Tensor) -> Tensor:
        node.reset()
        node.v_threshold = threshold
        return node(x)

    assert torch.autograd.gradcheck(run, torch.tensor(0.7, dtype=torch.float64, requires_grad=True))


def test_a_reset_potential_that_is_a_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="v_reset cannot be learnt"):
        LIFNode(v_reset=nn.Parameter(torch.tensor(0.0)))  # type: ignore[arg-type]


# ---- a time constant per neuron --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_a_time_constant_per_channel_is_a_neuron_per_channel(step_mode: str) -> None:
    taus, x = [1.5, 3.0, 20.0], 3 * torch.rand(6, 2, 3, 4)
    settings: dict[str, Any] = {"step_mode": step_mode, "surrogate_function": surrogate.ATan(), "v_reset": -0.2}
    node = LIFNode(tau=torch.tensor(taus).view(3, 1), **settings)
    s = node(x) if step_mode == "m" else torch.stack([node(x_t) for x_t in x])
    for channel, tau in enumerate(taus):
        alone = LIFNode(tau=tau, **{**settings, "step_mode": "m"})
        assert torch.equal(s[:, :, channel], alone(x[:, :, channel].contiguous()))
    assert not node.state_dict()
    assert "tau=1.5 to 20 [3, 1]" in repr(node)
    assert node.double().tau.dtype == torch.float64


def test_a_time_constant_that_is_a_parameter_learns() -> None:
    tau = nn.Parameter(torch.tensor([2.0, 5.0]))
    node = LIFNode(tau=tau, step_mode="m", surrogate_function=surrogate.ATan())
    node(torch.rand(6, 3, 2) * 3).sum().backward()
    assert tau.grad is not None
    assert (tau.grad != 0).all()
    assert list(node.state_dict()) == ["tau"]


@pytest.mark.parametrize(
    "tau", [torch.tensor([1.0, 0.0]), torch.tensor([1.0, math.nan]), torch.tensor([1.0, math.inf])]
)
def test_time_constants_that_are_not_positive_are_refused(tau: Tensor) -> None:
    with pytest.raises(ValueError, match="tau must be positive numbers of time steps"):
        LIFNode(tau=tau)
    with pytest.raises(TypeError, match="tau must be a number or a floating-point tensor"):
        LIFNode(tau=torch.tensor([1, 2]))


# ---- names of the first neurons --------------------------------------------------------------------------------------


def test_amplitude_is_kept_as_it_was_given() -> None:
    assert RIFNode(init_w=0.1, amplitude=0.5).amplitude == 0.5
    assert RIFNode(init_w=0.1, amplitude=(-1, 1)).amplitude == (-1, 1)
    assert RIFNode().amplitude is None


def test_set_monitor_switches_it_on() -> None:
    node = LIFNode()
    node.set_monitor()
    node(torch.ones(2, 3))
    assert node.monitor is not None
    assert len(node.monitor["h"]) == 1


# ---- without memory --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [False, *clamp.PAIRS])
def test_neurons_are_built_and_shown_on_the_meta_device(pair: bool | str) -> None:
    with torch.device("meta"):
        nodes = [PLIFNode(clamp=pair), RIFNode(amplitude=1.0), LIFNode(tau=torch.ones(3)), IFNode()]
    assert "tau=?" in repr(nodes[0])
    assert "w=?" in repr(nodes[1])
    for node in nodes:
        node.step_mode = "m"
        assert node(torch.empty(4, 2, 3, device="meta")).shape == (4, 2, 3)
    assert nodes[0].to_empty(device="cpu").w.shape == (1,)
    with torch.device("meta"), pytest.raises(ValueError, match="is not in the range of the clamp functions"):
        PLIFNode(init_tau=0.5, clamp="sigmoid")


# ---- replicas --------------------------------------------------------------------------------------------------------


def test_replicas_record_for_themselves() -> None:
    node = IFNode(monitor_state=True)
    one, other = (node._replicate_for_data_parallel() for _ in range(2))
    one(torch.ones(2, 3))
    other(torch.zeros(2, 3))
    assert [len(n.monitor["s"]) for n in (node, one, other)] == [0, 1, 1]
    assert IFNode()._replicate_for_data_parallel().monitor is None
