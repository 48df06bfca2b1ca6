"""Residual brackets: how the branches are joined, and the shortcut that a change of the shape needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from snntrain.network.norms import TdBatchNorm2d
from snntrain.network.residual import Residual
from snntrain.neuron import BaseNode, reset_net
from tests.network.inputs import constant, noise, shapes_seen

from .texts import COLOUR, DIGITS, UNITS, written

JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "]+": lambda body, shortcut: body + shortcut,
    "]&": lambda body, shortcut: body * shortcut,
    "]!&": lambda body, shortcut: (1 - body) * shortcut,
}


@pytest.mark.parametrize("join", JOINS)
def test_the_branches_are_joined(join: str) -> None:
    net = written(f"4C3-N-[4C3-BN-N{join}-K").eval()
    x = noise(3, 2, *DIGITS, dtype=torch.float32)
    seen: dict[str, Tensor] = {}
    for name in ("conv1_neuron", "block1.body", "block1"):
        net.get_submodule(name).register_forward_hook(lambda layer, given, y, name=name: seen.update({name: y}))
    net(x)
    assert set(seen["block1.body"].unique().tolist()) == set(seen["conv1_neuron"].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(seen["block1"], JOINS[join](seen["block1.body"], seen["conv1_neuron"]))


def kinds(shortcut: nn.Module) -> list[type[nn.Module]]:
    return [BaseNode if isinstance(layer, BaseNode) else type(layer) for layer in shortcut.children()]


def test_without_a_change_of_the_shape_the_input_is_the_shortcut() -> None:
    assert written("8C3-N-[8C3-BN-N-8C3-BN-N]+-K").block1.shortcut is None


def test_the_shortcut_ends_like_the_body() -> None:
    """As in SEW-ResNet with neurons, as in MS-ResNet without."""
    assert kinds(written("[8C3-BN-N]+-K").block1.shortcut) == [nn.Conv2d, nn.BatchNorm2d, BaseNode]
    assert kinds(written("[N-8C3-tdBN0.5]+-K").block1.shortcut) == [nn.Conv2d, TdBatchNorm2d]
    assert kinds(written("[8C3]+-K").block1.shortcut) == [nn.Conv2d, nn.BatchNorm2d]
    assert kinds(written("[8-BN-N]+-K", UNITS).block1.shortcut) == [nn.Linear, nn.BatchNorm1d, BaseNode]
    assert kinds(written("[8-N]+-K").block1.shortcut) == [nn.Flatten, nn.Linear, nn.BatchNorm1d, BaseNode]


@pytest.mark.parametrize(
    ("body", "stride"), [("8C3-N", 1), ("8C3s2-N", 2), ("8C3-N-P2", 2), ("8C3s2-N-P2", 4), ("8C3-N-GAP", 16)]
)
def test_the_stride_of_the_shortcut_gives_the_shape_of_the_body(body: str, stride: int) -> None:
    net = written(f"[{body}]+-K", COLOUR)
    shortcut = net.block1.shortcut
    assert (shortcut.conv1.kernel_size, shortcut.conv1.stride) == ((1, 1), (stride, stride))
    assert net(noise(2, 2, *COLOUR, dtype=torch.float32)).shape == (2, 2, 10)


def test_brackets_nest() -> None:
    net = written("[[8C3-N]+-8C3-N]+-K")
    assert isinstance(net.block1.body.block1, Residual)
    assert net(noise(2, 2, *DIGITS, dtype=torch.float32)).shape == (2, 2, 10)


@pytest.mark.parametrize(
    "text",
    [
        "[8C3-BN-N]+-K",
        "4C3-BN-[8C3-BN-N]+-K",
        "[4C3-BN]+-[4C3-BN-N|N-4C3]+-K",
        "[[4C3-BN]+-[8C3]&-N]+-K",
        "[4C3-BN]+-4C3-K",
    ],
)
def test_a_constant_input_is_computed_once_up_to_the_first_neurons(text: str) -> None:
    net = written(text)
    convolutions = [name for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d)]
    after = [name for name in convolutions if name == "block2.shortcut.conv1"]
    seen = {name: shapes_seen(net.get_submodule(name), nn.Conv2d) for name in convolutions}
    x = constant(5, 2, *DIGITS, dtype=torch.float32)
    output = net(x)
    assert output.shape == (5, 2, 10)
    assert {name: shapes[0][0] for name, shapes in seen.items()} == {
        name: 5 * 2 if name in after else 2 for name in convolutions
    }


@pytest.mark.parametrize("text", ["[8C3-BN-N]+-K", "4C3-BN-[8C3-BN-N]!&-K", "[[4C3-BN]+-[8C3]&-N]+-K"])
def test_a_constant_input_gives_what_its_repetition_gives(text: str) -> None:
    net = written(text).double().eval()
    x = constant(5, 2, *DIGITS)
    once = net(x)
    reset_net(net)
    again = net(x.clone(memory_format=torch.contiguous_format))
    assert torch.equal(once, again)
    assert 0 < once.mean() < 1
