"""The augmentation again, one sample and one pixel at a time in float64, written from its description alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def moved(x: Floats, *, angle: float, zoom: float, mirrored: bool, slope: float, right: float, down: float) -> Floats:
    """Return a sample `[T, C, H, W]` that is mirrored, then turned and enlarged, then sheared, then shifted.

    Args:
        x: the sample.
        angle: in degrees, from the x axis towards the y axis, which points down.
        zoom: enlarges around the centre.
        mirrored: left to right.
        slope: pixels along x for each row below the centre.
        right, down: in pixels.
    """
    *_, height, width = x.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    y = np.zeros_like(x)
    for row in range(height):
        for column in range(width):
            # Backwards: where has this pixel been?
            dx, dy = column - middle_x - right, row - middle_y - down
            dx -= slope * dy
            dx, dy = (cos * dx + sin * dy) / zoom, (cos * dy - sin * dx) / zoom
            dx = -dx if mirrored else dx
            y[..., row, column] = _between(x, middle_y + dy, middle_x + dx)
    return y


def _between(x: Floats, row: float, column: float) -> Floats:
    """Return the bilinear value at a place, with zeros outside."""
    value = np.zeros(x.shape[:-2])
    for y in (math.floor(row), math.floor(row) + 1):
        for z in (math.floor(column), math.floor(column) + 1):
            if 0 <= y < x.shape[-2] and 0 <= z < x.shape[-1]:
                value += x[..., y, z] * (1 - abs(row - y)) * (1 - abs(column - z))
    return value


def rolled(x: Floats, right: int, down: int) -> Floats:
    y = np.zeros_like(x)
    for row in range(x.shape[-2]):
        for column in range(x.shape[-1]):
            y[..., (row + down) % x.shape[-2], (column + right) % x.shape[-1]] = x[..., row, column]
    return y


def cut_out(x: Floats, side: int, row: int, column: int) -> Floats:
    y = x.copy()
    for down in range(row - side // 2, row - side // 2 + side):
        for right in range(column - side // 2, column - side // 2 + side):
            if 0 <= down < x.shape[-2] and 0 <= right < x.shape[-1]:
                y[..., down, right] = 0
    return y


def cropped(x: Floats, first: int, kept: int) -> Floats:
    y = np.zeros_like(x)
    y[:kept] = x[first : first + kept]
    return y
