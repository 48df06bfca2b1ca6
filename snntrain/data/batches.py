"""Batches on the training device: a pure function of (seed, epoch, batch index), wherever the images lie."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from snntrain.data.augment import Augment
from snntrain.data.dataset import ImageTensors, Split
from snntrain.data.workers import Workers, stack


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
        resident: hold the whole split on the device, as bytes; else read them batch by batch.
        workers: processes that read ahead where it is not resident, 0 to read in this one.
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

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels of one epoch, on the device, from batch `start` on; those before it are not even read.

        Images are float32 `[N, C, H, W]` in [0, 1], sequences `[T, N, C, H, W]`, labels int64 `[N]`.

        Raises:
            ValueError: `start` outside 0 to `len(self)`; the latter gives no batch.
        """
        if not 0 <= start <= len(self):
            raise ValueError(f"start must lie between 0 and the {len(self)} batches of an epoch, not {start}")
        return self._from(epoch, start)

    def _from(self, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        rows = self._order(epoch).split(self.batch_size)[start : len(self)]
        for index, (stored, labels) in enumerate(self._source.read(rows), start):
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
            split = ImageTensors(stack(split, range(len(split))), split.labels)
        self.images, self.labels = split.images.to(device), split.labels.to(device)

    def read(self, batches: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """The stored images and labels of each batch of rows."""
        for rows in _on(self.images.device, batches):
            yield self.images[rows], self.labels[rows]


class _Streamed:
    """Images read when they are wanted, or by worker processes a few batches ahead."""

    def __init__(self, split: Split, device: torch.device, workers: int) -> None:
        self.split, self.device = split, device
        self.workers = Workers(split, workers) if workers else None

    def read(self, batches: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """The stored images and labels of each batch of rows."""
        labels = _on(self.device, [self.split.labels[rows] for rows in batches])
        indices = [rows.tolist() for rows in batches]
        by_this_process = (stack(self.split, rows) for rows in indices)
        images = by_this_process if self.workers is None else self.workers.read(indices)
        for stored, classes in zip(images, labels, strict=True):
            # From pinned memory a GPU takes the images while it computes.
            pinned = stored.pin_memory() if self.device.type == "cuda" else stored
            yield pinned.to(self.device, non_blocking=True), classes


def _on(device: torch.device, parts: Sequence[Tensor]) -> Sequence[Tensor]:
    """The parts on the device, by one copy of all of them, so that no batch waits for its own."""
    return torch.cat(list(parts)).to(device).split([len(part) for part in parts]) if parts else ()


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
