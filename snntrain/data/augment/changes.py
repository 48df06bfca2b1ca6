"""The changes of stored samples, besides the operations on bytes, in their order."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.augment import events, frames, temporal
from snntrain.data.augment.draws import Row, whole_numbers
from snntrain.data.augment.settings import Augment


def changed(augment: Augment, x: Tensor, lengths: Tensor | None, u: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return samples after all of these changes, and their lengths. Never waits for the device.

    Args:
        augment: the settings.
        x: stored samples, uint8: images `[N, C, H, W]`, or sequences `[N, T, C, H, W]` or `[N, T, units]`.
        lengths: valid steps of each sequence, int64 `[N]`; None if all are valid.
        u: random numbers from `Augment.draw`, `[20, N]`, on the device of x.
    """
    if augment.temporal_crop:
        x, lengths = temporal.crop(x, lengths, augment.temporal_crop, u[Row.CUT_STEPS], u[Row.FIRST_STEP])
    if augment.drop:
        seed = whole_numbers(u[Row.DROPPED : Row.DROPPED_TOO + 1], 2**24)
        x = events.drop(x, u[Row.DROP] * augment.drop, seed)
    if augment.polarity_flip:
        x = events.flip_polarity(x, u[Row.POLARITY] < 0.5)
    if augment.roll:
        made = augment.made("roll", u[Row.CHOICE])
        # Units have no second dimension: the one before it is time.
        for row, dim in ((Row.ROLL_X, -1), (Row.ROLL_Y, -2))[: 1 if x.ndim == 3 else 2]:
            x = frames.roll(x, _only(made, whole_numbers(u[row], 2 * augment.roll + 1) - augment.roll), dim)
    if augment.cutout:
        made = augment.made("cutout", u[Row.CHOICE])
        height, width = x.shape[-2:]
        side = _only(made, whole_numbers(u[Row.CUTOUT], augment.cutout) + 1)
        x = frames.cut_out(x, side, whole_numbers(u[Row.CUTOUT_Y], height), whole_numbers(u[Row.CUTOUT_X], width))
    return x, lengths


def _only(made: Tensor | None, numbers: Tensor) -> Tensor:
    return numbers if made is None else torch.where(made, numbers, 0)
