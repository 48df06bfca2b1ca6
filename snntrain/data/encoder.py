"""Encoders: what a network is shown at each of T steps, made from intensities in [0, 1].

An image batch `[N, C, H, W]` becomes `[T, N, C, H, W]`. A batch of sequences is `[T, N, C, H, W]` already and
keeps its own T.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# The intensity 1 of an image that is stored as bytes.
BRIGHTEST = 255


class Encoder(nn.Module):
    """What all encoders share.

    Args:
        T: time steps.
        mean, std: of each channel's intensity in [0, 1]; used by the encoders that normalise.

    Raises:
        ValueError: T below 1, a std that is not positive, `mean` and `std` of different lengths; images with
            another number of channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, T: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if T < 1:
            raise ValueError(f"T must be at least 1, not {T}")
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ValueError(f"mean and std need one number a channel, std positive, not {list(mean)} and {list(std)}")
        self.T = T
        # Not persistent: they are settings, and the config keeps those.
        self.register_buffer("mean", torch.tensor(list(mean)).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Input of the network `[T, N, C, H, W]`, of images `[N, C, H, W]` or sequences `[T, N, C, H, W]`."""
        if x.shape[-3] != len(self.mean):
            raise ValueError(f"mean and std are of {len(self.mean)} channels, the images have {x.shape[-3]}")
        return self.sequences(x) if x.ndim == 5 else self.images(x)

    def images(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` to `[T, N, C, H, W]`."""
        raise NotImplementedError(f"{type(self).__name__} defines no images(x)")

    def sequences(self, x: Tensor) -> Tensor:
        """`[T, N, C, H, W]` to the same shape: unchanged."""
        return x

    def extra_repr(self) -> str:
        return f"T={self.T}"


class Direct(Encoder):
    """Constant current: the normalised image at every step, and the first layer of neurons makes the spikes.

    The steps are one tensor in memory (stride 0 over T): what has no state computes it once.
    """

    def images(self, x: Tensor) -> Tensor:
        return self.sequences(x).unsqueeze(0).expand(self.T, *x.shape)

    def sequences(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class Poisson(Encoder):
    """A spike at each step with the probability of the intensity, from torch's global generator."""

    def images(self, x: Tensor) -> Tensor:
        return (torch.rand(self.T, *x.shape, device=x.device) < x).to(x.dtype)


class Latency(Encoder):
    """One spike a pixel, the earlier the brighter: intensity 1 at step 0, black never (time to first spike).

    The step is `floor(T (1 - x))`, at most `T - 1`, and exact: the intensity of a byte is that byte over 255, which no
    float is, and any other intensity is the float that it is.
    """

    def images(self, x: Tensor) -> Tensor:
        exact = x.double()
        byte = (exact * BRIGHTEST).round()
        # Within this of a whole number it is one, rounded: other bytes are a thousand times as far away.
        is_byte = (exact * BRIGHTEST - byte).abs() < 1e-3
        of_byte = torch.div(self.T * (BRIGHTEST - byte).long(), BRIGHTEST, rounding_mode="floor")
        step = torch.where(is_byte, of_byte, ((1 - exact) * self.T).floor().long()).clamp(0, self.T - 1)
        steps = torch.arange(self.T, device=x.device).view(-1, *[1] * x.ndim)
        return ((steps == step) & (x > 0)).to(x.dtype)
