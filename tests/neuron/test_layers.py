"""Functions that visit the layers of a network: learnt constants, and the start of an epoch."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from snntrain.neuron import LIFNode, PLIFNode, RIFNode, begin_epoch, learnt_constants


class Delay(nn.Module):
    """A layer that does not spike, with a learnt constant."""

    def learnt(self) -> dict[str, float]:
        return {"delay": 3.5}


class Annealed(nn.Module):
    """A layer that is called at each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("width", torch.tensor(1.0))
        self.calls: list[tuple[int, int]] = []

    def on_epoch(self, epoch: int, epochs: int) -> None:
        self.calls.append((epoch, epochs))
        self.width.fill_(1 - epoch / epochs)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.width


def test_learnt_constants_are_named_by_constant_and_layer() -> None:
    net = nn.Sequential(
        OrderedDict(plif=PLIFNode(init_tau=4.0), lif=LIFNode(tau=2.0), rif=RIFNode(init_w=-0.25), delay=Delay())
    )
    found = learnt_constants(net)
    assert list(found) == ["tau/plif", "w/rif", "delay/delay"]
    assert found == pytest.approx({"tau/plif": 4.0, "w/rif": -0.25, "delay/delay": 3.5})


def test_every_layer_that_follows_the_epochs_is_called_once() -> None:
    layer = Annealed()
    begin_epoch(nn.Sequential(layer, nn.Sequential(layer, nn.ReLU())), 3, 4)
    assert layer.calls == [(3, 4)]
    assert layer.width.item() == 0.25
