"""All changes of a batch: their draws by the host, and the changes by the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.augment import affine, erasing, mixing, operations, temporal, tones
from snntrain.data.augment.changes import changed
from snntrain.data.augment.settings import Augment
from snntrain.data.seeding import generator, numpy_generator


class Part(Enum):
    """A part of the draw of a batch, with a row for each sample."""

    MAPS = "affine maps, [N, 2, 3]"
    STORED = "random numbers of `draws`, [N, 20]"
    OPERATIONS = "number and amount of the operations, [N, count, 2]"
    FRAMES = "random numbers of the steps, [N, T]"
    ERASED = "rectangles and seeds of the noise, [N, 6]"
    MIXED = "part and rectangle of the partner, [N, 6]"


# Each of these draws has a generator of its own, so that no change alters the draws of another. The numbers are kept:
# others would change the draws of a run that is resumed.
USES = {Part.OPERATIONS: 1, Part.MIXED: 2, Part.ERASED: 3, Part.FRAMES: 4}

# Returns the draws of some samples.
DrawSome = Callable[[np.random.Generator, int], NDArray[Any]]


class Augmented:
    """The augmentation of the batches of a split.

    Args:
        augment: the settings; at least one change is made.
        sample: a stored sample: an image `[C, H, W]`, or a sequence `[T, C, H, W]` or `[T, units]`.
        scale: divides stored samples to give intensities.
        fill: value of each channel in an erased rectangle, `[C]`, on the device of the batches; None for noise.
    """

    def __init__(self, augment: Augment, sample: Tensor, scale: float, fill: Tensor | None) -> None:
        self.augment, self.scale, self.fill = augment, scale, fill
        # Units have one axis. Their changes do not read the size.
        self.size: tuple[int, int] = (1, 1) if sample.ndim == 2 else (sample.shape[-2], sample.shape[-1])
        self.steps = 1 if sample.ndim == 3 else len(sample)
        wanted = {
            Part.MAPS: augment.is_geometric or augment.has_policy,
            Part.STORED: augment.is_more,
            Part.OPERATIONS: augment.has_policy,
            Part.FRAMES: augment.frames > 0,
            Part.ERASED: augment.erase > 0,
            Part.MIXED: augment.mixes,
        }
        self.parts = tuple(part for part, is_wanted in wanted.items() if is_wanted)

    def draws(self, seed: int, epoch: int, sizes: Sequence[int]) -> list[Tensor]:
        """Return the draws of all batches of an epoch, joined in the order of `parts`; on the CPU.

        Args:
            seed, epoch: determine the draws, together with the index of the batch.
            sizes: samples of each batch.
        """
        augment, parts = self.augment, self.parts
        keys = [(seed, epoch, 1 + index) for index in range(len(sizes))]

        def drawn(part: Part, draw: DrawSome) -> Tensor:
            rngs = (numpy_generator(*key, USES[part]) for key in keys)
            return torch.from_numpy(np.concatenate([draw(rng, n) for rng, n in zip(rngs, sizes, strict=True)]))

        found: dict[Part, Tensor] = {}
        if augment.is_geometric or augment.is_more:
            u = torch.cat([augment.draw(n, generator(*key)) for key, n in zip(keys, sizes, strict=True)], dim=1)
            found[Part.STORED] = u.T.contiguous()
            if augment.is_geometric:
                found[Part.MAPS] = augment.maps(u, *self.size)
        if Part.OPERATIONS in parts:
            made = drawn(Part.OPERATIONS, self._operations).float()
            found[Part.OPERATIONS] = made
            found[Part.MAPS] = affine.with_operations(found.get(Part.MAPS), made, *self.size)
        if Part.FRAMES in parts:
            found[Part.FRAMES] = drawn(Part.FRAMES, lambda rng, n: rng.random((n, self.steps), np.float32))
        if Part.ERASED in parts:
            found[Part.ERASED] = drawn(Part.ERASED, lambda rng, n: erasing.draw(rng, n, self.size, augment.erase))
        if Part.MIXED in parts:
            mixed = drawn(Part.MIXED, self._mixed).float()
            # A recorded step keeps its shapes: a partner with the part 0 changes nothing.
            over = augment.mix_until is not None and epoch > augment.mix_until
            found[Part.MIXED] = torch.zeros_like(mixed) if over else mixed
        return [found[part] for part in parts]

    def _operations(self, rng: np.random.Generator, n: int) -> NDArray[Any]:
        augment = self.augment
        if augment.trivial_augment:
            return operations.trivial(rng, n)
        return operations.rand(
            rng,
            n,
            self.size,
            count=augment.rand_augment,
            magnitude=augment.rand_augment_magnitude,
            std=augment.rand_augment_std,
            probability=augment.rand_augment_probability,
        )

    def _mixed(self, rng: np.random.Generator, n: int) -> NDArray[Any]:
        augment = self.augment
        return mixing.draw(
            rng,
            n,
            self.size,
            mixup=augment.mixup,
            cutmix=augment.cutmix,
            switch=augment.mix_switch,
            probability=augment.mix_probability,
        )

    def make(
        self, stored: Tensor, lengths: Tensor | None, drawn: Mapping[Part, Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """Return changed samples, float32 with time first, and their lengths; they are not mixed yet.

        Args:
            stored: images `[N, C, H, W]`, or sequences `[N, T, C, H, W]` or `[N, T, units]`.
            lengths: valid steps of each sequence, int64 `[N]`; None if all are valid.
            drawn: the draws of these samples, on the device.
        """
        augment, scale = self.augment, self.scale
        if Part.FRAMES in drawn:
            stored, lengths = temporal.choose(stored, lengths, augment.frames, drawn[Part.FRAMES])
        if Part.OPERATIONS in drawn:
            stored, scale = tones.toned(tones.as_bytes(stored, scale), drawn[Part.OPERATIONS]), tones.GREATEST
        if Part.STORED in drawn:
            stored, lengths = changed(augment, stored, lengths, drawn[Part.STORED].T)
        x = intensities(stored, scale)
        if Part.MAPS in drawn:
            x = affine.resample(x, drawn[Part.MAPS])
        if Part.ERASED in drawn:
            x = erasing.erase(x, drawn[Part.ERASED], self.fill)
        return x, lengths


def intensities(stored: Tensor, scale: float) -> Tensor:
    """Return stored samples divided by `scale`, float32: images `[N, C, H, W]`, or sequences with time first."""
    # An image has no time dimension.
    steps_first = stored if stored.ndim == 4 else stored.transpose(0, 1).contiguous()
    # A product, because a GPU and a CPU round a division by a number differently.
    return steps_first.to(torch.float32).mul_(1 / scale)
