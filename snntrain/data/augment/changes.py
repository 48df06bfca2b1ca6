"""The changes besides the affine map, in their order, and which samples can have them."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.augment import events, frames, temporal
from snntrain.data.augment.draws import Row, whole_numbers
from snntrain.data.augment.settings import GEOMETRIC, Augment


def changed(augment: Augment, x: Tensor, lengths: Tensor | None, u: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return samples after all changes besides the affine map, and their lengths. Never waits for the device.

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


def check_fit(augment: Augment, sample: Tensor, scale: float) -> None:
    """Check that samples can have all changes.

    Args:
        augment: the settings.
        sample: a stored sample: an image `[C, H, W]`, or a sequence `[T, C, H, W]` or `[T, units]`.
        scale: divides the stored bytes; 1 for counts of events.

    Raises:
        ValueError: a change needs something else than these samples.
    """
    for key in augment.given:
        if reason := _misfit(key, sample, scale):
            raise ValueError(f"augment.{key}={getattr(augment, key)}: {reason}")


def _misfit(key: str, sample: Tensor, scale: float) -> str:
    """Return why samples cannot have a change; '' if they can."""
    units, image = sample.ndim == 2, sample.ndim == 3
    if (key in GEOMETRIC or key == "cutout") and units:
        return f"needs pixels in two dimensions, and these samples are sequences of {sample.shape[-1]} units"
    if key in ("temporal_crop", "drop", "polarity_flip") and image:
        return "needs sequences, and these samples are images"
    if key == "drop" and scale != 1:
        return f"needs counts of events, and these samples are intensities, bytes divided by {scale:g}"
    if key == "polarity_flip" and (units or sample.shape[-3] != 2):
        kind = f"{sample.shape[-1]} units" if units else f"frames of {sample.shape[-3]} channels"
        return f"needs frames of two channels, ON and OFF, and these samples are sequences of {kind}"
    return ""
