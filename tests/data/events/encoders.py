"""Writers of recordings in each format: one event at a time, from the tables of bytes of the formats."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

# An event: column, row, microseconds, and 1 for ON.
Event = tuple[int, int, int, int]

AEDAT2_HEADER = (
    b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
    b"# Data format is int32 address, int32 timestamp (8 bytes total), repeated for each event\r\n"
)
AEDAT31_HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2017-01-30\r\n#!END-HEADER\r\n"


def atis(events: Sequence[Event]) -> bytes:
    """x, y, then 24 bits, the most significant first: polarity and 23 bits of time."""
    file = bytearray()
    for x, y, t, p in events:
        file += bytes([x, y, (p << 7) + t // 65536, t // 256 % 256, t % 256])
    return bytes(file)


def aedat2(events: Sequence[Event], orientation: str = "spikingjelly", header: bytes = AEDAT2_HEADER) -> bytes:
    """The header, then address and time, big-endian: bit 0 polarity, bits 1 to 7 A, bits 8 to 14 B."""
    file = bytearray(header)
    for x, y, t, p in events:
        if orientation == "spikingjelly":
            a, b, bit = 127 - y, 127 - x, 1 - p
        elif orientation == "jaer":
            a, b, bit = 127 - x, y, 1 - p
        else:
            a, b, bit = y, x, p
        file += struct.pack(">II", bit + 2 * a + 256 * b, t % 2**32)
    return bytes(file)


def aedat31_packet(
    events: Sequence[Event],
    *,
    invalid: frozenset[int] = frozenset(),
    overflows: int = 0,
    kind: int = 1,
    source: int = 1,
) -> bytes:
    """A header of 28 bytes, then 8 bytes per event; the time without its overflows, of 2**31 µs each."""
    file = bytearray(struct.pack("<hh", kind, source))
    file += struct.pack("<iiiiii", 8, 4, overflows, len(events), len(events), len(events) - len(invalid))
    for index, (x, y, t, p) in enumerate(events):
        valid = 0 if index in invalid else 1
        file += struct.pack("<Ii", valid + 2 * p + 4 * y + 131072 * x, t - overflows * 2**31)
    return bytes(file)


def aedat31(*packets: bytes, header: bytes = AEDAT31_HEADER) -> bytes:
    return header + b"".join(packets)


def npy(descr: str, shape: str, data: bytes, version: bytes = b"\x01\x00") -> bytes:
    """The magic number, the version, the length of the header, the header as a literal of Python, the data."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


def gesture_npy(events: Sequence[Event]) -> bytes:
    """x, y, polarity and milliseconds, as float64."""
    data = b"".join(struct.pack("<dddd", x, y, p, t / 1000) for x, y, t, p in events)
    return npy("'<f8'", f"({len(events)}, 4)", data)


def structured_npy(events: Sequence[Event]) -> bytes:
    """A structured array: t first, in other types than those of `Events`."""
    data = b"".join(struct.pack("<qhhb", t, x, y, p) for x, y, t, p in events)
    return npy("[('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')]", f"({len(events)},)", data)


def spikes_h5(
    path: Path,
    rows: Sequence[Sequence[tuple[float, int]]],
    labels: Sequence[int] | None = None,
    speakers: Sequence[int] | None = None,
    keys: Sequence[str] = ("zero", "one"),
) -> Path:
    """spikes/times as ragged float16 seconds, spikes/units, labels, extra/speaker and extra/keys."""
    import h5py
    import numpy as np

    path.unlink(missing_ok=True)  # HDF5 does not write to a file that is open.
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", (len(rows),), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (len(rows),), h5py.vlen_dtype(np.uint16))
        for index, row in enumerate(rows):
            times[index] = np.array([time for time, _ in row], np.float16)
            units[index] = np.array([unit for _, unit in row], np.uint16)
        file["labels"] = np.array([index % 2 for index in range(len(rows))] if labels is None else labels, np.uint16)
        if speakers is not None:
            file["extra/speaker"] = np.array(speakers, np.uint16)
        file["extra/keys"] = np.array([key.encode() for key in keys])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
