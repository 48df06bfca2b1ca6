"""A batch: the input of a network, the true classes, and the length of each sequence."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from snntrain.data.share import Share


@dataclass(frozen=True)
class Batch:
    """A batch of images or sequences on one device.

    Args:
        x: intensities in [0, 1] or counts, float32: images `[N, C, H, W]`, or sequences `[T, N, C, H, W]` or
            `[T, N, units]`.
        labels: true classes, int64 `[N]`; of mixed samples, the class with the greater part.
        lengths: valid time steps of each sequence, int64 `[N]`, from 1 to T; the steps after them are padding. None if
            all steps are valid.
        share: the rows of the whole batch that these are; None if they are all of it.
        weights: weight of each sample in the loss, float32 `[N]`; None if all have weight 1.
        targets: probability of each class, float32 `[N, classes]`, if samples are mixed; None if they are not.
    """

    x: Tensor
    labels: Tensor
    lengths: Tensor | None = None
    share: Share | None = None
    weights: Tensor | None = None
    targets: Tensor | None = None

    @property
    def is_sequence(self) -> bool:
        """Whether the batch has a time dimension, which comes first."""
        return self.x.ndim != 4
