"""Pixels or units that are moved by whole numbers, or left out."""

from __future__ import annotations

import torch
from torch import Tensor


def roll(x: Tensor, steps: Tensor, dim: int) -> Tensor:
    """Move each sample along a dimension; what leaves on one side comes in on the other.

    Args:
        x: `[N, *]`.
        steps: whole numbers, int64 `[N]`.
        dim: the dimension, counted from the last one: -1, -2.
    """
    size = x.shape[dim]
    source = (torch.arange(size, device=x.device) - steps.unsqueeze(1)) % size
    shape = [len(x), *[1] * (x.ndim - 1)]
    shape[dim] = size
    return x.gather(dim, source.view(shape).expand_as(x))


def cut_out(x: Tensor, side: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Set a square of each sample to 0, the same at all time steps; the part inside the picture counts.

    Args:
        x: `[N, *, H, W]`.
        side: its side in pixels, 0 for no square, int64 `[N]`.
        row, column: its middle, int64 `[N]`.
    """
    height, width = x.shape[-2:]
    inside = _within(height, row, side).unsqueeze(2) & _within(width, column, side).unsqueeze(1)
    return x.masked_fill(inside.view(len(x), *[1] * (x.ndim - 3), height, width), 0)


def _within(size: int, middle: Tensor, length: Tensor) -> Tensor:
    """Return which of `size` places belong to a stretch of some length around its middle, bool `[N, size]`."""
    first = (middle - length // 2).unsqueeze(1)
    place = torch.arange(size, device=middle.device)
    return (place >= first) & (place < first + length.unsqueeze(1))


def rectangle(height: int, width: int, row: Tensor, column: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return which pixels belong to a rectangle, bool `[N, height, width]`.

    Args:
        height, width: size of the pictures.
        row, column: first row and column of each rectangle, `[N]`.
        rows, columns: its size, 0 for none, `[N]`.
    """
    down, right = (torch.arange(size, device=row.device) for size in (height, width))
    of_rows, of_columns = (
        (place >= first.unsqueeze(1)) & (place < (first + count).unsqueeze(1))
        for place, first, count in ((down, row, rows), (right, column, columns))
    )
    return of_rows.unsqueeze(2) & of_columns.unsqueeze(1)
