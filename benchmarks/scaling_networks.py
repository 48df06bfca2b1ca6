"""The networks of the scaling model, layer by layer: parameters, operations, outputs and normalised channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layer:
    """A convolution or a matrix product, with the normalisation and the neurons behind it.

    Args:
        parameters: learnt numbers of all of these.
        products: multiplications of one image and time step.
        outputs: outputs of one image and time step.
        normalised: channels of its batch normalisation; 0 without one.
        once: whether it is computed once per image and not once per time step.
    """

    parameters: int
    products: int
    outputs: int
    normalised: int = 0
    once: bool = False


@dataclass(frozen=True)
class Network:
    """A network and its training.

    Args:
        name: its name in the tables.
        layers: its layers.
        T: time steps.
        batch: images per GPU and step.
        resident: whether its images are in the memory of the GPU; otherwise the host decodes JPEG files.
    """

    name: str
    layers: Sequence[Layer]
    T: int
    batch: int
    resident: bool = True

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def products(self) -> int:
        """Multiplications of an image, forward."""
        return sum(layer.products * (1 if layer.once else self.T) for layer in self.layers)

    @property
    def normalised(self) -> list[int]:
        """The channels of each batch normalisation."""
        return [layer.normalised for layer in self.layers if layer.normalised]


def convolution(inputs: int, outputs: int, side: int, kernel: int = 3, *, neurons: int = 0) -> Layer:
    """Return a convolution without bias, to `side` x `side` outputs per channel, with batch normalisation.

    Args:
        inputs, outputs: channels.
        side: width and height of the output.
        kernel: width and height of the kernel.
        neurons: learnt parameters of its neurons.
    """
    weights = inputs * outputs * kernel**2
    return Layer(weights + 2 * outputs + neurons, weights * side**2, outputs * side**2, outputs)


def linear(
    inputs: int, outputs: int, places: int = 1, *, bias: bool = True, normalised: bool = False, neurons: int = 0
) -> Layer:
    """Return a matrix product, the same at some places: the tokens of a transformer."""
    own = outputs * (bias + 2 * normalised) + neurons
    weights = inputs * outputs
    return Layer(weights + own, weights * places, outputs * places, outputs * normalised)


def csnn(name: str, channels: Sequence[int], hidden: Sequence[int], T: int, batch: int) -> Network:
    """Return snntrain's convolutional network of PLIF neurons for MNIST, with 10 votes per class."""
    layers: list[Layer] = []
    width, side = 1, 28
    for size in channels:
        layers.append(convolution(width, size, side, neurons=1))
        width, side = size, side // 2
    layers[0] = replace(layers[0], once=True)
    width *= side**2
    for size in (*hidden, 100):
        layers.append(linear(width, size, bias=False, neurons=1))
        width = size
    return Network(name, layers, T, batch)


def resnet19() -> Network:
    """Return the spiking ResNet-19 for CIFAR-10 (Zheng et al., AAAI 2021, with a stem of 64 channels as in TET)."""
    layers = [convolution(3, 64, 32)]
    width = 64
    for size, blocks, side in ((128, 3, 32), (256, 3, 16), (512, 2, 8)):
        for _ in range(blocks):
            layers += [convolution(width, size, side), convolution(size, size, side)]
            if width != size:
                layers.append(convolution(width, size, side, kernel=1))
            width = size
    return Network("ResNet-19, CIFAR-10", [*layers, linear(512, 256), linear(256, 10)], T=4, batch=64)


def spikformer(
    name: str, depth: int, width: int, sides: Sequence[int], classes: int, batch: int, *, resident: bool
) -> Network:
    """Return a Spikformer (Zhou et al., ICLR 2023).

    Args:
        name: its name in the tables.
        depth: number of blocks.
        width: length of a token.
        sides: widths of the outputs of the five convolutions that make the tokens.
        classes: number of classes.
        batch: images per GPU and step.
        resident: as in `Network`.
    """
    layers: list[Layer] = []
    channels = 3
    for size, side in zip((width // 8, width // 4, width // 2, width, width), sides, strict=True):
        layers.append(convolution(channels, size, side))
        channels = size
    tokens = sides[-1] ** 2
    for _ in range(depth):
        layers += [linear(width, width, tokens, normalised=True) for _ in range(4)]
        # Queries with keys, and the result with values.
        layers.append(Layer(0, 2 * tokens**2 * width, tokens * width))
        layers += [linear(width, 4 * width, tokens, normalised=True), linear(4 * width, width, tokens, normalised=True)]
    return Network(name, [*layers, linear(width, classes)], 4, batch, resident)


NETWORKS = (
    csnn("csnn (default), MNIST", (32, 64), (512,), T=4, batch=64),
    csnn("csnn of the PLIF paper, MNIST", (128, 128), (2048,), T=8, batch=16),
    resnet19(),
    spikformer("Spikformer-4-384, CIFAR-10", 4, 384, (32, 32, 32, 16, 8), 10, 128, resident=True),
    spikformer("Spikformer-8-768, ImageNet", 8, 768, (224, 112, 56, 28, 14), 1000, 32, resident=False),
)
