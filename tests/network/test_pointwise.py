"""Strided 1x1 convolutions with few channels."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from snntrain.cost.synapses import Synapses
from snntrain.network.pointwise import subsample_before

from .inputs import noise

# As long as the fault is there, it ends the process.
TRAINED = """
import torch
from torch import nn
from snntrain.network.pointwise import subsample_before

torch.set_num_threads(1)
for channels in range(1, 8):
    for _ in range(5):
        conv = nn.Sequential(nn.Conv2d(channels, 8, 1, stride=2, bias=False)).to(memory_format=torch.channels_last)
        subsample_before(conv)
        x = torch.rand(64, channels, 8, 8).contiguous(memory_format=torch.channels_last)
        conv(x).sum().backward()
"""


def test_a_narrow_strided_convolution_leaves_the_memory_intact() -> None:
    done = subprocess.run([sys.executable, "-c", TRAINED], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("bias", [True, False])
def test_output_and_gradients_are_those_of_the_convolution(side: int, bias: bool) -> None:
    plain = nn.Sequential(nn.Conv2d(4, 5, 1, stride=(2, 3), bias=bias)).double()
    changed = copy.deepcopy(plain)
    subsample_before(changed)
    assert type(changed[0]) is not nn.Conv2d
    assert str(changed) == str(plain)
    x = noise(2, 4, side, side)
    results = []
    for net in (plain, changed):
        given = x.clone().requires_grad_()
        y = net(given)
        results.append((y, *torch.autograd.grad(y.square().sum(), [given, *net.parameters()])))
    torch.testing.assert_close(results[1], results[0])


def test_its_operations_are_counted_as_before() -> None:
    counts = []
    for change in (False, True):
        net = nn.Sequential(nn.Conv2d(4, 5, 1, stride=2, bias=False))
        if change:
            subsample_before(net)
        synapses = Synapses(net[0])
        synapses.add((noise(3, 4, 8, 8) > 0).float())
        counts.append(synapses.operations())
    assert counts[0] == counts[1]
    assert counts[0] is not None


@pytest.mark.parametrize(
    "other",
    [nn.Conv2d(8, 8, 1, stride=2), nn.Conv2d(4, 8, 1), nn.Conv2d(4, 8, 3, stride=2), nn.Conv2d(4, 8, 1, 2, padding=1)],
)
def test_other_convolutions_stay_as_they_are(other: nn.Conv2d) -> None:
    subsample_before(other)
    assert type(other) is nn.Conv2d
