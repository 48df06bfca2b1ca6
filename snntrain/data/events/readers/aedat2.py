"""AEDAT 2.0, the format of jAER: a header, then 8 bytes per event. The recordings of CIFAR10-DVS have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.checks import AGAIN, checked
from snntrain.data.events.events import DVS128, BadRecording, Events, Sensor
from snntrain.data.events.readers.aedat_header import header_of
from snntrain.data.events.readers.content import content
from snntrain.errors import UserError

SIZE = 8
# Set in the address of an event that is not of a pixel, as of the synchronisation input.
EXTERNAL = 1 << 15
# Longest time without an event across the overflow of the clock; a longer one is a clock that was set back.
LONGEST_PAUSE = 2**26

Bits = NDArray[Any]
# Column, row and polarity from A (bits 1 to 7 of the address), B (bits 8 to 14) and bit 0.
ORIENTATIONS: dict[str, Callable[[Bits, Bits, Bits], tuple[Bits, Bits, Bits]]] = {
    "spikingjelly": lambda a, b, bit: (127 - b, 127 - a, 1 - bit),
    "jaer": lambda a, b, bit: (127 - a, b, 1 - bit),
    "tonic": lambda a, b, bit: (b, a, bit),
}


def read(path: Path, orientation: str = "spikingjelly", sensor: Sensor = DVS128) -> Events:
    """Return the events of a recording of a DVS128.

    An event is an address and a time in microseconds, both big-endian uint32. The clock may overflow.

    Args:
        path: the file.
        orientation: which of the two coordinates is the column, in which directions both count, and which value of
            the polarity bit is ON: spikingjelly, jaer or tonic.
        sensor: rows and columns; all events must lie on them.

    Raises:
        UserError: there is no such orientation.
        BadRecording: the file cannot be read or is not AEDAT 2.0, it ends within an event, an address is not one of a
            DVS128, time runs backwards, or there are no events.

    Source: iniVation, "AEDAT 2.0" (file formats).
    """
    if orientation not in ORIENTATIONS:
        raise UserError(f"dataset.orientation={orientation}: must be one of {', '.join(ORIENTATIONS)}")
    file = content(path)
    header = header_of(path, file)
    if header.version != "2.0":
        raise BadRecording(path, f"it is AEDAT {header.version}, and this reader takes 2.0; name its format", 0)
    count, rest = divmod(len(file) - header.size, SIZE)
    if rest:
        raise BadRecording(
            path,
            f"it ends within an event: {count * SIZE + rest:,} bytes after the header are not a multiple of {SIZE}; "
            f"{AGAIN}",
            header.size + count * SIZE,
        )
    rows = np.frombuffer(file, ">u4", offset=header.size).reshape(-1, 2)
    address = rows[:, 0].astype(np.uint32)
    if count and int(address.max()) >> 16:
        event = int(np.argmax(address > 0xFFFF))
        raise BadRecording(
            path,
            f"the address {int(address[event]):#010x} is not one of a DVS128; name the format of the file",
            header.size + SIZE * event,
        )
    t = _unwrapped(rows[:, 1].astype(np.uint32))
    narrow = address.astype(np.uint16)
    x, y, p = ORIENTATIONS[orientation]((narrow >> 1) & 127, (narrow >> 8) & 127, narrow & 1)
    pixels = narrow < EXTERNAL
    if pixels.all():
        events = Events(x, y, t, p.astype(np.uint8), path)
        return checked(events, sensor, lambda event: header.size + SIZE * event)
    kept = np.flatnonzero(pixels)
    events = Events(x[kept], y[kept], t[kept], p[kept].astype(np.uint8), path)
    return checked(events, sensor, lambda event: header.size + SIZE * int(kept[event]))


def _unwrapped(stamps: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the times without overflows of the clock; a time that runs backwards still does."""
    t = stamps.astype(np.int64)
    steps = t[1:] - t[:-1]
    overflows = (steps < 0) & (steps + 2**32 <= LONGEST_PAUSE)
    if overflows.any():
        t[1:] += 2**32 * np.cumsum(overflows)
    return t
