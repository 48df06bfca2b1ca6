"""The colours of a network's input: counts of events, and intensities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from numpy.typing import NDArray

from snntrain.inspect.pictures.panels import COLOURS, Scale
from snntrain.inspect.pictures.sample import FULL, Sample

# White is no event. More events of one polarity give more of its colour, and events of both polarities are dark.
OFF, ON, BOTH = COLOURS[1], COLOURS[0], "#000000"
SATURATED = COLOURS[3]
# One polarity, or units without polarity.
SINGLE = "#000000"
# A single event has at least this share of the full colour: it must not vanish beside pixels with many. Less is enough
# if a value is a sum over many pixels: single events are mostly noise there.
LEAST, LEAST_OF_SUMS = 0.3, 0.06
# A few pixels with very many events must not make all others pale.
PERCENTILE = 99.0


@dataclass(frozen=True)
class CountColours:
    """Colours of counts, on one scale for all frames of a picture.

    Args:
        most: the count with the full colour.
        more: whether there are larger counts.
        polarities: 2 for OFF and ON, else 1.
        least: the share of the full colour that a single event has at least.
        levels: the number of shades of a colour; None for all.
    """

    most: float
    more: bool
    polarities: int
    least: float = LEAST
    levels: int | None = None

    def pixels(self, counts: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the colours `[H, W, RGB]` of counts `[C, H, W]`; without polarities, of the sum over C."""
        channels = counts if self.polarities == 2 else counts.sum(0, keepdims=True)
        shares = np.minimum(channels / self.most, 1)
        if self.levels is not None:
            shares = np.ceil(shares * self.levels) / self.levels
        depths = np.where(channels > 0, self.least + (1 - self.least) * shares, 0)
        inks = np.array([to_rgb(ink) for ink in ((OFF, ON) if self.polarities == 2 else (SINGLE,))])
        light = 1 - np.einsum("chw,cr->hwr", depths, 1 - inks)
        pixels: NDArray[np.uint8] = (255 * light.clip(0, 1)).round().astype(np.uint8)
        return pixels

    @property
    def colours(self) -> Colormap:
        """The colours of a bar from `scale.low` to `scale.high`."""
        counts = np.linspace(self.scale("").low, self.most, 256)[None]
        # A mark for no event, which has no width on a scale.
        counts[np.abs(counts) < self.most / 100] = 0
        channels = np.stack([-counts, counts]).clip(0) if self.polarities == 2 else counts[None]
        return ListedColormap(self.pixels(channels.astype(np.float32))[0] / 255)

    def scale(self, label: str) -> Scale:
        """Return the scale of the bar."""
        end = f"{'≥ ' if self.more else ''}{self.most:,g}"
        if self.polarities == 1:
            return Scale(label, 0, self.most, {0: "0", self.most: end})
        return Scale(label, -self.most, self.most, {-self.most: f"OFF {end}", 0: "0", self.most: f"ON {end}"})


@dataclass(frozen=True)
class IntensityColours:
    """Colours of intensities: grey, or the colours of three channels.

    Args:
        most: the intensity of white.
    """

    most: float = 1.0

    def pixels(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the colours `[H, W, RGB]` of intensities `[C, H, W]`; without three channels, their mean in grey."""
        colour = values if len(values) == 3 else np.repeat(values.mean(0, keepdims=True), 3, axis=0)
        pixels: NDArray[np.uint8] = (255 * (colour / self.most).clip(0, 1)).round().astype(np.uint8)
        return pixels.transpose(1, 2, 0)

    @property
    def colours(self) -> Colormap:
        """The colours of a bar from `scale.low` to `scale.high`."""
        return matplotlib.colormaps["gray"]

    def scale(self, label: str) -> Scale:
        """Return the scale of the bar."""
        return Scale(label, 0, self.most, {0: "0", self.most: f"{self.most:.3g}"})


InputColours = CountColours | IntensityColours


def colours_of(
    sample: Sample, shown: Iterable[NDArray[np.float32]], *, levels: int | None = None, sums: bool = False
) -> InputColours:
    """Return the colours for everything shown of some samples.

    Args:
        sample: one of the samples; all are of one kind.
        shown: the values that are drawn.
        levels: see `CountColours`.
        sums: whether a value is the sum, or the mean, of many pixels. The largest mean is white; else intensity 1 is.
    """
    values = np.concatenate([np.ravel(part) for part in shown])
    if not sample.counts:
        largest = float(values.max(initial=0))
        return IntensityColours((largest or 1.0) if sums else max(1.0, largest))
    positive = values[values > 0]
    most = float(np.ceil(np.percentile(positive, PERCENTILE))) if positive.size else 1.0
    return CountColours(most, bool((values > most).any()), sample.polarities, LEAST_OF_SUMS if sums else LEAST, levels)


def mark_full(pixels: NDArray[np.uint8], full: NDArray[np.bool_]) -> None:
    """Give the pixels `[H, W, RGB]` with a full count a colour of their own."""
    pixels[full] = np.round(255 * np.array(to_rgb(SATURATED))).astype(np.uint8)


def is_full(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which counts `[C, H, W]` are full in any channel: `[H, W]`."""
    return np.asarray((values >= FULL).any(0))
