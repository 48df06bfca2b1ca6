"""The potential between calls: it carries over, it is reset, moved, copied, and never saved."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, reset_net, spiking_layers
from tests.pairs import every_pair

from .cases import (
    Neuron,
    current,
    drive,
    every_detach,
    every_learning_neuron,
    every_mode,
    every_neuron,
    every_reset,
)
from .test_own_neuron import QuadraticNode

every_half = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)


def sequence(neuron: Neuron, T: int = 8, seed: int = 0) -> Tensor:
    return torch.from_numpy(current(neuron, T, (3, 5), seed)).float()


def potential(node: BaseNode) -> Tensor:
    assert isinstance(node.v, Tensor)
    return node.v


# from call to call


@every_pair(every_neuron, every_reset, every_detach)
def test_one_step_at_a_time_is_all_steps_at_once(neuron: Neuron, v_reset: float | None, detach_reset: bool) -> None:
    def run(step_mode: str) -> list[Tensor | None]:
        node = neuron.build(v_reset=v_reset, detach_reset=detach_reset, step_mode=step_mode)
        x = sequence(neuron).requires_grad_()
        s = drive(node, x)
        (s.sum() + potential(node).sum()).backward()
        return [s, potential(node), x.grad, *(parameter.grad for parameter in node.parameters())]

    one, every = run("s"), run("m")
    torch.testing.assert_close(one[:2], every[:2], rtol=0, atol=0)
    torch.testing.assert_close(one[2:], every[2:])


@every_neuron
@every_mode
def test_state_carries_over_until_reset(neuron: Neuron, step_mode: str) -> None:
    x = sequence(neuron)
    node, whole = (neuron.build(v_reset=-0.3, step_mode=step_mode) for _ in range(2))
    s = drive(whole, x)
    pieces = torch.cat([drive(node, x[:3]), drive(node, x[3:])])
    assert torch.equal(pieces, s)
    assert torch.equal(potential(node), potential(whole))
    node.reset()
    assert torch.equal(drive(node, x), s)


@every_mode
@pytest.mark.parametrize(("v_reset", "rest"), [(0.0, 0.0), (-0.3, -0.3), (None, 0.0)])
def test_reset_returns_to_the_resting_float(step_mode: str, v_reset: float | None, rest: float) -> None:
    node = IFNode(v_reset=v_reset, step_mode=step_mode)
    assert repr(node.v) == repr(rest)
    drive(node, torch.ones(2, 3))
    assert potential(node).shape == (3,)
    node.reset()
    assert repr(node.v) == repr(rest)


@every_mode
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_first_input_gives_the_state_its_shape_and_dtype(step_mode: str, dtype: torch.dtype) -> None:
    node = PLIFNode(step_mode=step_mode)
    s = drive(node, torch.zeros(4, 2, 3, dtype=dtype))
    assert (s.shape, s.dtype) == ((4, 2, 3), dtype)
    assert (potential(node).shape, potential(node).dtype) == ((2, 3), dtype)
    node.reset()
    drive(node, torch.zeros(1, 5))
    assert potential(node).shape == (5,)


@every_mode
@pytest.mark.parametrize("node_class", [IFNode, QuadraticNode])
@pytest.mark.parametrize("shape", [(2, 5), (3, 1), (5,), (1, 3, 5)], ids=str)
def test_another_batch_shape_without_reset_says_to_reset(
    step_mode: str, node_class: type[BaseNode], shape: tuple[int, ...]
) -> None:
    node = node_class(step_mode=step_mode)
    drive(node, torch.ones(2, 3, 5))
    kept = potential(node).clone()
    with pytest.raises(ValueError, match=r"call reset\(\) before a batch of another shape") as error:
        drive(node, torch.ones(2, *shape))
    assert f"{node_class.__name__} holds the state of a batch of shape [3, 5]" in str(error.value)
    assert f"was given {list(shape)}" in str(error.value)
    assert torch.equal(potential(node), kept)
    node.reset()
    assert drive(node, torch.ones(2, *shape)).shape == (2, *shape)


@pytest.mark.parametrize("x", [torch.zeros(0, 3), torch.tensor(1.0)], ids=["T=0", "scalar"])
def test_a_sequence_needs_a_step(x: Tensor) -> None:
    with pytest.raises(ValueError, match="IFNode needs at least one time step, got"):
        IFNode(step_mode="m")(x)


# saved, moved, copied


def test_state_dict_holds_only_learnt_parameters() -> None:
    x = torch.ones(2, 3, 4)
    for node, keys in (
        (IFNode(step_mode="m"), []),
        (LIFNode(step_mode="m"), []),
        (PLIFNode(step_mode="m", clamp="sigmoid"), ["w"]),
        (RIFNode(step_mode="m", amplitude=1), ["g"]),
    ):
        node(x)
        assert list(node.state_dict()) == keys
        assert not list(node.buffers())


def test_a_checkpoint_fits_a_net_that_saw_another_batch() -> None:
    node, other = PLIFNode(step_mode="m"), PLIFNode(step_mode="m")
    net, other_net = nn.Sequential(nn.Linear(4, 3), node), nn.Sequential(nn.Linear(4, 3), other)
    net(torch.ones(2, 6, 4))
    other_net(torch.ones(2, 1, 4))
    with torch.no_grad():
        node.w.fill_(0.9)
    other_net.load_state_dict(net.state_dict(), strict=True)
    assert other.tau() == pytest.approx(1 / 0.9)


@every_mode
def test_state_moves_with_the_module(step_mode: str) -> None:
    node = PLIFNode(step_mode=step_mode)
    drive(node, torch.full((3, 2), 0.4))
    before = potential(node).double()
    assert potential(node.double()).dtype == node.w.dtype == torch.float64
    assert torch.equal(potential(node), before)
    assert potential(node.to(torch.float16)).dtype == torch.float16
    assert potential(node.to("meta")).device.type == node.w.device.type == "meta"


def test_moving_before_the_first_input_keeps_the_float() -> None:
    assert PLIFNode(v_reset=-0.5).double().to("meta").v == -0.5


def by_deepcopy(node: BaseNode) -> BaseNode:
    return copy.deepcopy(node)


def by_pickle(node: BaseNode) -> BaseNode:
    copied = pickle.loads(pickle.dumps(node))
    assert isinstance(copied, BaseNode)
    return copied


def by_torch_save(node: BaseNode) -> BaseNode:
    file = io.BytesIO()
    torch.save(node, file)
    file.seek(0)
    copied = torch.load(file, weights_only=False)
    assert isinstance(copied, BaseNode)
    return copied


@pytest.mark.parametrize("copying", [by_deepcopy, by_pickle, by_torch_save])
@every_mode
def test_a_copy_continues_from_the_state_of_the_original(
    copying: Callable[[BaseNode], BaseNode], step_mode: str
) -> None:
    node = RIFNode(-0.1, amplitude=(-1, 0), v_reset=None, monitor_state=True, step_mode=step_mode)
    x = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    drive(node, x[:3])  # the state is now part of a graph
    assert potential(node).requires_grad
    copied = copying(node)
    assert repr(copied) == repr(node)
    assert not potential(copied).requires_grad
    assert torch.equal(potential(copied), potential(node))
    assert torch.equal(drive(copied, x[3:]), drive(node, x[3:]))

    at_the_end = potential(node).clone()
    copied.reset()
    drive(copied, x)
    assert torch.equal(potential(node), at_the_end)
    assert node.monitor is not None
    assert len(node.monitor["h"]) == 6


# half precision


@every_neuron
@every_half
def test_half_precision_input_is_computed_in_float32(neuron: Neuron, dtype: torch.dtype) -> None:
    node, wide = (neuron.build(v_reset=-0.3, step_mode="m") for _ in range(2))
    x = sequence(neuron).to(dtype)
    s = node(x)
    assert s.dtype == dtype
    assert torch.equal(s.float(), wide(x.float()))
    assert torch.equal(potential(node), potential(wide).to(dtype))


@every_pair(every_learning_neuron, every_mode, every_half)
@pytest.mark.sample(6)
def test_autocast_trains(neuron: Neuron, step_mode: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    linear, node = nn.Linear(16, 5), neuron.build(step_mode=step_mode)
    x = 3 * torch.randn(6, 8, 16)
    with torch.autocast("cpu", dtype=dtype):
        s = drive(node, linear(x))
        loss = (s.float().mean(0) - 0.5).square().mean()
    loss.backward()
    assert s.dtype == dtype
    assert 0 < s.float().mean() < 1
    for parameter in (*linear.parameters(), *node.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


@every_pair(every_learning_neuron, every_mode, every_half)
@pytest.mark.sample(5)
def test_gradient_beyond_float16_does_not_overflow(neuron: Neuron, step_mode: str, dtype: torch.dtype) -> None:
    """The sum over the batch exceeds 65504, the largest number of float16."""
    x = torch.from_numpy(current(neuron, 4, (64, 32))).to(dtype).abs()
    gradients = []
    for input_ in (x, x.double()):
        node = neuron.build(v_threshold=2.0, v_reset=None, step_mode=step_mode)
        drive(node, input_).mul(1000).double().sum().backward()
        parameter = neuron.learnt(node)
        assert parameter is not None
        assert parameter.grad is not None
        gradients.append(parameter.grad.item())
    half, wide = gradients
    assert abs(wide) > 65504
    assert half == pytest.approx(wide, rel=0.05)


@pytest.mark.parametrize("clamp", [False, "sigmoid"])
def test_a_float16_parameter_s_gradient_is_summed_as_a_whole(clamp: bool | str) -> None:
    """The terms of the leak and of the input both exceed 65504; their sum does not."""
    gradients = []
    for dtype in (torch.float16, torch.float64):
        node = PLIFNode(clamp=clamp, v_threshold=2.0, v_reset=None, step_mode="m").to(dtype)
        node(torch.full((16, 4096), 0.75, dtype=dtype)).mul(16).sum().backward()
        assert node.w.grad is not None
        gradients.append(node.w.grad.item())
    half, wide = gradients
    assert abs(wide) < 60000
    assert half == pytest.approx(wide, rel=0.01)


# a whole network


def test_reset_net_resets_every_spiking_layer_at_any_depth() -> None:
    net = nn.Sequential(IFNode(), nn.Sequential(nn.Linear(3, 2), QuadraticNode(v_reset=-0.2)), nn.ReLU())
    layers = list(spiking_layers(net))
    assert [(name, type(layer)) for name, layer in layers] == [("0", IFNode), ("1.1", QuadraticNode)]
    net(torch.ones(4, 3))
    assert all(isinstance(layer.v, Tensor) for _, layer in layers)
    reset_net(net)
    assert [layer.v for _, layer in layers] == [0.0, -0.2]
    assert net(torch.ones(1, 3)).shape == (1, 2)
