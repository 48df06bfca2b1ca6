"""Random changes of training images, drawn for each image and applied in one pass on the device."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augment:
    """Rotation, shift, zoom, crop and flip as one affine map per image, sampled bilinearly, zeros outside.

    Args:
        degrees: maximum rotation; drawn uniformly from +- this.
        translate: maximum shift along each axis as a share of the side; drawn uniformly from +- this.
        scale: range of the zoom, `(lo, hi)`.
        crop_padding: zero pixels around the image before a random crop, which shifts it by whole pixels.
        flip: mirrors left to right with probability 1/2.

    Raises:
        ValueError: a value outside its range.
    """

    degrees: float = 0.0
    translate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    crop_padding: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        # A config has a list here.
        object.__setattr__(self, "scale", tuple(self.scale))
        if not 0 <= self.degrees <= 180:
            raise ValueError(f"augment.degrees must lie in [0, 180], not {self.degrees}")
        if not 0 <= self.translate < 1:
            raise ValueError(f"augment.translate must lie in [0, 1), not {self.translate}")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] < math.inf:
            raise ValueError(f"augment.scale must be [lo, hi] with 0 < lo <= hi, not {list(self.scale)}")
        if self.crop_padding < 0:
            raise ValueError(f"augment.crop_padding must be 0 or more pixels, not {self.crop_padding}")

    @property
    def is_identity(self) -> bool:
        """Whether all images stay unchanged."""
        return self == Augment()

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Return uniform random numbers in [0, 1) for `n` images, `[7, n]`.

        All seven are always drawn, so that one setting does not change the draws of another.

        Args:
            n: number of images.
            generator: a CPU generator: the changes are then the same on every device.
        """
        return torch.rand(7, n, generator=generator)

    def maps(self, u: Tensor, height: int, width: int) -> Tensor:
        """Return affine maps `[N, 2, 3]` from output to input coordinates, both from -1 to 1 across the image.

        Point q of the output shows the input at `F R(-angle) (q - shift) / zoom`, where F is the flip. The map of an
        image depends only on its own numbers, to the bit, so the maps of many batches can be computed at once.

        Args:
            u: random numbers from `draw`, `[7, N]`.
            height, width: size of the images, in pixels.
        """
        angle = (2 * u[0] - 1) * math.radians(self.degrees)
        zoom = self.scale[0] + u[1] * (self.scale[1] - self.scale[0])
        mirror = torch.where(u[2] < 0.5, -1.0, 1.0) if self.flip else torch.ones_like(angle)
        size = torch.tensor([[width], [height]])
        pixels = (u[3:5] * (2 * self.crop_padding + 1)).floor() - self.crop_padding
        shift = 2 * (2 * u[5:7] - 1) * self.translate + 2 * pixels / size
        cos, sin = angle.cos() / zoom, angle.sin() / zoom
        # -1 to 1 spans a different number of pixels along each axis: rotate in pixels, not in these coordinates.
        linear = torch.stack([mirror * cos, mirror * sin * (height / width), -sin * (width / height), cos], dim=1).view(
            -1, 2, 2
        )
        offset = -(linear * shift.T.unsqueeze(1)).sum(2, keepdim=True)
        return torch.cat([linear, offset], dim=2)


def resample(x: Tensor, maps: Tensor) -> Tensor:
    """Apply maps to images: bilinear, zeros outside. Runs on the device and never waits for it.

    Args:
        x: intensities `[N, C, H, W]`, or sequences `[T, N, C, H, W]`, which change in the same way at all T steps;
            float.
        maps: from `Augment.maps`, `[N, 2, 3]`, on the device of x.
    """
    if x.ndim == 5:
        # The steps of a sequence become channels: one map for all of them.
        changed = resample(x.transpose(0, 1).flatten(1, 2), maps).view(x.shape[1], -1, *x.shape[2:])
        return changed.transpose(0, 1).contiguous()
    grid = _grid(maps, *x.shape[2:])
    sampled: Tensor = F.grid_sample(x, grid, padding_mode="zeros", align_corners=False)
    return sampled


def _grid(maps: Tensor, height: int, width: int) -> Tensor:
    """Return the input coordinates of each output pixel, `[N, H, W, 2]`, for maps `[N, 2, 3]`.

    Not F.affine_grid: its matrix product is rounded to TF32 or bfloat16 if these are allowed.
    """
    x = (2 * torch.arange(width, device=maps.device) + 1) / width - 1
    y = (2 * torch.arange(height, device=maps.device).unsqueeze(1) + 1) / height - 1
    a, b, c = maps[:, None, None].unbind(-1)
    return a * x.unsqueeze(-1) + b * y.unsqueeze(-1) + c
