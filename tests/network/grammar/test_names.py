"""Names of the layers of a written network, and its end."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snntrain.network.readout import readout_of
from snntrain.neuron import LINode, PLIFNode
from tests.network.inputs import noise

from .texts import DIGITS, UNITS, written


def names(text: str, shape: tuple[int, ...] = DIGITS) -> list[str]:
    return [name for name, module in written(text, shape).named_modules() if not name.endswith("surrogate_function")][
        1:
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("K", "flatten out out_neuron"),
        ("N-P2-DP0.1-K", "in_neuron in_pool flatten out_dropout out out_neuron"),
        ("DP0.1-4C3-BN-DP0.1-N", "conv1_dropout conv1 conv1_norm conv1_dropout2 conv1_neuron flatten out out_neuron"),
        ("{4C3-N}*2-BN-BN", "conv1 conv1_neuron conv2 conv2_neuron conv2_norm conv2_norm2 flatten out out_neuron"),
        ("DP0.2-8-N-DP0.1-DP0.2", "flatten fc1_dropout fc1 fc1_neuron fc1_dropout2 out_dropout out out_neuron"),
        ("4C3-GAP-DP0.1-8", "conv1 conv1_pool flatten fc1_dropout fc1 out out_neuron"),
    ],
)
def test_a_layer_is_named_after_the_layer_with_weights(text: str, expected: str) -> None:
    assert names(text if text.endswith("K") else f"{text}-K") == expected.split()


def test_the_layers_of_a_residual_have_the_name_of_their_branch() -> None:
    assert names("[4C3-N]+-P2-[4C3-N|{4C3-N}*2]&-N-10K-BN-N-V10") == [
        *("block1", "block1.body", "block1.body.conv1", "block1.body.conv1_neuron"),
        *("block1.shortcut", "block1.shortcut.conv1", "block1.shortcut.conv1_norm", "block1.shortcut.conv1_neuron"),
        *("block1_pool", "block2", "block2.body", "block2.body.conv1", "block2.body.conv1_neuron"),
        *("block2.shortcut", "block2.shortcut.conv1", "block2.shortcut.conv1_neuron"),
        *("block2.shortcut.conv2", "block2.shortcut.conv2_neuron", "block2_neuron"),
        *("flatten", "out", "out_norm", "out_neuron", "vote"),
    ]


def test_the_output_takes_the_place_of_the_last_neurons() -> None:
    for text in ("8-N-6-N-V2", "8-N-6-V2"):
        net = written(text, UNITS, 3, output=lambda: LINode(tau=2.0, step_mode="m"))
        assert type(net.out_neuron) is LINode
        assert type(net.fc1_neuron) is PLIFNode
        assert net(noise(4, 2, *UNITS, dtype=torch.float32)).shape == (4, 2, 3)


def test_an_output_of_none_leaves_the_currents() -> None:
    net = written("8-N-K-N", UNITS, 3, output=lambda: None)
    assert "out_neuron" not in net._modules
    assert type(list(net)[-1]) is nn.Linear


def test_the_last_neurons_need_not_be_written() -> None:
    x = noise(4, 2, *UNITS, dtype=torch.float32)
    assert torch.equal(written("8-N-2K-N-V2", UNITS)(x), written("8-N-2K-V2", UNITS)(x))


@pytest.mark.parametrize(("text", "votes"), [("K", 1), ("10", 1), ("5K-V5", 5), ("50-N-V5", 5), ("K-V1", 1)])
def test_spikes_are_read_with_the_votes(text: str, votes: int) -> None:
    assert readout_of(written(text, UNITS)).votes == votes


def test_white_space_means_nothing() -> None:
    spaced = "\n  [ 4C3 - N | {4C3-N} * 2 ] ! &\n - K\t"
    assert names(spaced) == names("[4C3-N|{4C3-N}*2]!&-K")
