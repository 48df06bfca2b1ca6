"""The format of N-MNIST and N-Caltech101: 5 bytes per event, without a header."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snntrain.data.events.checks import AGAIN, checked
from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.readers.content import content

SIZE = 5
# An entry with this row is not an event: the 13 bits of the sensor's clock have overflowed, and all later times count
# from 2**13 µs later. ATIS has rows 0 to 239.
OVERFLOW_ROW, OVERFLOW = 240, 2**13


def read(path: Path, sensor: Sensor) -> Events:
    """Return the events of a recording of an ATIS sensor.

    An event is x, y, and 24 bits in big-endian order: bit 23 is the polarity, 1 for ON, bits 22 to 0 are the time in
    microseconds. Overflows of the clock are added and dropped, as in the script of the data set's authors and in
    tonic; SpikingJelly reads them as events of row 240, which neither data set has (34 and up to 180 rows). For a
    sensor with more than 240 rows, row 240 is a row like the others.

    Raises:
        BadRecording: the file cannot be read or ends within an event, an event lies outside the sensor, time runs
            backwards, or there are no events.

    Source: Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using saccades", 2015.
    """
    entries = content(path)
    count, rest = divmod(len(entries), SIZE)
    if rest:
        raise BadRecording(
            path, f"it ends within an event: {len(entries):,} bytes are not a multiple of {SIZE}; {AGAIN}", count * SIZE
        )
    # The last four bytes of each entry as one number: y, polarity and time.
    numbers = np.ndarray(count, ">u4", entries, 1, SIZE) if count else np.zeros(0, ">u4")
    packed = numbers.astype(np.uint32)
    x = np.frombuffer(entries, np.uint8)[::SIZE].astype(np.uint16)
    y = (packed >> 24).astype(np.uint16)
    t = (packed & (2**23 - 1)).astype(np.int64)
    p = ((packed >> 23) & 1).astype(np.uint8)
    overflows = y == OVERFLOW_ROW
    if sensor.height > OVERFLOW_ROW or not overflows.any():
        return checked(Events(x, y, t, p, path), sensor, lambda event: SIZE * event)
    t += OVERFLOW * np.cumsum(overflows)
    kept = np.flatnonzero(~overflows)
    return checked(Events(x[kept], y[kept], t[kept], p[kept], path), sensor, lambda event: SIZE * int(kept[event]))
