"""One sample of a data set as a picture, and as an animation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snntrain.inspect.pictures.animation import gif
from snntrain.inspect.pictures.frames import frames
from snntrain.inspect.pictures.over_time import over_time
from snntrain.inspect.pictures.sample import Sample, stored_sample
from snntrain.inspect.plotter import pixels
from snntrain.inspect.png import as_png

if TYPE_CHECKING:
    # The process that draws the pictures of a run imports no torch.
    from torch import Tensor

# A picture has these dots per inch, or more if its frames have many pixels.
DPI, HIGHEST_DPI = 220, 440
MOST_FRAMES, FINEST = 20, 256
# The height of units over time, in inches.
UNITS_HEIGHT = 2.2
# The largest number of steps of an animation.
MOST_STEPS = 100


def picture(
    sample: Tensor | NDArray[np.uint8], title: str, *, scale: float = 255.0, length: int | None = None
) -> bytes:
    """Return a sample as the network gets it, before the encoder, as a PNG file.

    Counts of events have OFF in vermilion, ON in blue, both in black, and white for no event. Of a sequence of frames,
    up to 20 are shown, spread evenly; sequences of events also have their x-t and y-t views. Units are shown over time.

    Args:
        sample: uint8: counts of events `[T, 2, H, W]` (OFF, ON) or `[T, units]`, or images `[T, C, H, W]` or
            `[C, H, W]`.
        title: the title.
        scale: divides the bytes to give intensities in [0, 1], see `Data.scale`; with 1, the bytes are counts.
        length: valid time steps, which are shown; the others are padding. None if all are valid.

    Raises:
        ValueError: a sample of another type or shape, or a length that it does not have.
    """
    shown = stored_sample(np.asarray(sample), scale, length)
    return as_png(_stacked(shown, title), dpi=_dpi(shown))


def animation(
    sample: Tensor | NDArray[np.uint8], title: str = "", *, scale: float = 255.0, length: int | None = None
) -> bytes:
    """Return a sample as the network gets it, step by step, as an animated GIF file.

    Up to 100 steps are shown, spread evenly. An image is a GIF with one frame.

    Args:
        sample: as in `picture`.
        title: the line below the picture.
        scale: as in `picture`.
        length: as in `picture`; padding is left out.

    Raises:
        ValueError: as `picture`.
    """
    return gif(stored_sample(np.asarray(sample), scale, length), title, MOST_STEPS)


def _stacked(sample: Sample, title: str) -> NDArray[np.uint8]:
    """Draw the frames above the views over time, as pixels `[height, width, 4]`."""
    if not sample.framed:
        return pixels(over_time([sample], [title], UNITS_HEIGHT), _dpi(sample))
    figures = [frames([sample], [title], most=MOST_FRAMES, finest=FINEST)]
    if sample.counts and sample.T > 1:
        figures.append(over_time([sample], [title]))
    return np.concatenate([pixels(figure, _dpi(sample)) for figure in figures])


def _dpi(sample: Sample) -> int:
    """Return dots per inch at which a frame of up to `FINEST` pixels has about a dot per pixel."""
    if not sample.framed:
        return DPI
    return int(np.clip(max(sample.values.shape[2:]) * 1.4, DPI, HIGHEST_DPI))
