"""Gradient checkpointing computes the same as without it, to the bit, and keeps fewer activations."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from snntrain.data.padding import padded
from snntrain.network.layers import TimeDropout
from snntrain.network.norms import TdBatchNorm2d
from snntrain.network.residual import Residual
from snntrain.network.sequence import TimeSequential, checkpoint_segments
from snntrain.network.synchronised import synchronise
from snntrain.neuron import BaseNode, LIFNode, PLIFNode, reset_net

T, N = 4, 3


def block(channels: int) -> TimeSequential:
    return TimeSequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False), TdBatchNorm2d(channels, 4.0), PLIFNode(step_mode="m")
    )


class Adaptive(BaseNode):
    """A neuron with a second state, which only plain PyTorch runs."""

    states = ("v", "a")

    def charge(self, x: Tensor) -> Tensor:
        return 0.5 * self.v + x - self.a

    def adapt(self, s: Tensor) -> None:
        self.a = 0.9 * self.a + 0.1 * s


class Counting(nn.Module):
    """A layer with a state of its own in a buffer, on which its output depends."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x * self.calls.clone()


class Strong(nn.Linear):
    """A linear layer after which neurons fire."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight)
        nn.init.ones_(self.bias)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "chain": lambda: TimeSequential(
        *block(2),
        TimeDropout(0.3),
        *block(2),
        nn.Dropout(0.2),
        nn.Flatten(),
        Strong(32, 5),
        LIFNode(tau=2.0, step_mode="m"),
    ),
    "residual blocks": lambda: TimeSequential(
        block(2), Residual(block(2)), Residual(block(2), block(2), "iand"), nn.Flatten(), nn.Linear(32, 5)
    ),
    "two states and a buffer": lambda: TimeSequential(
        nn.Flatten(), Strong(32, 8), Adaptive(step_mode="m"), Counting(), Strong(8, 5), Adaptive(step_mode="m")
    ),
    "a chain inside a module": lambda: Around(TimeSequential(*block(2), *block(2), nn.Flatten(), nn.Linear(32, 5))),
}


class Around(nn.Module):
    def __init__(self, chain: TimeSequential) -> None:
        super().__init__()
        self.chain = chain

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.chain(x)


def learnt(network: nn.Module, x: Tensor, calls: int = 1) -> dict[str, Tensor]:
    """Return the output, the gradients and the buffers after a forward and a backward pass, and the random state."""
    torch.manual_seed(5)
    x = x.clone().requires_grad_(True)
    y = torch.stack([network(x) for _ in range(calls)])
    reset_net(network)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    found = {"y": y.detach(), "x": x.grad, "random": torch.get_rng_state(), **dict(network.named_buffers())}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in network.named_parameters()}
    assert all(isinstance(value, Tensor) for value in found.values())
    return found  # type: ignore[return-value]


def images() -> Tensor:
    return 3 * torch.randn(T, N, 2, 4, 4, generator=torch.Generator().manual_seed(1)) + 1


@pytest.mark.parametrize("layers", [1, 2, 3, 50])
@pytest.mark.parametrize("kind", list(NETWORKS))
def test_gradients_buffers_and_random_numbers_are_the_same_to_the_bit(kind: str, layers: int) -> None:
    torch.manual_seed(0)
    whole = NETWORKS[kind]()
    cut = copy.deepcopy(whole)
    checkpoint_segments(cut, layers)
    for calls in (1, 2):
        # In the second call the states continue from the first.
        one, other = learnt(whole, images(), calls), learnt(cut, images(), calls)
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert torch.equal(value, other[name]), name
        assert one["y"].any()
        assert any(value.any() for name, value in one.items() if name.startswith("gradient"))


def test_a_constant_input_is_computed_once_and_has_the_same_gradients() -> None:
    torch.manual_seed(0)
    whole = NETWORKS["chain"]()
    cut = copy.deepcopy(whole)
    checkpoint_segments(cut, 2)
    found = []
    for network in (whole, cut):
        torch.manual_seed(5)
        network(images()[:1].expand(T, N, 2, 4, 4)).square().sum().backward()
        found.append([parameter.grad for parameter in network.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_padding_is_left_out_in_the_second_computation() -> None:
    torch.manual_seed(0)
    whole = NETWORKS["chain"]()
    synchronise(whole, lambda value: value)
    cut = copy.deepcopy(whole)
    checkpoint_segments(cut, 2)
    lengths = torch.tensor([4, 2, 3])
    found = []
    for network in (whole, cut):
        with padded(images(), lengths):
            found.append(learnt(network, images()))
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
    unpadded = learnt(copy.deepcopy(whole), images())
    assert not torch.equal(found[0]["1.running_mean"], unpadded["1.running_mean"])


def test_what_neurons_show_is_that_of_the_first_computation_alone() -> None:
    network = NETWORKS["chain"]()
    checkpoint_segments(network, 2)
    seen: list[int] = []
    for node in network.modules():
        if isinstance(node, BaseNode):
            node.set_monitor(True)
            node.store_v_seq = True
            node.observer = lambda trajectory: seen.append(len(trajectory.s))
    y = network(images())
    kept = [(node, node.v, node.v_seq) for node in network.modules() if isinstance(node, BaseNode)]
    y.sum().backward()
    assert seen == [T] * 3
    for node, v, v_seq in kept:
        assert node.v is v
        assert node.v_seq is v_seq
        assert node.monitor is not None
        assert len(node.monitor["v"]) == T


def bytes_kept(network: nn.Module, x: Tensor) -> int:
    """Return the size of everything that a forward pass keeps for its backward pass."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(x)
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    return sum(size for place, size in kept.items() if place not in parameters)


def test_a_deep_chain_keeps_a_fraction_of_its_activations() -> None:
    whole = TimeSequential(*(layer for _ in range(8) for layer in block(2)))
    cut = copy.deepcopy(whole)
    assert checkpoint_segments(cut, 6) == 4
    # Of three of the four segments only the input is kept: 3 + 6 of 24 activations, and small tensors.
    assert bytes_kept(cut, images()) < 0.5 * bytes_kept(whole, images())


def test_without_gradients_and_in_evaluation_nothing_is_kept_for_a_second_computation() -> None:
    whole = NETWORKS["chain"]()
    cut = copy.deepcopy(whole)
    checkpoint_segments(cut, 2)
    for network in (whole, cut):
        network.eval()
    assert bytes_kept(cut, images()) == bytes_kept(whole, images()) > 0
    reset_net(cut)
    with torch.no_grad():
        cut.train()
        assert bytes_kept(cut, images()) == 0


def test_a_network_without_a_chain_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Linear has no chain of layers \(TimeSequential\)"):
        checkpoint_segments(nn.Linear(2, 2), 2)
