"""AEDAT 3.1, the format of cAER: a header, then packets of events. The recordings of DVS128 Gesture have it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snntrain.data.events.checks import AGAIN, checked
from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.readers.aedat_header import header_of
from snntrain.data.events.readers.content import content

DVS128 = Sensor(128, 128)
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

    Source: iniVation, "AEDAT 3.1", https://docs.inivation.com/software/software-advanced-usage/file-formats.
    """
    file = content(path)
    packets = _packets(path, file, _start(path, file))
    view = memoryview(file)
    joined = b"".join(
        [view[start : start + SIZE * count] for start, count in zip(packets.starts, packets.counts, strict=True)]
    )
    words = np.frombuffer(joined, "<u4").reshape(-1, 2)
    data, stamps = words[:, 0].astype(np.uint32), words[:, 1]
    firsts = np.cumsum([0, *packets.counts])
    starts = np.array(packets.starts, np.int64)
    kept = np.flatnonzero(data & 1)
    data = data[kept]

    def byte_of(event: int) -> int:
        found = int(kept[event])
        packet = int(np.searchsorted(firsts, found, "right")) - 1
        return int(starts[packet]) + SIZE * (found - int(firsts[packet]))

    late = stamps[kept] >> 31
    if late.any():
        raise BadRecording(path, f"an event has a negative time; {AGAIN}", byte_of(int(late.argmax())))
    overflows = np.array(packets.overflows, np.int64) << 31
    t = (np.repeat(overflows, packets.counts) | stamps)[kept]
    x, y = (data >> 17).astype(np.uint16), ((data >> 2) & 0x7FFF).astype(np.uint16)
    return checked(Events(x, y, t, ((data >> 1) & 1).astype(np.uint8), path), sensor, byte_of)


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
    while start < len(file):
        if len(file) - start < PACKET.size:
            raise BadRecording(path, f"it ends within the header of a packet; {AGAIN}", start)
        kind, source, size, time_at, overflows, capacity, count, valid = PACKET.unpack_from(file, start)
        if kind < 0:
            raise BadRecording(path, "its packet is compressed; save the recording uncompressed", start)
        if size < 0 or overflows < 0 or not 0 <= valid <= count == capacity:
            numbers = f"{size} bytes per event, {overflows} overflows, {capacity} places, {count} events, {valid} valid"
            raise BadRecording(path, f"the numbers of its packet contradict each other: {numbers}; {AGAIN}", start)
        end = start + PACKET.size + size * count
        if end > len(file):
            raise BadRecording(
                path,
                f"it ends within a packet, which has {count:,} events of {size:,} bytes, "
                f"and {len(file) - start - PACKET.size:,} bytes are left; {AGAIN}",
                start,
            )
        if kind == POLARITY and count:
            if (size, time_at) != (SIZE, TIME_AT):
                raise BadRecording(
                    path, f"its events have {size} bytes with the time at {time_at}, not 8 with it at 4; {AGAIN}", start
                )
            if packets.source not in (None, source):
                sources = f"{packets.source} and {source}"
                raise BadRecording(path, f"it has events of two sensors, {sources}; save one", start)
            packets.source = source
            packets.starts.append(start + PACKET.size)
            packets.counts.append(count)
            packets.overflows.append(overflows)
        start = end
    return packets
