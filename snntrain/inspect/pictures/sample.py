"""The input of a network for one sample: frames of events or images, or units over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snntrain.inspect.recording import Probes

# Stored counts end here: a pixel with more events has this count.
FULL = 255


@dataclass(frozen=True)
class Sample:
    """The valid time steps of one sample, before the encoder.

    Args:
        values: frames `[T, C, H, W]`, or units over time `[T, units]`.
        counts: whether the values are counts of events; otherwise they are intensities in [0, 1].
    """

    values: NDArray[np.float32]
    counts: bool

    @property
    def T(self) -> int:
        """The number of time steps."""
        return len(self.values)

    @property
    def framed(self) -> bool:
        """Whether each step is a frame, and not a row of units."""
        return self.values.ndim == 4

    @property
    def polarities(self) -> int:
        """The number of counts of a pixel: 2 for OFF and ON, else 1."""
        return 2 if self.framed and self.values.shape[1] == 2 else 1

    def events(self, step: int) -> str:
        """Return the number of events of a step in words; it has a + if a count is full."""
        of_step = self.values[step]
        return f"{of_step.sum(dtype=np.float64):,.0f}{'+' if (of_step >= FULL).any() else ''}"

    def columns(self) -> NDArray[np.float32]:
        """Return the x-t view `[C, W, T]`: each column's sum of events, or mean intensity, at each step."""
        return self._projected(2).transpose(1, 2, 0)

    def rows(self) -> NDArray[np.float32]:
        """Return the y-t view `[C, H, T]`: each row's sum of events, or mean intensity, at each step."""
        return self._projected(3).transpose(1, 2, 0)

    def _projected(self, axis: int) -> NDArray[np.float32]:
        projected: NDArray[np.float32] = self.values.sum(axis) if self.counts else self.values.mean(axis)
        return projected


def are_counts(shape: Sequence[int], scale: float) -> bool:
    """Return whether the bytes of a sample are counts of events.

    Args:
        shape: of the sample: `[C, H, W]`, `[T, C, H, W]` or `[T, units]`.
        scale: divides the bytes to give intensities in [0, 1]; counts are not divided, and have 1.
    """
    return scale == 1 or len(shape) == 2 or shape[-3] == 2


def stored_sample(stored: NDArray[np.uint8], scale: float = 255.0, length: int | None = None) -> Sample:
    """Return a sample as a data set stores it.

    Args:
        stored: `[C, H, W]`, `[T, C, H, W]` or `[T, units]`.
        scale: divides the bytes to give intensities in [0, 1]; two channels, and units, are always counts.
        length: valid time steps; None for all.

    Raises:
        ValueError: another type or shape, no step, no pixel, or a length that the sample does not have.
    """
    if stored.dtype != np.uint8 or stored.ndim not in (2, 3, 4) or not stored.size:
        raise ValueError(
            f"a sample must be uint8 [C, H, W], [T, C, H, W] or [T, units], not {stored.dtype} {list(stored.shape)}"
        )
    steps = stored[None] if stored.ndim == 3 else stored
    if length is not None and not 1 <= length <= len(steps):
        raise ValueError(f"the length must lie between 1 and the {len(steps)} steps of the sample, not {length}")
    counts = are_counts(stored.shape, scale)
    values = steps[:length].astype(np.float32)
    return Sample(values if counts else values / np.float32(scale), counts)


def samples_of(probes: Probes) -> list[Sample]:
    """Return the sequences of probes, each without its padding.

    Raises:
        ValueError: the probes are images.
    """
    if probes.sequences is None:
        raise ValueError("images are not sequences")
    T, _, *shape = probes.sequences.shape
    counts = are_counts((T, *shape), probes.scale)
    # Counts in steps of 1: they may have been divided by the scale.
    values = (probes.sequences * np.float32(probes.scale)).round() if counts else probes.sequences
    lengths = [T] * values.shape[1] if probes.lengths is None else probes.lengths
    return [Sample(values[:length, number], counts) for number, length in enumerate(lengths)]


def pooled(values: NDArray[np.float32], height: int, width: int, *, mean: bool = False) -> NDArray[np.float32]:
    """Return sums, or means, over blocks of `height` x `width` of the last two axes; the last block may be smaller."""
    if height == width == 1:
        return values
    rows, columns = (np.arange(0, size, step) for size, step in zip(values.shape[-2:], (height, width), strict=True))
    sums: NDArray[np.float32] = np.add.reduceat(np.add.reduceat(values, rows, axis=-2), columns, axis=-1)
    if not mean:
        return sums
    heights, widths = (
        np.diff(np.append(starts, size)) for starts, size in zip((rows, columns), values.shape[-2:], strict=True)
    )
    means: NDArray[np.float32] = (sums / np.outer(heights, widths)).astype(np.float32)
    return means
