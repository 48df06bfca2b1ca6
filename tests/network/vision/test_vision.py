"""What all networks for images have in common."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from snntrain.network.layers import Vote
from snntrain.network.readout import readout_of
from snntrain.network.residual import Residual
from snntrain.network.table import layer_table
from snntrain.network.vision.attention import SpikingSelfAttention
from snntrain.neuron import BaseNode, IFNode, reset_net, spiking_layers
from tests.network.inputs import constant, neuron, noise, shapes_seen

from .nets import DIGITS, FRAMES, SMALL, built, with_statistics

CONF = Path(__file__).parents[3] / "conf" / "network"
T, N = 3, 2
every = pytest.mark.parametrize("name", SMALL)
FILES = ("sew_resnet", "sew_resnet_gesture", "ms_resnet", "spiking_resnet19", "vgg", "spikformer", "qkformer")


def images(name: str) -> Tensor:
    return noise(T, N, *SMALL[name][1], dtype=torch.float32)


@every
def test_the_gradient_reaches_every_parameter(name: str) -> None:
    net = with_statistics(built(name, neuron)).train()
    (net(noise(T, 6, *SMALL[name][1])) * noise(T, 6, 5, seed=1)).sum().backward()
    without = []
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        if not parameter.grad.any():
            without.append(key)
    # A batch normalisation takes a bias before it away; rounding may leave something.
    assert {key.rpartition(".")[2] for key in without} <= {"bias"}
    assert not [key for key in without if "norm" in key or key.startswith("out")]


@every
def test_the_output_is_spikes_or_what_the_readout_asks_for(name: str) -> None:
    spikes = built(name)(images(name))
    assert spikes.shape == (T, N, 5)
    assert set(spikes.unique().tolist()) <= {0.0, 1.0}
    assert readout_of(built(name)).votes == 1
    net = built(name, output=lambda: None)
    assert next(reversed(net._modules)) == "out"
    assert readout_of(net).votes is None
    assert isinstance(net.get_submodule("out").bias, nn.Parameter)
    assert not any(isinstance(module, Vote) for module in net.modules())


@every
def test_a_reset_network_repeats_itself_and_another_does_not(name: str) -> None:
    net, x = with_statistics(built(name, output=lambda: None)), images(name).double()
    with torch.no_grad():
        first, second = net(x), net(x)
        reset_net(net)
        assert torch.equal(net(x), first)
    assert not torch.equal(first, second)


@every
def test_the_layers_before_the_first_neurons_see_a_constant_image_once(name: str) -> None:
    net = built(name).eval()
    seen = shapes_seen(net, nn.Conv2d)
    with torch.no_grad():
        repeated = net(constant(T, N, *SMALL[name][1], dtype=torch.float32))
        reset_net(net)
        assert seen[0][0] == N
        assert torch.equal(repeated, net(constant(1, N, *SMALL[name][1], dtype=torch.float32).repeat(T, 1, 1, 1, 1)))


def test_the_shortcut_of_a_membrane_resnet_sees_a_constant_image_once_in_training() -> None:
    net = built("ms_resnet18_imagenet", neuron)
    seen: dict[str, int] = {}
    for key, module in net.named_modules():
        if isinstance(module, nn.Conv2d):

            def note(_: nn.Module, given: tuple[Tensor], key: str = key) -> None:
                seen[key] = len(given[0])

            module.register_forward_pre_hook(note)
    net(constant(T, N, *FRAMES, dtype=torch.float32)).sum().backward()
    assert seen["conv1"] == seen["block1.shortcut.conv"] == N
    assert seen["block1.body.conv1"] == seen["block3.shortcut.conv"] == T * N


@every
def test_the_table_names_every_layer_and_counts_its_parameters(name: str) -> None:
    net = built(name)
    lines = layer_table(net, images(name)[:, :1]).splitlines()
    names = [line.split()[0] for line in lines if not line.startswith("-")]
    assert {key for key, _ in spiking_layers(net)} <= set(names)
    total = sum(p.numel() for p in net.parameters())
    assert lines[-1].split()[1] == f"{total:,}"
    assert names[1:] == list(dict.fromkeys(names[1:]))


@every
def test_each_layer_of_neurons_is_its_own(name: str) -> None:
    made: list[BaseNode] = []

    def counted() -> BaseNode:
        made.append(IFNode(step_mode="m"))
        return made[-1]

    used = {id(node) for _, node in spiking_layers(built(name, counted))}
    # One more may have been made to read its threshold.
    assert len(made) - 1 <= len(used) <= len(made)


def test_neurons_behind_the_attention_have_half_of_the_threshold() -> None:
    def learnt() -> IFNode:
        node = IFNode(step_mode="m")
        node.v_threshold = nn.Parameter(torch.tensor([0.8]))
        return node

    for make, expected in ((lambda: IFNode(0.8, step_mode="m"), 0.4), (learnt, 0.4)):
        net = built("spikformer", make)
        thresholds = {name: float(torch.as_tensor(node.v_threshold).detach()) for name, node in spiking_layers(net)}
        halved = {name for name, value in thresholds.items() if value == pytest.approx(expected)}
        assert halved == {f"block{block}_attention.body.heads.neuron" for block in (1, 2)}


@pytest.mark.parametrize("join", ["and", "iand"])
def test_joins_other_than_a_sum_leave_spikes(join: str) -> None:
    net = built("sew_resnet18", join=join)
    values: set[float] = set()
    for module in net.modules():
        if isinstance(module, Residual):
            module.register_forward_hook(lambda _, given, output: values.update(output.unique().tolist()))
    net(images("sew_resnet18"))
    assert values == {0.0, 1.0}


@pytest.mark.parametrize("file", FILES)
def test_the_configuration_file_gives_the_defaults(file: str) -> None:
    values = OmegaConf.to_container(OmegaConf.load(CONF / f"{file}.yaml"))
    assert isinstance(values, dict)
    target = str(values.pop("_target_"))
    del values["defaults"]
    (kind,) = {kind for kind, _, _ in SMALL.values() if f"{kind.__module__}.{kind.__name__}" == target}
    parameters = inspect.signature(kind).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "output"}
    assert values == {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, _, _ in SMALL.values()), ids=lambda kind: kind.__name__)
def test_units_are_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"these samples are units, \[N, T, 700\]; use network=mlp"):
        kind((700,), 20, IFNode)


WRONG: list[tuple[str, tuple[int, ...], dict[str, Any], str]] = [
    ("sew_resnet18", DIGITS, {"depth": 20}, "depth=20 is not a depth of this network: give one of 18, 34, 50"),
    ("sew_resnet18", DIGITS, {"stem": "big"}, "stem='big' is not a stem: give one of imagenet, cifar"),
    ("sew_resnet18", DIGITS, {"join": "xor"}, "join='xor' is not a way to join a residual: give one of add, and, iand"),
    ("sew_resnet18", DIGITS, {"width": 0}, "width must be at least 1, not 0"),
    ("sew_resnet18", DIGITS, {"drop_path": 1.0}, r"drop_path must lie in \[0, 1\), not 1.0"),
    ("sew_resnet18", DIGITS, {"drop_path": 0.1, "join": "and"}, "drop_path=0.1 goes with join=add, not and"),
    ("sew_resnet_events", DIGITS, {"channels": [4] * 4}, "makes 4 blocks, and images of 8x8 can be halved 3 times"),
    ("sew_resnet_events", DIGITS, {"channels": []}, "channels must be one number of at least 1 per block"),
    ("ms_resnet18", DIGITS, {"depth": 50}, "depth=50 is not a depth of this network: give one of 18, 34, 104"),
    ("spiking_resnet19", DIGITS, {"alpha": 0.0}, "alpha must be a positive number, not 0.0"),
    ("spiking_resnet19", DIGITS, {"hidden": 0}, "hidden must be at least 1, not 0"),
    ("vggsnn", DIGITS, {"pools": None}, "halves images 4 times, and images of 8x8 can be halved 3 times: give pools=3"),
    ("vggsnn", DIGITS, {"pools": 5}, "pools=5: variant=vggsnn has 4 stages"),
    ("vggsnn", DIGITS, {"variant": "vgg9"}, "variant='vgg9' is not a variant: give one of vggsnn, vgg11, vgg16"),
    ("vggsnn", DIGITS, {"pool": "sum"}, "pool='sum' is not a pooling: give one of max, avg"),
    ("vggsnn", DIGITS, {"hidden": [0]}, r"every hidden layer must be at least 1, not hidden=\[0\]"),
    ("spikformer", DIGITS, {"dim": 12}, "dim=12 must be a multiple of 8"),
    ("spikformer", DIGITS, {"heads": 3}, "heads=3: 16 channels must be a multiple of the number of heads"),
    ("spikformer", DIGITS, {"depth": 0}, "depth must be at least 1, not 0"),
    ("spikformer", DIGITS, {"patch": 3}, "patch=3 is not a side of a patch: give one of 1, 2, 4, 8, 16"),
    ("spikformer", DIGITS, {"patch": 16}, "images of 8x8 are smaller than a patch; give patch=8 or less"),
    ("spikformer", DIGITS, {"mlp_ratio": 0.01}, "mlp_ratio=0.01 leaves 16 channels without a hidden layer"),
    ("qkformer", DIGITS, {"stem": "dvs"}, "stem='dvs' is not a stem: give one of images, events"),
    ("qkformer", DIGITS, {"attention": "all"}, "attention='all' is not a Q-K attention: give one of token, channel"),
    ("qkformer", DIGITS, {"depths": [1, 1]}, "give both one number of at least 1 for each stage"),
    ("qkformer", DIGITS, {"dims": [3, 8, 16]}, "with stem=images the first must be a multiple of 2"),
    ("qkformer_events", DIGITS, {}, "halve images 4 times, and images of 8x8 can be halved 3 times"),
]


@pytest.mark.parametrize(
    ("name", "shape", "keys", "words"), WRONG, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(WRONG)]
)
def test_a_wrong_key_says_what_is_allowed(name: str, shape: tuple[int, ...], keys: dict[str, Any], words: str) -> None:
    kind, _, small = SMALL[name]
    with pytest.raises(ValueError, match=words):
        kind(shape, 5, IFNode, **small | keys)


@pytest.mark.parametrize(("side", "heads"), [(2, 1), (6, 4)])
def test_both_orders_of_the_products_give_the_same_attention(side: int, heads: int) -> None:
    attention = SpikingSelfAttention(8, heads, neuron, scale=0.25)
    q, k, v = ((noise(2, 3, heads, side**2, 8 // heads, seed=seed) > 0).float() for seed in range(3))
    k = k.transpose(-1, -2)
    assert torch.equal((q @ k) @ v, q @ (k @ v))
    assert torch.equal(attention._attended(q, k, v), (q @ k) @ v)
    inner = shapes_seen(attention.product1, nn.Module)
    attention._attended(q, k, v)
    assert inner[0] == ((2, 3, heads, *q.shape[-2:]) if side**2 <= 8 // heads else tuple(k.shape))


def test_images_of_odd_sides_are_taken() -> None:
    for name in ("sew_resnet18", "ms_resnet18", "spiking_resnet19", "spikformer", "qkformer"):
        kind, _, keys = SMALL[name]
        assert kind((1, 9, 13), 5, neuron, **keys)(noise(T, N, 1, 9, 13, dtype=torch.float32)).shape == (T, N, 5)
    deep = SMALL["ms_resnet18"][0]((1, 9, 7), 5, neuron, depth=104, width=2)
    assert deep(noise(1, N, 1, 9, 7, dtype=torch.float32)).shape == (1, N, 5)
