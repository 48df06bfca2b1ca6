"""Batches on the training device: a pure function of (seed, epoch, batch index), wherever the images lie."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from snntrain.data.augment import Augment
from snntrain.data.dataset import ImageTensors, Split


class Batches:
    """The batches of a split, epoch by epoch; the last one may be smaller.

    Args:
        split: images or sequences, stored as bytes.
        batch_size: images a batch.
        scale: divides the stored bytes to give intensities in [0, 1].
        device: where the batches are wanted.
        seed: with the epoch and the batch index it determines order and augmentation.
        shuffle: a new random order each epoch; else the order of the split.
        augment: random changes of the images, made on the device; None for none.
        resident: hold the whole split on the device, as bytes; else stream it through a DataLoader.
        workers: processes of that DataLoader, 0 to read in this one.
        limit: batches an epoch at most; None for all.

    Raises:
        ValueError: an empty split, a batch size or a limit below 1.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        scale: float,
        device: torch.device | str,
        seed: int = 0,
        shuffle: bool = False,
        augment: Augment | None = None,
        resident: bool = True,
        workers: int = 0,
        limit: int | None = None,
    ) -> None:
        if not len(split) or batch_size < 1 or (limit is not None and limit < 1):
            raise ValueError(
                f"batches need images, a batch size and a limit of at least 1, "
                f"not {len(split)} images, batch_size={batch_size}, limit={limit}"
            )
        self.batch_size, self.seed, self.shuffle, self.limit = batch_size, seed, shuffle, limit
        self.scale = scale
        self.device = torch.device(device)
        self.augment = None if augment is None or augment.is_identity else augment
        self._size = len(split)
        self._source = _Resident(split, self.device) if resident else _Streamed(split, self.device, workers)

    def __len__(self) -> int:
        """Batches an epoch."""
        count = -(-self._size // self.batch_size)
        return count if self.limit is None else min(count, self.limit)

    def epoch(self, epoch: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels of one epoch, on the device.

        Images are float32 `[N, C, H, W]` in [0, 1], sequences `[T, N, C, H, W]`, labels int64 `[N]`.
        """
        order = self._order(epoch)[: len(self) * self.batch_size]
        for index, (stored, labels) in enumerate(self._source.read(order, self.batch_size)):
            yield self._intensities(stored, epoch, index), labels

    def _order(self, epoch: int) -> Tensor:
        if not self.shuffle:
            return torch.arange(self._size)
        return torch.randperm(self._size, generator=_generator(self.seed, epoch, 0))

    def _intensities(self, stored: Tensor, epoch: int, index: int) -> Tensor:
        steps_first = stored.transpose(0, 1).contiguous() if stored.ndim == 5 else stored
        # A product, because a GPU divides by a number in another rounding than a CPU does.
        x = steps_first.to(torch.float32).mul_(1 / self.scale)
        return x if self.augment is None else self.augment(x, _generator(self.seed, epoch, 1 + index))


class _Resident:
    """The whole split as one tensor on the device."""

    def __init__(self, split: Split, device: torch.device) -> None:
        if not isinstance(split, ImageTensors):
            split = ImageTensors(torch.stack([split[i] for i in range(len(split))]), split.labels)
        self.images, self.labels = split.images.to(device), split.labels.to(device)

    def read(self, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The stored images and labels of the rows `order`, a batch at a time."""
        # One copy of all row numbers, so that no batch waits for its own.
        for rows in order.to(self.images.device).split(batch_size):
            yield self.images[rows], self.labels[rows]


class _Streamed:
    """Images read by the workers of a DataLoader, a few batches ahead."""

    def __init__(self, split: Split, device: torch.device, workers: int) -> None:
        self.labels, self.device = split.labels, device
        self._plan: list[list[int]] = []
        self._loader: DataLoader[Tensor] = DataLoader(
            cast(Dataset[Tensor], split),
            batch_sampler=self._plan,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
            # A generator of its own: the DataLoader must not draw from the one that dropout uses.
            generator=torch.Generator(),
        )

    def read(self, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The stored images and labels of the rows `order`, a batch at a time."""
        self._plan[:] = [rows.tolist() for rows in order.split(batch_size)]
        # One copy of all labels, so that no batch waits for its own.
        labels = self.labels[order].to(self.device).split(batch_size)
        for stored, classes in zip(self._loader, labels, strict=True):
            yield stored.to(self.device, non_blocking=True), classes


def fits(split: Split, device: torch.device | str, share: float = 0.3) -> bool:
    """Whether `Batches(resident=True)` is safe: a split in memory that takes less than `share` of the free.

    On the CPU such a split is held already and costs nothing more.
    """
    if not isinstance(split, ImageTensors):
        return False
    device = torch.device(device)
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return split.images.nbytes < share * free


def _generator(*key: int) -> torch.Generator:
    """A CPU generator seeded by all numbers of `key` together."""
    (state,) = np.random.SeedSequence(key).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state))
