"""A small picture of one sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snntrain.inspect.pictures.input_colours import IntensityColours, colours_of
from snntrain.inspect.pictures.sample import pooled, samples_of
from snntrain.inspect.recording import Probes

# The largest number of rows and columns of units over time.
SIDE = 92


def thumbnail(probes: Probes, number: int) -> NDArray[np.uint8]:
    """Return pixels `[H, W, RGB]` of a sample.

    An image, or the mean of images over time, has its colours, or the mean of its channels in grey. Frames of events
    are added over time, with the colours of OFF and ON. Units are shown over time, the first one at the bottom.
    """
    if probes.sequences is None:
        return IntensityColours().pixels(probes.images[number])
    sample = samples_of(probes)[number]
    if not sample.framed:
        steps, units = sample.values.shape
        values = pooled(sample.values.T[None], -(-units // SIDE), -(-steps // SIDE))[:, ::-1]
    elif sample.counts:
        values = sample.values.sum(0)
    else:
        return IntensityColours().pixels(probes.images[number])
    return colours_of(sample, [values], sums=sample.framed).pixels(values)
