"""The layers that a text can name, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Convolution:
    """A square 2D convolution; `channels` None: depthwise, with as many channels and groups as its input."""

    channels: int | None
    kernel: int
    padding: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = False

    @property
    def window(self) -> int:
        """The side of the square of pixels that an output depends on."""
        return self.dilation * (self.kernel - 1) + 1


@dataclass(frozen=True)
class Linear:
    """A fully connected layer of `size` neurons; with `per_class`, of `size` neurons for each class."""

    size: int
    per_class: bool = False
    bias: bool = False

    def neurons(self, classes: int) -> int:
        return self.size * classes if self.per_class else self.size


@dataclass(frozen=True)
class Pool:
    """The greatest value of a square window, or its mean."""

    kernel: int
    stride: int
    padding: int = 0
    mean: bool = False

    @property
    def window(self) -> int:
        return self.kernel


@dataclass(frozen=True)
class GlobalPool:
    """The mean of each channel over all pixels."""


@dataclass(frozen=True)
class Norm:
    """Batch normalisation; with `alpha`, threshold-dependent (tdBN)."""

    alpha: float | None = None


@dataclass(frozen=True)
class Neurons:
    """A layer of neurons, of the configured kind."""


@dataclass(frozen=True)
class Dropout:
    """Dropout with one mask for all steps."""

    p: float


@dataclass(frozen=True)
class Vote:
    """The mean of the output neurons of each class."""

    votes: int


@dataclass(frozen=True)
class Flatten:
    """Images to units. It is not written: a linear layer needs it."""


Layer = Convolution | Linear | Pool | GlobalPool | Norm | Neurons | Dropout | Vote | Flatten
