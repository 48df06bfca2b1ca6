"""Batches on the training device: a pure function of seed, epoch and batch index, wherever the images are stored."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from snntrain.data.augment import Augment, mixing
from snntrain.data.augment.augmented import Augmented, Part, intensities
from snntrain.data.augment.fit import check_fit
from snntrain.data.balance import balanced_order
from snntrain.data.batch import Batch
from snntrain.data.dataset import ImageTensors, Rows, Split, lengths_of
from snntrain.data.seeding import generator
from snntrain.data.share import Share
from snntrain.data.workers import Workers, stack
from snntrain.process import memory

# A split that is not in memory is moved to the device in parts of about this size.
BYTES_AT_A_TIME = 64 * 2**20
# A split that takes less than this share of the free memory is held in it.
SHARE_OF_MEMORY = 0.3
# The data from which the device makes a batch: tensors with the same shapes for every batch of one size.
Draw = tuple[Tensor, ...]


class Batches:
    """The batches of a split, epoch by epoch; the last one may be smaller.

    The host draws a batch, and the device makes the batch from its draw: a recorded training step contains the second
    part. `epoch` does both. Several processes draw the same batches, and each takes its share of the rows.

    Args:
        split: images or sequences, stored as bytes.
        batch_size: images per batch.
        scale: divides the stored bytes to give intensities in [0, 1].
        device: device of the batches.
        seed: determines order and augmentation, together with the epoch and the batch index.
        shuffle: whether each epoch has a new random order; otherwise the order of the split is kept.
        augment: random changes of the samples, on the device; None for none.
        balanced: whether an epoch draws each class equally often, with replacement; only with `shuffle`.
        class_weights: weight of each class in the loss, float32 `[classes]`; None for no weights.
        classes: number of classes, for the labels of mixed samples.
        mean: mean intensity of each channel, for erased rectangles; None for 0.
        resident: whether the whole split is held on the device, as bytes; otherwise it is read batch by batch.
        workers: number of processes that read ahead if the split is not resident; 0 to read in this process.
        limit: maximum number of batches per epoch; None for all.
        rank, size: this process and the number of processes that share each batch.

    Raises:
        ValueError: an empty split, a batch size or a limit below 1, or changes that the samples cannot have; or samples
            are mixed, and `classes` is missing.
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
        balanced: bool = False,
        class_weights: Tensor | None = None,
        classes: int | None = None,
        mean: Sequence[float] | None = None,
        resident: bool = True,
        workers: int = 0,
        limit: int | None = None,
        rank: int = 0,
        size: int = 1,
    ) -> None:
        if not len(split) or batch_size < 1 or (limit is not None and limit < 1):
            raise ValueError(
                f"batches need images, a batch size and a limit of at least 1, "
                f"not {len(split)} images, batch_size={batch_size}, limit={limit}"
            )
        self.batch_size, self.seed, self.shuffle, self.limit = batch_size, seed, shuffle, limit
        self.scale = scale
        self.rank, self.size = rank, size
        self.device = torch.device(device)
        self.augment = None if augment is None or augment.is_identity else augment
        self._images = len(split)
        self._labels = split.labels if balanced else None
        self._class_weights = None if class_weights is None else class_weights.to(self.device)
        self._augmented = None
        if self.augment is not None:
            check_fit(self.augment, split, scale)
            if self.augment.mixes and classes is None:
                raise ValueError("samples can only be mixed if the number of classes is given")
            fill = None if self.augment.erase_with == "noise" else self._fill(split[0], mean)
            self._augmented = Augmented(self.augment, split[0], scale, fill)
        self._classes = classes or 0
        self._source = _Resident(split, self.device) if resident else _Streamed(split, self.device, workers)

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        count = -(-self._images // self.batch_size)
        return count if self.limit is None else min(count, self.limit)

    def share(self, index: int) -> Share | None:
        """Return the rows of batch `index` that this process has; None if it is the only process."""
        if self.size == 1:
            return None
        rows = min(self.batch_size, self._images - index * self.batch_size)
        return Share.of(rows, self.rank, self.size)

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Batch]:
        """Return the batches of one epoch, from batch `start` on; earlier batches are not read.

        Raises:
            ValueError: `start` outside 0 to `len(self)`; the latter gives no batch.
        """
        draws = self.draws(epoch, start)
        return (self.make(draw, self.share(index)) for index, draw in enumerate(draws, start))

    def draws(self, epoch: int = 0, start: int = 0) -> Iterator[Draw]:
        """Return the draws of the batches of one epoch, from batch `start` on.

        Raises:
            ValueError: as `epoch`.
        """
        if not 0 <= start <= len(self):
            raise ValueError(f"start must lie between 0 and the {len(self)} batches of an epoch, not {start}")
        return self._draws(epoch, start)

    def make(self, draw: Draw, share: Share | None = None) -> Batch:
        """Make the batch of a draw, with operations of the device that never wait for it.

        Args:
            draw: from `draws`.
            share: the share of the batch; the batch keeps it.
        """
        parts = () if self._augmented is None else self._augmented.parts
        own = len(draw) - len(parts)
        stored, labels, *lengths = self._source.make(*draw[:own])
        (length,) = lengths or (None,)
        drawn = dict(zip(parts, draw[own:], strict=True))
        if self._augmented is None:
            x = intensities(stored, self.scale)
        else:
            x, length = self._augmented.make(stored, length, drawn)
        if Part.MIXED in drawn:
            return self._mixed(x, labels, length, share, drawn[Part.MIXED])
        return Batch(x, labels, length, share, self._weights(labels))

    def _mixed(self, x: Tensor, labels: Tensor, lengths: Tensor | None, share: Share | None, drawn: Tensor) -> Batch:
        """Return the batch in which each sample is mixed with its partner.

        If several processes share a batch, each has its own rows first, then their partners.
        """
        assert self.augment is not None
        own, rows = len(drawn), 0 if x.ndim == 4 else 1
        if share is None:
            partners, of_partners = x.flip(rows), labels.flip(0)
        else:
            x, partners = x.split(own, rows) if own else (x, x)
            labels, of_partners = labels.split(own) if own else (labels, labels)
        part = drawn[:, 0]
        weights, of_others = self._weights(labels), self._weights(of_partners)
        return Batch(
            mixing.mix(x, partners, drawn, cuts=self.augment.cutmix > 0),
            torch.where(part > 0.5, of_partners, labels),
            None if lengths is None else lengths[:own],
            share,
            None if weights is None or of_others is None else weights + (of_others - weights) * part,
            mixing.targets(labels, of_partners, part, self._classes),
        )

    def _weights(self, labels: Tensor) -> Tensor | None:
        return None if self._class_weights is None else self._class_weights[labels]

    def _fill(self, sample: Tensor, mean: Sequence[float] | None) -> Tensor:
        """Return the values of erased rectangles in each channel."""
        channels = 1 if sample.ndim == 2 else sample.shape[-3]
        is_zero = mean is None or self.augment is None or self.augment.erase_with == "zero"
        return torch.tensor([0.0] * channels if is_zero else list(mean or ()), device=self.device)

    def _draws(self, epoch: int, start: int) -> Iterator[Draw]:
        whole = self._order(epoch).split(self.batch_size)[: len(self)]
        if not whole[start:]:
            return
        rows = [self._read(part) for part in whole[start:]]
        if self._augmented is None:
            yield from self._source.draws(rows)
            return
        changes = self._changes(self._augmented, epoch, [len(part) for part in whole])
        for drawn, of_batch in zip(self._source.draws(rows), changes[start:], strict=True):
            yield *drawn, *of_batch

    def _own(self, of_batch: Tensor) -> Tensor:
        """Return the rows of this process."""
        share = Share.of(len(of_batch), self.rank, self.size)
        return of_batch[share.start : share.stop]

    def _read(self, of_batch: Tensor) -> Tensor:
        """Return the rows that this process makes: its own, then their partners if they are mixed."""
        if self.size == 1 or self.augment is None or not self.augment.mixes:
            return self._own(of_batch)
        return torch.cat([self._own(of_batch), self._own(of_batch.flip(0))])

    def _order(self, epoch: int) -> Tensor:
        if not self.shuffle:
            return torch.arange(self._images)
        if self._labels is not None:
            return balanced_order(self._labels, generator(self.seed, epoch, 0))
        return torch.randperm(self._images, generator=generator(self.seed, epoch, 0))

    def _changes(self, augmented: Augmented, epoch: int, sizes: list[int]) -> Sequence[Draw]:
        """Return the draws of the augmentation for each batch of an epoch, copied to the device at once."""
        drawn = (_to(self.device, each).split(sizes) for each in augmented.draws(self.seed, epoch, sizes))
        # A partner is changed as in its own row; how it is mixed there does not matter.
        taken = (
            [self._own(each) if part is Part.MIXED else self._read(each) for each in of_batches]
            for part, of_batches in zip(augmented.parts, drawn, strict=True)
        )
        return list(zip(*taken, strict=True))


