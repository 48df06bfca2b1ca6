"""The operations of RandAugment and TrivialAugment on bytes, each sample with its own, to the bit those of Pillow.

Most of them replace each byte of a channel by another: a table of 256 bytes for each channel. Colour and sharpness mix
each pixel with another. An autocontrast may differ by 1 from Pillow, which computes it in floating point.
"""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.augment.operations import Operation
from snntrain.data.augment.selection import only

LEVELS = 256
GREATEST = 255.0
# The weights of red, green and blue in a grey byte, in 2^-16 (ITU-R 601).
RED, GREEN, BLUE, HALF, BITS = 19595, 38470, 7471, 0x8000, 16


def toned(x: Tensor, drawn: Tensor) -> Tensor:
    """Return images after their operations on bytes, one after the other; geometric ones change nothing here.

    Nothing waits for the device.

    Args:
        x: uint8 `[N, C, H, W]` with 1 or 3 channels.
        drawn: number and amount of each operation, float32 `[N, count, 2]`, on the device of x.
    """
    for each in drawn.unbind(1):
        x = _one(x, *each.unbind(1))
    return x


def as_bytes(x: Tensor, scale: float) -> Tensor:
    """Return stored images as bytes, of which 255 is intensity 1; divided by `scale` they are intensities in [0, 1]."""
    if x.dtype == torch.uint8 and scale == GREATEST:
        return x
    return (x.to(torch.float32) * (GREATEST / scale)).round_().clamp_(0, GREATEST).to(torch.uint8)


def _one(x: Tensor, operation: Tensor, amount: Tensor) -> Tensor:
    """Return images after one operation each; operation and amount are `[N]`."""
    by_table = (operation >= Operation.BRIGHTNESS) & (operation <= Operation.INVERT)
    y = only(by_table, x, _by_table, operation, amount)
    y = only(operation == Operation.EQUALIZE, y, _equalized)
    y = only(operation == Operation.COLOUR, y, _coloured, amount)
    return only(operation == Operation.SHARPNESS, y, _sharpened, amount)


def _by_table(x: Tensor, operation: Tensor, amount: Tensor) -> Tensor:
    return _replaced(x, _tables(x, operation.view(-1, 1, 1), amount.view(-1, 1, 1)))


def _equalized(x: Tensor) -> Tensor:
    return _replaced(x, _even(x))


def _coloured(x: Tensor, factor: Tensor) -> Tensor:
    return _blend(_grey(x).unsqueeze(1), x, factor.view(-1, 1, 1, 1)).to(torch.uint8)


def _sharpened(x: Tensor, factor: Tensor) -> Tensor:
    return _blend(_smooth(x), x, factor.view(-1, 1, 1, 1)).to(torch.uint8)


def _replaced(x: Tensor, table: Tensor) -> Tensor:
    """Return images with each byte replaced as the table of its channel says, `[N, C, 256]`."""
    return table.gather(2, x.flatten(2).long()).view_as(x)


def _tables(x: Tensor, operation: Tensor, amount: Tensor) -> Tensor:
    """Return the new byte for each byte of each channel, uint8 `[N, C, 256]`; operation and amount are `[N, 1, 1]`."""
    byte = torch.arange(LEVELS, device=x.device, dtype=torch.float32).view(1, 1, -1)
    grey = _grey(x)
    pixels = x.shape[-2:].numel()
    # Rounded to the nearest byte.
    mean = torch.div(2 * grey.flatten(1).sum(1) + pixels, 2 * pixels, rounding_mode="floor").view(-1, 1, 1)
    to = torch.where(operation == Operation.CONTRAST, mean, 0).float()
    enhanced = (operation == Operation.BRIGHTNESS) | (operation == Operation.CONTRAST)
    table = torch.where(enhanced, _blend(to, byte, amount), byte)
    step = torch.where(operation == Operation.POSTERIZE, amount, 1.0)
    table = table - table.remainder(step)
    inverted_from = torch.where(operation == Operation.SOLARIZE, amount, 2 * GREATEST)
    inverted_from = torch.where(operation == Operation.INVERT, 0.0, inverted_from)
    table = torch.where(byte >= inverted_from, GREATEST - byte, table)
    added = torch.where((operation == Operation.SOLARIZE_ADD) & (byte < LEVELS // 2), amount, 0.0)
    table = (table + added).clamp(max=GREATEST)
    low, high = (bound.unsqueeze(2).float() for bound in x.flatten(2).aminmax(dim=2))
    stretched = ((byte - low) * GREATEST / (high - low).clamp(min=1)).floor().clamp(0, GREATEST)
    return torch.where((operation == Operation.AUTOCONTRAST) & (high > low), stretched, table).to(torch.uint8)


def _even(x: Tensor) -> Tensor:
    """Return the tables that spread the bytes of each channel evenly, uint8 `[N, C, 256]`."""
    channels = x.flatten(0, 1).flatten(1)
    rows = torch.arange(len(channels), device=x.device).unsqueeze(1) * LEVELS
    counts = torch.zeros(len(channels) * LEVELS, dtype=torch.int64, device=x.device)
    counts.index_add_(0, (rows + channels).flatten(), torch.ones_like(channels, dtype=torch.int64).flatten())
    counts = counts.view(len(channels), LEVELS)
    last = counts.gather(1, channels.amax(1, keepdim=True).long())
    step = torch.div(channels.shape[1] - last, LEVELS - 1, rounding_mode="floor")
    below = counts.cumsum(1) - counts
    usable = step.clamp(min=1)
    table = torch.div(below + torch.div(usable, 2, rounding_mode="floor"), usable, rounding_mode="floor")
    # Too few pixels to spread.
    table = torch.where(step > 0, table.clamp(max=LEVELS - 1), torch.arange(LEVELS, device=x.device))
    return table.to(torch.uint8).view(*x.shape[:2], LEVELS)


def _grey(x: Tensor) -> Tensor:
    """Return images without colour, int32 `[N, H, W]`."""
    if x.shape[1] == 1:
        return x[:, 0].int()
    red, green, blue = x.int().unbind(1)
    return (RED * red + GREEN * green + BLUE * blue + HALF) >> BITS


def _smooth(x: Tensor) -> Tensor:
    """Return images with each pixel as a mean of 3x3, in which it counts five times; pixels at the edge stay."""
    y = x.int()
    if min(x.shape[-2:]) < 3:
        return y
    rows = y[..., :-2, :] + y[..., 1:-1, :] + y[..., 2:, :]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * y[..., 1:-1, 1:-1]
    # The nearest whole number to sums / 13.
    y[..., 1:-1, 1:-1] = torch.div(2 * sums + 13, 26, rounding_mode="floor")
    return y


def _blend(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Return whole numbers from 0 to 255 on the way from `one` to `other`, or beyond it, rounded down."""
    return (one + share * (other - one)).clamp(0, GREATEST).floor()
