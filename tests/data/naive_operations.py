"""The operations of RandAugment and TrivialAugment again: by Pillow, and where it has none, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from snntrain.data.augment.operations import Operation

Bytes = NDArray[np.uint8]


def picture(x: Bytes) -> Image.Image:
    """Return an image `[C, H, W]` as Pillow has it."""
    return Image.fromarray(x[0], "L") if len(x) == 1 else Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0)))


def pixels(image: Image.Image) -> Bytes:
    y = np.asarray(image)
    return y[None] if y.ndim == 2 else y.transpose(2, 0, 1)


def _added(image: Image.Image, amount: float) -> Image.Image:
    table = [min(255, byte + int(amount)) if byte < 128 else byte for byte in range(256)]
    return image.point(table * len(image.getbands()))


BY_PILLOW: dict[Operation, Callable[[Image.Image, float], Image.Image]] = {
    Operation.IDENTITY: lambda image, amount: image,
    Operation.BRIGHTNESS: lambda image, amount: ImageEnhance.Brightness(image).enhance(amount),
    Operation.CONTRAST: lambda image, amount: ImageEnhance.Contrast(image).enhance(amount),
    Operation.COLOUR: lambda image, amount: ImageEnhance.Color(image).enhance(amount),
    Operation.SHARPNESS: lambda image, amount: ImageEnhance.Sharpness(image).enhance(amount),
    Operation.POSTERIZE: lambda image, amount: ImageOps.posterize(image, 8 - round(math.log2(amount))),
    Operation.SOLARIZE: lambda image, amount: ImageOps.solarize(image, amount),
    Operation.SOLARIZE_ADD: _added,
    Operation.AUTOCONTRAST: lambda image, amount: ImageOps.autocontrast(image),
    Operation.EQUALIZE: lambda image, amount: ImageOps.equalize(image),
    Operation.INVERT: lambda image, amount: ImageOps.invert(image),
}


def moved(x: NDArray[np.float64], operation: Operation, amount: float) -> NDArray[np.float64]:
    """Return an image `[C, H, W]` after a geometric operation: bilinear, zeros outside."""
    *_, height, width = x.shape
    y = np.zeros_like(x)
    for row in range(height):
        for column in range(width):
            # Backwards, from the centre: where has this pixel been?
            right, down = column - (width - 1) / 2, row - (height - 1) / 2
            if operation == Operation.ROTATE:
                angle = math.atan2(down, right) - amount
                right, down = (math.hypot(right, down) * f(angle) for f in (math.cos, math.sin))
            elif operation == Operation.SHEAR_X:
                right -= amount * down
            elif operation == Operation.SHEAR_Y:
                down -= amount * right
            elif operation == Operation.SHIFT_X:
                right -= amount
            elif operation == Operation.SHIFT_Y:
                down -= amount
            y[:, row, column] = _between(x, down + (height - 1) / 2, right + (width - 1) / 2)
    return y


def _between(x: NDArray[np.float64], row: float, column: float) -> NDArray[np.float64]:
    value = np.zeros(len(x))
    for y in (math.floor(row), math.floor(row) + 1):
        for z in (math.floor(column), math.floor(column) + 1):
            if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
                value += x[:, y, z] * (1 - abs(row - y)) * (1 - abs(column - z))
    return value