class _Resident:
    """The whole split as tensors on the device; a draw is the rows of a batch."""

    def __init__(self, split: Split, device: torch.device) -> None:
        images = split.images.to(device) if isinstance(split, ImageTensors) else _loaded(split, device)
        self.tensors = [images, *(part.to(device) for part in _targets(split))]

    def draws(self, batches: Sequence[Tensor]) -> Iterator[Draw]:
        return ((rows,) for rows in _each_on(self.tensors[0].device, batches))

    def make(self, rows: Tensor) -> Draw:
        return tuple(tensor[rows] for tensor in self.tensors)


class _Streamed:
    """Images read on demand, or by worker processes some batches ahead; a draw is their bytes, labels and lengths."""

    def __init__(self, split: Split, device: torch.device, workers: int) -> None:
        self.split, self.device = split, device
        self.workers = Workers(split, workers) if workers else None

    def draws(self, batches: Sequence[Tensor]) -> Iterator[Draw]:
        targets = [_each_on(self.device, [part[rows] for rows in batches]) for part in _targets(self.split)]
        indices = [rows.tolist() for rows in batches]
        by_this_process = (stack(self.split, rows) for rows in indices)
        images = by_this_process if self.workers is None else self.workers.read(indices)
        return ((_to(self.device, stored), *own) for stored, *own in zip(images, *targets, strict=True))

    def make(self, *drawn: Tensor) -> Draw:
        return drawn


