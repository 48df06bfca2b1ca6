"""Encoders: the input of a network at each of T steps, made from intensities in [0, 1].

An image batch `[N, C, H, W]` becomes `[T, N, C, H, W]`. A batch of sequences already is `[T, N, C, H, W]` or
`[T, N, units]` and keeps its own T.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from snntrain.data.share import own_rows

# The byte of intensity 1.
BRIGHTEST = 255


class Encoder(nn.Module):
    """Base class of encoders.

    Args:
        T: time steps.
        mean, std: mean and standard deviation of each channel's intensity in [0, 1], for encoders that normalise; one
            number for all units.

    Raises:
        ValueError: T is below 1, a std is not positive, `mean` and `std` have different lengths, or images have another
            number of channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, T: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if T < 1:
            raise ValueError(f"T must be at least 1, not {T}")
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ValueError(
                f"mean and std need one number per channel, std positive, not {list(mean)} and {list(std)}"
            )
        self.T = T
        # Not persistent: these are settings, which the config keeps.
        self.register_buffer("mean", torch.tensor(list(mean)).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's input, `[T, N, C, H, W]` or `[T, N, units]`.

        Args:
            x: images `[N, C, H, W]`, or sequences `[T, N, C, H, W]` or `[T, N, units]`.
        """
        channels = 1 if x.ndim == 3 else x.shape[-3]
        if channels != len(self.mean):
            raise ValueError(f"mean and std are of {len(self.mean)} channels, the images have {channels}")
        return self.images(x) if x.ndim == 4 else self.sequences(x)

    def images(self, x: Tensor) -> Tensor:
        """Encode `[N, C, H, W]` as `[T, N, C, H, W]`."""
        raise NotImplementedError(f"{type(self).__name__} defines no images(x)")

    def sequences(self, x: Tensor) -> Tensor:
        """Encode `[T, N, C, H, W]` or `[T, N, units]`; by default they stay as they are."""
        return x

    def extra_repr(self) -> str:
        return f"T={self.T}"


class Direct(Encoder):
    """Constant current: the normalised image at every step; the first layer of neurons turns it into spikes.

    All steps share one image in memory (stride 0 over T), so stateless layers compute it once.
    """

    def images(self, x: Tensor) -> Tensor:
        return self.sequences(x).unsqueeze(0).expand(self.T, *x.shape)

    def sequences(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class Poisson(Encoder):
    """Random spikes: at each step with the intensity as the probability, from torch's global generator."""

    def images(self, x: Tensor) -> Tensor:
        def draw(rows: int) -> Tensor:
            return torch.rand(self.T, rows, *x.shape[1:], device=x.device)

        return (own_rows(draw, len(x), dim=1) < x).to(x.dtype)


class Latency(Encoder):
    """One spike per pixel, earlier for brighter pixels: intensity 1 at step 0, black never (time to first spike).

    The step is `floor(T (1 - x))`, at most `T - 1`, and exact. Floats cannot hold most fractions byte/255, so an
    intensity very close to such a fraction counts as the fraction; any other intensity counts as it is.
    """

    def images(self, x: Tensor) -> Tensor:
        exact = x.double()
        byte = (exact * BRIGHTEST).round()
        # If it is so close to an integer it is a rounded byte; the next byte is a thousand times as far away.
        is_byte = (exact * BRIGHTEST - byte).abs() < 1e-3
        of_byte = torch.div(self.T * (BRIGHTEST - byte).long(), BRIGHTEST, rounding_mode="floor")
        step = torch.where(is_byte, of_byte, ((1 - exact) * self.T).floor().long()).clamp(0, self.T - 1)
        steps = torch.arange(self.T, device=x.device).view(-1, *[1] * x.ndim)
        return ((steps == step) & (x > 0)).to(x.dtype)
