"""CSNN and MLP."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from snntrain.network.csnn import CSNN
from snntrain.network.mlp import MLP
from snntrain.neuron import reset_net, spiking_layers

from .inputs import constant, neuron, noise

CONF = Path(__file__).parents[2] / "conf" / "network"
T, N = 4, 2
GREY, DIGITS, COLOUR = (1, 28, 28), (1, 8, 8), (3, 32, 32)


def csnn(in_shape: tuple[int, ...] = DIGITS, classes: int = 10, **arguments: Any) -> CSNN:
    torch.manual_seed(0)
    return CSNN(in_shape, classes, neuron, **dict[str, Any](channels=[4, 6], hidden=[16], votes=3) | arguments)


def mlp(in_shape: tuple[int, ...] = DIGITS, classes: int = 10, **arguments: Any) -> MLP:
    torch.manual_seed(0)
    return MLP(in_shape, classes, neuron, **dict[str, Any](hidden=[16], votes=3) | arguments)


both = pytest.mark.parametrize("build", [csnn, mlp])


@both
@pytest.mark.parametrize("in_shape", [DIGITS, GREY, COLOUR, (2, 9, 13)])
@pytest.mark.parametrize("classes", [2, 10])
def test_an_image_of_any_size_gives_one_rate_per_class(build: Any, in_shape: tuple[int, ...], classes: int) -> None:
    rates = build(in_shape, classes)(noise(T, N, *in_shape, dtype=torch.float32))
    assert rates.shape == (T, N, classes)
    assert 0 < rates.mean() < 1


def test_layers_of_the_convolutional_network_have_their_names() -> None:
    assert list(csnn(dropout=0.5)._modules) == [
        *("conv1", "conv1_norm", "conv1_neuron", "conv1_pool"),
        *("conv2", "conv2_norm", "conv2_neuron", "conv2_pool"),
        *("flatten", "fc1_dropout", "fc1", "fc1_neuron"),
        *("out_dropout", "out", "out_neuron", "vote"),
    ]


def test_layers_of_the_fully_connected_network_have_their_names() -> None:
    expected = ["flatten", "fc1", "fc1_neuron", "fc2_dropout", "fc2", "fc2_neuron", "out_dropout", "out", "out_neuron"]
    assert list(mlp(hidden=[8, 6], dropout=0.5, votes=1)._modules) == expected


def test_without_hidden_layers_the_output_follows_at_once() -> None:
    assert list(mlp(hidden=[])._modules) == ["flatten", "out", "out_neuron", "vote"]
    assert list(csnn(hidden=[], channels=[4], dropout=0.1)._modules)[4:7] == ["flatten", "out_dropout", "out"]


def test_each_layer_has_neurons_of_its_own() -> None:
    nodes = [node for _, node in spiking_layers(csnn())]
    assert len(nodes) == len({id(node) for node in nodes}) == 4


@both
def test_only_normalisation_has_a_bias(build: Any) -> None:
    assert not [name for name, _ in build().named_parameters() if name.endswith("bias") and "norm" not in name]


@both
@pytest.mark.parametrize("in_shape", [DIGITS, COLOUR])
def test_the_gradient_reaches_every_parameter(build: Any, in_shape: tuple[int, ...]) -> None:
    net = build(in_shape, dropout=0.1)
    weight = noise(T, N, 10, dtype=torch.float32, seed=1)
    (net(constant(T, N, *in_shape, dtype=torch.float32)) * weight).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@both
def test_a_reset_network_repeats_itself_in_evaluation(build: Any) -> None:
    net, x = build(dropout=0.5).eval(), noise(T, N, *DIGITS, dtype=torch.float32)
    first = net(x)
    reset_net(net)
    assert torch.equal(net(x), first)


@both
def test_a_network_without_reset_keeps_its_state(build: Any) -> None:
    net, x = build().eval(), noise(T, N, *DIGITS, dtype=torch.float32)
    assert not torch.equal(net(x), net(x))


@both
def test_dropout_is_active_only_in_training(build: Any) -> None:
    net, x = build(dropout=0.5), noise(T, N, *DIGITS, dtype=torch.float32)
    for training in (True, False):
        net.train(training)
        outputs = []
        for _ in range(2):
            outputs.append(net(x))
            reset_net(net)
        assert torch.equal(*outputs) is not training


def test_max_pooling_keeps_spikes_and_average_pooling_does_not() -> None:
    values: dict[str, set[float]] = {}
    for pool in ("max", "avg"):

        def note(layer: nn.Module, inputs: object, output: Tensor, pool: str = pool) -> None:
            values[pool] = set(output.unique().tolist())

        net = csnn(pool=pool)
        net.get_submodule("conv1_pool").register_forward_hook(note)
        net(noise(T, N, *DIGITS, dtype=torch.float32))
    assert values == {"max": {0.0, 1.0}, "avg": {0.0, 0.25, 0.5, 0.75, 1.0}}


def test_one_vote_gives_spikes() -> None:
    net = csnn(votes=1)
    assert set(net(noise(T, N, *DIGITS, dtype=torch.float32)).unique().tolist()) == {0.0, 1.0}
    assert "vote" not in net._modules


def test_weights_load_into_a_fresh_network() -> None:
    trained, x = csnn(), noise(T, N, *DIGITS, dtype=torch.float32)
    trained(x)
    torch.manual_seed(1)
    fresh = CSNN(DIGITS, 10, neuron, channels=[4, 6], hidden=[16], votes=3)
    fresh.load_state_dict(trained.state_dict())
    reset_net(trained)
    assert torch.equal(fresh.eval()(x), trained.eval()(x))


@pytest.mark.parametrize(("in_shape", "most"), [(DIGITS, 3), (GREY, 4), (COLOUR, 5), ((1, 40, 6), 2), ((1, 1, 1), 0)])
def test_an_image_too_small_says_how_many_blocks_it_allows(in_shape: tuple[int, ...], most: int) -> None:
    if most:
        assert csnn(in_shape, channels=[2] * most)(torch.zeros(1, 2, *in_shape)).shape == (1, 2, 10)
    with pytest.raises(ValueError, match=f"can be halved {most} times: give at most {most}"):
        csnn(in_shape, channels=[2] * (most + 1))


@pytest.mark.parametrize("channels", [[], [0], [8, -1]])
def test_a_block_needs_channels(channels: list[int]) -> None:
    with pytest.raises(ValueError, match="channels must be one number of at least 1 per block"):
        csnn(channels=channels)


def test_an_unknown_pooling_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="pool='sum' is not a pooling: give one of max, avg"):
        csnn(pool="sum")


@both
@pytest.mark.parametrize("wrong", [{"votes": 0}, {"hidden": [8, 0]}, {"hidden": [-1]}, {"classes": 0}])
def test_an_empty_layer_is_refused(build: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        build(**wrong)


@both
@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_outside_its_range_is_refused(build: Any, dropout: float) -> None:
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\)"):
        build(hidden=[], dropout=dropout)


@pytest.mark.parametrize("network", [CSNN, MLP])
def test_the_configuration_file_gives_the_defaults(network: type[nn.Module]) -> None:
    values = OmegaConf.to_container(OmegaConf.load(CONF / f"{network.__name__.lower()}.yaml"))
    assert isinstance(values, dict)
    assert values.pop("_target_") == f"{network.__module__}.{network.__name__}"
    name = f"/schema/network/{network.__name__.lower()}@_here_"
    assert values.pop("defaults") == [name, "_self_"]
    parameters = inspect.signature(network).parameters.values()
    # The layer after the last linear layer comes from the readout.
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "output"}
    assert values == {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}
