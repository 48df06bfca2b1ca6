"""Rotation, shear, shift, zoom and flip as one affine map per sample, sampled bilinearly, zeros outside."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from snntrain.data.augment.operations import Operation


def maps(
    height: int,
    width: int,
    *,
    angle: Tensor,
    zoom: Tensor,
    mirror: Tensor,
    shift: Tensor,
    slope: Tensor | None = None,
) -> Tensor:
    """Return affine maps `[N, 2, 3]` from output to input coordinates, both from -1 to 1 across the image.

    Point q of the output shows the input at `F R(-angle) S(-slope) (q - shift) / zoom`, where F is the flip and S the
    shear. The map of an image depends only on its own numbers, to the bit, so the maps of many batches can be computed
    at once.

    Args:
        height, width: size of the images, in pixels.
        angle: rotation in radians, `[N]`.
        zoom: above 1 enlarges, `[N]`.
        mirror: -1 to mirror left to right, else 1, `[N]`.
        shift: along x and y, in the coordinates of the maps, `[2, N]`.
        slope: shear along x, in pixels per row, `[N]`; None for no shear.
    """
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    # The matrix in pixels, [[mirror * cos, mirror * from_y], [-sin, along_y]].
    from_y, along_y = (sin, cos) if slope is None else (sin - slope * cos, cos + slope * sin)
    # -1 to 1 spans a different number of pixels along each axis: rotate in pixels, not in these coordinates.
    linear = torch.stack(
        [mirror * cos, mirror * from_y * (height / width), -sin * (width / height), along_y], dim=1
    ).view(-1, 2, 2)
    offset = -(linear * shift.T.unsqueeze(1)).sum(2, keepdim=True)
    return torch.cat([linear, offset], dim=2)


def with_operations(maps: Tensor | None, drawn: Tensor, height: int, width: int) -> Tensor:
    """Return the affine maps of images that also have geometric operations, one after the other.

    Args:
        maps: the changes before, `[N, 2, 3]`; None for none.
        drawn: number and amount of each operation, from `operations`, `[N, count, 2]`; others than geometric ones
            change nothing here.
        height, width: size of the images, in pixels.
    """
    for operation, amount in ((each[:, 0], each[:, 1]) for each in drawn.unbind(1)):
        angle, slope_x, slope_y, right, down = (
            torch.where(operation == wanted, amount, 0.0)
            for wanted in (
                *(Operation.ROTATE, Operation.SHEAR_X, Operation.SHEAR_Y),
                *(Operation.SHIFT_X, Operation.SHIFT_Y),
            )
        )
        cos, sin = angle.cos(), angle.sin()
        # At most one of these differs from the identity.
        rows = [
            [cos, (sin - slope_x) * (height / width), -2 * right / width],
            [(-sin - slope_y) * (width / height), cos, -2 * down / height],
        ]
        own = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        maps = own if maps is None else _after(maps, own)
    assert maps is not None
    return maps


def _after(first: Tensor, second: Tensor) -> Tensor:
    """Return the map of images that are changed by one map and then by another, each `[N, 2, 3]`.

    Not a matrix product: its rounding may depend on the size of the batch.
    """
    linear = (first[:, :, :2].unsqueeze(3) * second.unsqueeze(1)).sum(2)
    linear[:, :, 2] += first[:, :, 2]
    return linear


def resample(x: Tensor, maps: Tensor) -> Tensor:
    """Apply maps to images: bilinear, zeros outside. Runs on the device and never waits for it.

    Args:
        x: intensities `[N, C, H, W]`, or sequences `[T, N, C, H, W]`, which change in the same way at all T steps;
            float.
        maps: from `maps`, `[N, 2, 3]`, on the device of x.
    """
    if x.ndim == 5:
        # The steps of a sequence become channels: one map for all of them.
        changed = resample(x.transpose(0, 1).flatten(1, 2), maps).view(x.shape[1], x.shape[0], *x.shape[2:])
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
