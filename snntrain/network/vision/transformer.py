"""The blocks that spiking transformers share."""

from __future__ import annotations

from torch import nn

from snntrain.network.convolution import spiking_convolution
from snntrain.network.drop_path import dropping
from snntrain.network.head import Factory, Layers
from snntrain.network.residual import Residual
from snntrain.network.sequence import OverTime, TimeSequential
from snntrain.network.vision.attention import perceptron


def transformer_block(
    name: str, attention: OverTime, channels: int, hidden: int, neuron: Factory, drop_path: float
) -> Layers:
    """Return the layers `<name>_attention` and `<name>_mlp`, both residual, for `[T, N, channels, H, W]`.

    Args:
        name: name of the block.
        attention: maps spikes `[T, N, channels, H, W]` to spikes of the same shape; a 1x1 convolution follows it.
        channels: number of channels.
        hidden: channels of the hidden layer of the perceptron.
        neuron: makes a fresh multi-step node.
        drop_path: probability of dropping each of the two branches in training.
    """
    attending = Layers(heads=attention)
    attending |= spiking_convolution("conv", channels, channels, neuron, kernel=1, bias=True)
    mixing = perceptron(channels, hidden, neuron)
    return Layers(
        {
            f"{name}_attention": Residual(TimeSequential(attending | dropping(drop_path))),
            f"{name}_mlp": Residual(TimeSequential(mixing | dropping(drop_path))),
        }
    )


def hidden_channels(channels: int, mlp_ratio: float) -> int:
    """Return the channels of the hidden layer of a perceptron.

    Raises:
        ValueError: there would be none.
    """
    hidden = int(channels * mlp_ratio)
    if hidden < 1:
        raise ValueError(f"mlp_ratio={mlp_ratio} leaves {channels} channels without a hidden layer: give a greater one")
    return hidden


def overlapping_pool() -> nn.MaxPool2d:
    """Return the pooling of spiking transformers, which halves the sides, rounded up."""
    return nn.MaxPool2d(3, stride=2, padding=1)