def _loaded(split: Split, device: torch.device) -> Tensor:
    """Return all samples of a split on the device; this process never has a second copy of them all."""
    first = split[0]
    samples = torch.empty((len(split), *first.shape), dtype=first.dtype, device=device)
    at_a_time = max(1, BYTES_AT_A_TIME // max(1, first.nbytes))
    for start in range(0, len(split), at_a_time):
        rows = range(start, min(start + at_a_time, len(split)))
        samples[start : rows.stop] = stack(split, rows).to(device)
    return samples


def _targets(split: Split) -> list[Tensor]:
    """Return the labels, and the lengths of the sequences if the split has lengths."""
    lengths = lengths_of(split)
    return [split.labels] if lengths is None else [split.labels, lengths]


def _each_on(device: torch.device, parts: Sequence[Tensor]) -> Sequence[Tensor]:
    """Move the parts to the device in a single copy, so that no batch waits for its own."""
    moved: Sequence[Tensor] = _to(device, torch.cat(list(parts))).split([len(part) for part in parts])
    return moved


def _to(device: torch.device, values: Tensor) -> Tensor:
    """Move values to the device; a GPU copies from pinned memory during its computation."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def fits(split: Split, device: torch.device | str, share: float = SHARE_OF_MEMORY) -> bool:
    """Return whether `Batches(resident=True)` is safe: the split takes less than `share` of the free memory.

    On a CPU a split that is in memory needs no additional memory. A split outside memory is held in it only if its
    size is known without reading it: it has an attribute `nbytes`, or is a part of such a split.
    """
    device = torch.device(device)
    if isinstance(split, ImageTensors):
        return device.type != "cuda" or split.images.nbytes < share * _free(device)
    whole = split
    while isinstance(whole, Rows):
        whole = whole.split
    # With its padding.
    return hasattr(whole, "nbytes") and len(split) > 0 and len(split) * split[0].nbytes < share * _free(device)


def _free(device: torch.device) -> int:
    """Return the bytes of free memory of a device."""
    if device.type != "cuda":
        return memory.available()
    free, _ = torch.cuda.mem_get_info(device)
    return free
