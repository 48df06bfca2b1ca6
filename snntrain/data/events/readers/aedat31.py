"""AEDAT 3.1, the format of cAER: a header, then packets of events. The recordings of DVS128 Gesture have it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.checks import AGAIN, checked
from snntrain.data.events.events import DVS128, BadRecording, Events, Sensor
from snntrain.data.events.readers.aedat_header import header_of
from snntrain.data.events.readers.content import content

# Type, source; bytes of an event, offset of its time, overflows of the clock, capacity, events, valid events.
PACKET = struct.Struct("<hhiiiiii")
POLARITY = 1
SIZE, TIME_AT = 8, 4


@dataclass
class Packets:
    """The packets of polarity events of a file: where their events lie, how many, and how often the clock overflowed.

    The three lists have one entry per packet.
    """

    starts: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    overflows: list[int] = field(default_factory=list)
    source: int | None = None

    def take(self, source: int, path: Path, byte: int) -> None:
        """Remember the sensor of the events; a file has one.

        Raises:
            BadRecording: it has another one.
        """
        if self.source is not None:
            raise BadRecording(path, f"it has events of two sensors, {self.source} and {source}; save one", byte)
        self.source = source


def read(path: Path, sensor: Sensor = DVS128) -> Events:
    """Return the polarity events of a recording.

    Packets of other types are skipped, and events that are marked invalid are dropped. An event is a uint32 with bit 0
    valid, bit 1 polarity (1 for ON), bits 2 to 16 row, bits 17 to 31 column, then 31 bits of the time in microseconds;
    the packet counts the overflows of these. All is little-endian.

    Args:
        path: the file.
        sensor: rows and columns; all events must lie on them.

    Raises:
        BadRecording: the file cannot be read, is not AEDAT 3.1, has compressed packets or is truncated, the numbers in
            a packet contradict each other, an event lies outside the sensor, time runs backwards, or there are no
            events.

    Source: iniVation, "AEDAT 3.1" (file formats), and libcaer's headers.
    """
    file = content(path)
    packets = _packets(path, file, _start(path, file))
    view = memoryview(file)
    joined = b"".join(
        [view[start : start + SIZE * count] for start, count in zip(packets.starts, packets.counts, strict=True)]
    )
    # The two halves of the first number, and the second one.
    halves = np.frombuffer(joined, "<u2").reshape(-1, 4)
    low, high = halves[:, 0].astype(np.uint16), halves[:, 1].astype(np.uint16)
    t = np.frombuffer(joined, "<i4")[1::2].astype(np.int64)
    x: NDArray[Any] = high >> 1
    y: NDArray[Any] = (low >> 2) | ((high & 1) << 14)
    p = ((low >> 1) & 1).astype(np.uint8)
    firsts = np.cumsum([0, *packets.counts])

    def byte_in_file(event: int) -> int:
        packet = int(np.searchsorted(firsts, event, "right")) - 1
        return packets.starts[packet] + SIZE * (event - int(firsts[packet]))

    valid = low & 1
    # A valid event is looked for; an invalid one may have any time.
    if len(t) and int(t.min()) < 0 and (early := (t < 0) & (valid > 0)).any():
        raise BadRecording(path, f"an event has a negative time; {AGAIN}", byte_in_file(int(early.argmax())))
    if any(packets.overflows):
        t += np.repeat(np.array(packets.overflows, np.int64) << 31, packets.counts)
    if valid.all():
        return checked(Events(x, y, t, p, path), sensor, byte_in_file)
    kept = np.flatnonzero(valid)
    events = Events(x[kept], y[kept], t[kept], p[kept], path)
    return checked(events, sensor, lambda event: byte_in_file(int(kept[event])))


def _start(path: Path, file: bytes) -> int:
    """Return the byte at which the packets begin."""
    header = header_of(path, file)
    if header.version != "3.1":
        raise BadRecording(path, f"it is AEDAT {header.version}, and this reader takes 3.1; name its format", 0)
    if header.lines[-1] != b"#!END-HEADER":
        raise BadRecording(path, f"its header does not end with #!END-HEADER; {AGAIN}", header.size)
    for line in header.lines:
        if line.startswith(b"#Format:") and line[8:].strip() != b"RAW":
            named = line[8:].strip().decode("ascii", "replace")
            raise BadRecording(path, f"its packets are in the format {named}, not RAW; save it uncompressed", 0)
    return header.size


def _packets(path: Path, file: bytes, start: int) -> Packets:
    """Return the packets of polarity events from the byte `start` on; a loop over packets, not over events."""
    packets = Packets()
    starts, counts, overflows_of = packets.starts, packets.counts, packets.overflows
    length, head = len(file), PACKET.size
    while start + head <= length:
        kind, source, size, time_at, overflows, capacity, count, valid = PACKET.unpack_from(file, start)
        end = start + head + size * count
        if kind < 0 or size < 0 or overflows < 0 or not 0 <= valid <= count == capacity or end > length:
            raise _contradiction(path, file, start)
        if kind == POLARITY and count:
            if size != SIZE or time_at != TIME_AT:
                raise BadRecording(
                    path, f"its events have {size} bytes with the time at {time_at}, not 8 with it at 4; {AGAIN}", start
                )
            if source != packets.source:
                packets.take(source, path, start)
            starts.append(start + head)
            counts.append(count)
            overflows_of.append(overflows)
        start = end
    if start < length:
        raise BadRecording(path, f"it ends within the header of a packet; {AGAIN}", start)
    return packets


def _contradiction(path: Path, file: bytes, start: int) -> BadRecording:
    """Return the error for the packet at the byte `start`, whose header cannot be right."""
    kind, _, size, _, overflows, capacity, count, valid = PACKET.unpack_from(file, start)
    if kind < 0:
        return BadRecording(path, "its packet is compressed; save the recording uncompressed", start)
    if size < 0 or overflows < 0 or not 0 <= valid <= count == capacity:
        numbers = f"{size} bytes per event, {overflows} overflows, {capacity} places, {count} events, {valid} valid"
        return BadRecording(path, f"the numbers of its packet contradict each other: {numbers}; {AGAIN}", start)
    return BadRecording(
        path,
        f"it ends within a packet, which has {count:,} events of {size:,} bytes, "
        f"and {len(file) - start - PACKET.size:,} bytes are left; {AGAIN}",
        start,
    )
