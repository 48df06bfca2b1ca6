"""A data set: three splits of images or of sequences, kept as bytes, and class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from snntrain.data.split import split_of_groups, stratified_split
from snntrain.errors import UserError


class Split(Protocol):
    """A part of a data set: bytes by index, and all labels at once.

    A split with sequences of different length pads them to the longest, and has another attribute, `lengths`, like
    `ImageTensors`.
    """

    @property
    def labels(self) -> Tensor:
        """Return the class of each image, int64 `[N]`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Tensor:
        """Return an image `[C, H, W]`, or a sequence `[T, C, H, W]` or `[T, units]`, uint8."""


@dataclass(frozen=True)
class ImageTensors:
    """A split in memory.

    Args:
        images: uint8 or float32 `[N, C, H, W]`, or sequences `[N, T, C, H, W]` or `[N, T, units]`.
        labels: int64 `[N]`.
        lengths: valid time steps of each sequence, int64 `[N]`, from 1 to T; None if all steps are valid.

    Raises:
        ValueError: wrong types, shapes or lengths.
    """

    images: Tensor
    labels: Tensor
    lengths: Tensor | None = None

    def __post_init__(self) -> None:
        if self.images.dtype not in (torch.uint8, torch.float32) or self.images.ndim not in (3, 4, 5):
            raise ValueError(
                "images must be uint8 or float32 [N, C, H, W], or sequences [N, T, C, H, W] or [N, T, units], "
                f"not {self.images.dtype} {list(self.images.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels must be int64 [{len(self.images)}], not {self.labels.dtype} {list(self.labels.shape)}"
            )
        if self.lengths is not None:
            self._check_lengths(self.lengths)

    def _check_lengths(self, lengths: Tensor) -> None:
        if self.images.ndim == 4:
            raise ValueError("only sequences [N, T, C, H, W] or [N, T, units] have lengths")
        steps = self.images.shape[1]
        if lengths.dtype != torch.int64 or lengths.shape != self.labels.shape:
            raise ValueError(f"lengths must be int64 [{len(self)}], not {lengths.dtype} {list(lengths.shape)}")
        if len(self) and not 1 <= int(lengths.min()) <= int(lengths.max()) <= steps:
            raise ValueError(f"lengths must lie between 1 and the {steps} steps of a sequence")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def is_sequence(sample: Tensor) -> bool:
    """Return whether a sample is a sequence, `[T, C, H, W]` or `[T, units]`, and not an image `[C, H, W]`."""
    return sample.ndim != 3


def lengths_of(split: Split) -> Tensor | None:
    """Return the lengths of the sequences of a split; None if all their steps are valid."""
    lengths: Tensor | None = getattr(split, "lengths", None)
    return lengths


@dataclass(frozen=True)
class Rows:
    """Some samples of a split, which are read when they are asked for.

    Args:
        split: the split.
        rows: their indices in it, int64 `[N]`.
    """

    split: Split
    rows: Tensor

    @property
    def labels(self) -> Tensor:
        """The class of each sample, int64 `[N]`."""
        return self.split.labels[self.rows]

    @property
    def lengths(self) -> Tensor | None:
        """The valid time steps of each sequence, int64 `[N]`; None if all are valid."""
        lengths = lengths_of(self.split)
        return None if lengths is None else lengths[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        return self.split[int(self.rows[index])]


def part_of(split: Split, rows: Tensor) -> Split:
    """Return the samples of a split with some indices: in memory if the split is in memory, else as `Rows` of it."""
    return some_of(split, rows) if isinstance(split, ImageTensors) else Rows(split, rows)


def some_of(split: Split, rows: Tensor | list[int]) -> ImageTensors:
    """Return the images of a split with some indices, in memory."""
    lengths = lengths_of(split)
    images = split.images[rows] if isinstance(split, ImageTensors) else torch.stack([split[int(row)] for row in rows])
    return ImageTensors(images, split.labels[rows], None if lengths is None else lengths[rows])


@dataclass(frozen=True)
class Data:
    """A data set ready for training.

    Args:
        name: name on the command line.
        train, validation, test: the splits.
        class_names: names of the classes, by label.
        scale: divides the stored bytes to give intensities in [0, 1].
        fit: the way in which a picture file is brought to the aspect ratio of the images: pad, crop or squash.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    scale: float = 255.0
    fit: str = "pad"

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of an image or of one step of a sequence; the number of units of a step."""
        sample = self.train[0]
        return tuple(sample.shape[1:] if is_sequence(sample) else sample.shape)

    @property
    def channels(self) -> int:
        """The number of channels; all units of a step together are one channel."""
        return self.shape[0] if len(self.shape) == 3 else 1

    @property
    def steps(self) -> int | None:
        """The time steps of a training sequence, with its padding; None if the samples are images."""
        sample = self.train[0]
        return len(sample) if is_sequence(sample) else None

    @property
    def padded(self) -> bool:
        """Whether sequences have different lengths, so that shorter ones end in padding."""
        return any(lengths_of(split) is not None for split in (self.train, self.validation, self.test))


def hold_out(
    name: str,
    train: Split,
    test: Split,
    class_names: tuple[str, ...],
    *,
    validation: float,
    split_seed: int,
    scale: float = 255.0,
    groups: Tensor | None = None,
) -> Data:
    """Return a data set that holds out a stratified, seeded share of the training samples for validation.

    Args:
        name: name on the command line.
        train, test: the splits.
        class_names: names of the classes, by label.
        validation: share of the training samples that is held out; of the groups, if there are groups.
        split_seed: seed of the choice.
        scale: divides the stored bytes to give intensities in [0, 1].
        groups: the speaker or the user of each training sample, int64 `[N]`: each is held out as a whole.

    Raises:
        UserError: with this share, a class has no samples on one of the sides, or there are too few groups.
    """
    try:
        if groups is None:
            kept, held = stratified_split(train.labels, validation, split_seed)
        else:
            kept, held = split_of_groups(groups, validation, split_seed)
    except ValueError as error:
        raise UserError(f"dataset.validation={validation} of dataset={name}: {error}") from error
    return Data(name, part_of(train, kept), part_of(train, held), test, class_names, scale)
