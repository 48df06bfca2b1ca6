"""Networks with every layer of the grammar: neurons, gradients, tables, and training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from snntrain.config.validate import validate
from snntrain.cost.count import Cost
from snntrain.network.table import layer_table
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, reset_net, surrogate
from snntrain.training import run
from tests.network.inputs import constant, noise

from .texts import COLOUR, EVERYTHING, UNITS, written


@pytest.mark.parametrize("reset", [0.0, -0.1, None])
@pytest.mark.parametrize("kind", [IFNode, partial(LIFNode, tau=2.0), PLIFNode, RIFNode])
@pytest.mark.sample(4)
def test_the_gradient_reaches_every_parameter_for_every_neuron_and_reset(
    kind: Callable[..., BaseNode], reset: float | None
) -> None:
    def node() -> BaseNode:
        return kind(v_threshold=0.05, v_reset=reset, surrogate_function=surrogate.ATan(alpha=0.5), step_mode="m")

    net = written(EVERYTHING, COLOUR, 3, neuron=node)
    x = constant(3, 4, *COLOUR, dtype=torch.float32)
    weight = noise(3, 4, 3, dtype=torch.float32, seed=1)
    (net(x) * weight).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_memory_order_does_not_matter() -> None:
    net = written(EVERYTHING, COLOUR, 3).double().eval()
    x = noise(3, 2, *COLOUR)
    expected = net(x)
    reset_net(net)
    net = net.to(memory_format=torch.channels_last)
    images = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (3, 2))
    torch.testing.assert_close(net(images), expected)


def test_the_table_of_layers_has_every_layer() -> None:
    net = written(EVERYTHING, COLOUR, 3)
    table = layer_table(net, noise(1, 1, *COLOUR, dtype=torch.float32))
    listed = {line.split()[0] for line in table.splitlines()}
    assert {name for name, _ in net.named_parameters()} <= {f"{a}.{b}" for a in listed for b in ("weight", "bias", "w")}
    assert table.splitlines()[-1].split()[1] == f"{sum(p.numel() for p in net.parameters()):,}"


def test_the_operations_of_every_layer_are_counted() -> None:
    net, x = written(EVERYTHING, COLOUR, 3).eval(), noise(2, 1, *COLOUR, dtype=torch.float32)
    with Cost(net) as cost, torch.no_grad():
        net(x)
    figures = cost.figures(1)
    layers = [name for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert all(figures["layers"][name]["dense_operations_per_image"] > 0 for name in layers)
    # 8 channels of 3x3 taps on 3 channels of 16x16 pixels; a padded border has fewer.
    assert figures["layers"]["conv1"]["dense_operations_per_image"] == 2 * 8 * 3 * (3 * 16 - 2) ** 2
    # Groups of 4 channels: each of the 8x8 outputs of 16 channels sees 4.
    grouped = 2 * 16 * 4 * (3 * 4 - 2) ** 2
    assert figures["layers"]["block3.body.conv1"]["dense_operations_per_image"] == grouped


def test_batch_normalisation_of_units_covers_all_steps() -> None:
    net, x = written("8-BN-N-K", UNITS), noise(5, 3, *UNITS, dtype=torch.float32)
    net(x)
    currents = net.fc1(x.flatten(0, 1))
    torch.testing.assert_close(net.fc1_norm.running_mean, 0.1 * currents.mean(0))


def test_a_written_network_with_residuals_learns_the_digits(tmp_path: Path) -> None:
    (config,) = validate(
        [
            *("network=layers", "network.layers=8C3-BN-N-P2-[16C3-BN-N]+-P2-5K-N-V5", "T=2", "trainer.epochs=2"),
            *("trainer.batch_size=16", "optimizer.lr=0.02", "trainer.device=cpu", "monitor=off"),
        ]
    )
    assert run.train(config, tmp_path)["test_accuracy"] > 0.9
