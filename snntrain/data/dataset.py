"""What a data set is: three splits of images (or sequences of images) kept as bytes, and class names."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from snntrain.data.split import stratified_split
from snntrain.errors import UserError


class Split(Protocol):
    """What a part of a data set offers: bytes by index, and all labels at once."""

    @property
    def labels(self) -> Tensor:
        """Class of each image, int64 `[N]`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Tensor:
        """An image `[C, H, W]` or a sequence `[T, C, H, W]`, uint8."""


@dataclass(frozen=True)
class ImageTensors:
    """A split that lies in memory.

    Args:
        images: uint8 `[N, C, H, W]`, or sequences `[N, T, C, H, W]`.
        labels: int64 `[N]`.

    Raises:
        ValueError: other types or shapes.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim not in (4, 5):
            raise ValueError(
                "images must be uint8 [N, C, H, W] or [N, T, C, H, W], "
                f"not {self.images.dtype} {list(self.images.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels must be int64 [{len(self.images)}], not {self.labels.dtype} {list(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


@dataclass(frozen=True)
class Data:
    """A data set ready for training.

    Args:
        name: what the command line calls it.
        train, validation, test: its splits.
        class_names: the name of each class, by label.
        scale: divides the stored bytes to give intensities in [0, 1].
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    scale: float = 255.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train[0].shape[-3:]
        return channels, height, width


def hold_out(
    name: str,
    train: ImageTensors,
    test: ImageTensors,
    class_names: tuple[str, ...],
    *,
    validation: float,
    split_seed: int,
    scale: float = 255.0,
) -> Data:
    """Data whose validation images are a stratified, seeded `validation` share of the training images.

    Raises:
        UserError: a share that leaves a class without images on one of the sides.
    """
    try:
        kept, held = stratified_split(train.labels, validation, split_seed)
    except ValueError as error:
        raise UserError(f"dataset.validation={validation} of dataset={name}: {error}") from error
    trained = ImageTensors(train.images[kept], train.labels[kept])
    validated = ImageTensors(train.images[held], train.labels[held])
    return Data(name, trained, validated, test, class_names, scale)
