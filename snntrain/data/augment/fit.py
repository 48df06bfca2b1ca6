"""Which samples can have which changes."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.augment.keys import GEOMETRIC, MIXING, POLICIES
from snntrain.data.augment.settings import Augment
from snntrain.data.dataset import ImageTensors, Split, lengths_of


def check_fit(augment: Augment, split: Split, scale: float) -> None:
    """Check that samples can have all changes.

    Args:
        augment: the settings.
        split: the samples; one is read, and the range of all if they are floats in memory.
        scale: divides the stored bytes; 1 for counts of events.

    Raises:
        ValueError: a change needs something else than these samples.
    """
    for key in augment.given:
        if reason := _misfit(augment, key, split, scale):
            raise ValueError(f"augment.{key}={getattr(augment, key)}: {reason}")


def _misfit(augment: Augment, key: str, split: Split, scale: float) -> str:
    """Return why samples cannot have a change; '' if they can."""
    sample = split[0]
    units, image = sample.ndim == 2, sample.ndim == 3
    if (key in GEOMETRIC or key in ("cutout", "cutmix", "erase")) and units:
        return f"needs pixels in two dimensions, and these samples are sequences of {sample.shape[-1]} units"
    if key in ("temporal_crop", "drop", "polarity_flip", "frames") and image:
        return "needs sequences, and these samples are images"
    if key == "drop" and scale != 1:
        return f"needs counts of events, and these samples are intensities, bytes divided by {scale:g}"
    if key == "polarity_flip" and (units or sample.shape[-3] != 2):
        kind = f"{sample.shape[-1]} units" if units else f"frames of {sample.shape[-3]} channels"
        return f"needs frames of two channels, ON and OFF, and these samples are sequences of {kind}"
    if key == "frames" and augment.frames > len(sample):
        return f"chooses among the steps of a sequence, and these samples have {len(sample)}"
    if key == "erase" and augment.erase_with == "noise" and _is_count(sample, scale):
        return "with erase_with=noise needs intensities, and these samples are counts of events; take erase_with=zero"
    if key in POLICIES:
        return _no_picture(split, scale)
    if key in MIXING:
        return _unequal(augment, split)
    return ""


def _is_count(sample: Tensor, scale: float) -> bool:
    return scale == 1 and sample.dtype == torch.uint8


def _no_picture(split: Split, scale: float) -> str:
    """Return why samples are not still images in grey or colour; '' if they are."""
    sample = split[0]
    if sample.ndim != 3:
        return "needs still images, and these samples are sequences; for frames take augment=dvs_wide"
    if sample.shape[0] not in (1, 3):
        return f"needs grey or colour images, with 1 or 3 channels, and these have {sample.shape[0]}"
    if _is_count(sample, scale):
        return "needs intensities, and these samples are counts of events"
    if sample.is_floating_point() and isinstance(split, ImageTensors):
        least, greatest = (float(bound) / scale for bound in split.images.aminmax())
        if least < 0 or greatest > 1:
            return f"needs intensities from 0 to 1, and those of these images go from {least:g} to {greatest:g}"
    return ""


def _unequal(augment: Augment, split: Split) -> str:
    """Return why samples cannot be mixed with each other; '' if they can."""
    if augment.temporal_crop:
        return "mixes sequences of equal length, and augment.temporal_crop gives them different lengths"
    lengths = lengths_of(split)
    if lengths is not None and int(lengths.min()) < int(lengths.max()):
        least, greatest = int(lengths.min()), int(lengths.max())
        return f"mixes sequences of equal length, and these have from {least} to {greatest} steps"
    return ""
