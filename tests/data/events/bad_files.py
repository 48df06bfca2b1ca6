"""Damaged and odd recordings, and what is said about each."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snntrain.data.events.events import Sensor
from snntrain.data.events.readers import aedat2, aedat31, arrays, arrays_h5, atis, formats, gesture_npy
from snntrain.data.events.readers.spikes_h5 import SpikeFile

from .encoders import AEDAT2_HEADER, AEDAT31_HEADER, Event, aedat31_packet, npy
from .encoders import aedat2 as aedat2_file
from .encoders import aedat31 as aedat31_file
from .encoders import atis as atis_file
from .encoders import gesture_npy as gesture_file
from .encoders import spikes_h5 as spike_file

SENSOR = Sensor(34, 34)
HEAD2, HEAD3 = len(AEDAT2_HEADER), len(AEDAT31_HEADER)
FINE: list[Event] = [(1, 2, 3, 1), (4, 5, 6, 0)]
PACKET = aedat31_packet(FINE)
STRUCTURED = "[('x', '<i2'), ('y', '<i2'), ('t', '<i8'), ('p', '|i1')]"


@dataclass(frozen=True)
class Bad:
    """A file that must be refused.

    Args:
        content: its bytes, or a function that makes it.
        reason: the message behind the name of the file and the byte; … is any text of a library.
        byte: the byte that the message names.
        part: what the message names besides the file.
    """

    content: bytes | Callable[[Path], object]
    reason: str
    byte: int | None = None
    part: str = ""

    def make(self, path: Path) -> None:
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)

    def matches(self, path: Path, message: str) -> bool:
        """Return whether this is the message."""
        expected = f"{path}{self.part}{'' if self.byte is None else f', byte {self.byte}'}: {self.reason}"
        return bool(re.fullmatch(re.escape(expected).replace("…", ".*"), message))


def packet(kind: int = 1, size: int = 8, time_at: int = 4, overflows: int = 0, count: int = 0, **other: int) -> bytes:
    """The header of a packet with these numbers."""
    capacity, valid = other.get("capacity", count), other.get("valid", count)
    return struct.pack("<hhiiiiii", kind, other.get("source", 1), size, time_at, overflows, capacity, count, valid)


def npz(**columns: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **columns)
    return file.getvalue()


def four(**changed: Any) -> dict[str, Any]:
    """Four arrays of two events, some of them changed."""
    return {"x": np.array([1, 2]), "y": np.array([3, 4]), "t": np.array([5, 6]), "p": np.array([0, 1])} | changed


def zipped(members: dict[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def flipped(content: bytes, place: int) -> bytes:
    """The bytes with one bit changed."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def huge(path: Path) -> None:
    """A file of more than a gigabyte that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(2**30 + 5)


def hdf5(fill: Callable[[Any], object]) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        import h5py

        with h5py.File(path, "w") as file:
            fill(file)

    return make


def columns_of(file: Any, **changed: Any) -> None:
    for name, column in four(**changed).items():
        if column is not None:
            file[name] = column


def linked(kind: str) -> Callable[[Any], object]:
    """Fill a file, with x outside of it."""

    def fill(file: Any) -> None:
        import h5py

        columns_of(file, x=None)
        if kind == "soft":
            file["x"] = h5py.SoftLink("/y")
        elif kind == "external":
            file["x"] = h5py.ExternalLink("/etc/passwd", "x")
        elif kind == "storage":
            file.create_dataset("x", (2,), "<i4", external=[("/etc/passwd", 0, 8)])
        else:
            layout = h5py.VirtualLayout((2,), "<i4")
            layout[:] = h5py.VirtualSource("other.h5", "x", (2,))
            file.create_virtual_dataset("x", layout)

    return fill


def cut(path: Path) -> None:
    spike_file(path, [[(0.1, 1)]] * 200)
    os.truncate(path, 2000)


def spikes(rows: Any = ((0.1, 1),), change: Callable[[Any], object] | None = None, **keys: Any) -> Any:
    """Make a file of one recording with these spikes, then change it."""

    def make(path: Path) -> None:
        import h5py

        spike_file(path, [rows], **keys)
        if change is not None:
            with h5py.File(path, "r+") as file:
                change(file)

    return make


def ragged(name: str, count: int, kind: Any) -> Callable[[Any], object]:
    """Replace a ragged data set by another one."""

    def change(file: Any) -> None:
        import h5py

        del file[name]
        file.create_dataset(name, (count,), h5py.vlen_dtype(kind), chunks=(1,))

    return change


def replaced(name: str, array: Any) -> Callable[[Any], object]:
    def change(file: Any) -> None:
        if name in file:
            del file[name]
        file[name] = array

    return change


ATIS = {
    "a.bin": Bad(
        atis_file(FINE) + b"\x01", "it ends within an event: 11 bytes are not a multiple of 5; get the file again", 10
    ),
    "empty.bin": Bad(b"", "it has no events; leave the file out"),
    "only overflows.bin": Bad(atis_file([(0, 240, 0, 0)] * 3), "it has no events; leave the file out"),
    "column.bin": Bad(
        atis_file([(0, 0, 0, 0), (34, 0, 1, 0)]),
        "the event has x=34, but the sensor has x from 0 to 33; get the file again, or name its sensor",
        5,
    ),
    "row.bin": Bad(
        atis_file([(0, 240, 0, 0), (0, 0, 0, 0), (0, 239, 1, 0)]),
        "the event has y=239, but the sensor has y from 0 to 33; get the file again, or name its sensor",
        10,
    ),
    "backwards.bin": Bad(
        atis_file([(0, 0, 1000, 0), (0, 0, 70_000, 0), (0, 0, 69_999, 0)]),
        "time runs backwards at the event, from 70,000 to 69,999 µs; get the file again, or sort its events by time",
        10,
    ),
    "a text.bin": Bad(
        b"x,y,t,p\n1,2,3,1\n4,5,",
        "the event has x=120, but the sensor has x from 0 to 33; get the file again, or name its sensor",
        0,
    ),
    "nothing.bin": Bad(lambda path: None, "it cannot be read: No such file or directory; make it readable"),
    "a folder.bin": Bad(lambda path: path.mkdir(), "it cannot be read: Is a directory; make it readable"),
    "a pipe.bin": Bad(
        lambda path: os.mkfifo(path),
        "it is not a regular file; leave the file out",
    ),
    "huge.bin": Bad(huge, "it has more than 1,074 MB; leave the file out"),
}
AEDAT2 = {
    "empty.aedat": Bad(
        b"", "it is not an AEDAT file: it begins with nothing, not with the line #!AER-DAT; name its format", 0
    ),
    "a picture.aedat": Bad(
        b"\x89PNG\r\n\x1a\n12345678",
        "it is not an AEDAT file: it begins with 89 50 4e 47 0d 0a 1a 0a, not with the line #!AER-DAT; name its format",
        0,
    ),
    "comments.aedat": Bad(
        b"# some\r\n",
        "it is not an AEDAT file: it begins with 23 20 73 6f 6d 65 0d 0a, not with the line #!AER-DAT; name its format",
        0,
    ),
    "version 1.aedat": Bad(b"#!AER-DAT1.0\r\n", "it is AEDAT 1.0, and this reader takes 2.0; name its format", 0),
    "version 3.1.aedat": Bad(aedat31_file(PACKET), "it is AEDAT 3.1, and this reader takes 2.0; name its format", 0),
    "endless header.aedat": Bad(
        b"#!AER-DAT2.0\r\n" + b"#" * 70_000,
        "its header does not end within 65,536 bytes; get the file again",
        14,
    ),
    "many lines.aedat": Bad(
        b"#!AER-DAT2.0\r\n" + b"#\n" * 70_000,
        "its header does not end within 65,536 bytes; get the file again",
        65_536,
    ),
    "cut.aedat": Bad(
        aedat2_file(FINE)[:-3],
        "it ends within an event: 13 bytes after the header are not a multiple of 8; get the file again",
        HEAD2 + 8,
    ),
    "no events.aedat": Bad(AEDAT2_HEADER, "it has no events; leave the file out"),
    "no pixels.aedat": Bad(AEDAT2_HEADER + bytes([0, 0, 0x80, 0, 0, 0, 0, 1]), "it has no events; leave the file out"),
    "davis.aedat": Bad(
        aedat2_file(FINE) + struct.pack(">II", 0x00C0_1800, 9),
        "the address 0x00c01800 is not one of a DVS128; name the format of the file",
        HEAD2 + 16,
    ),
    "backwards.aedat": Bad(
        aedat2_file([(0, 0, 7, 0), (0, 0, 9, 1), (0, 0, 8, 1)]),
        "time runs backwards at the event, from 9 to 8 µs; get the file again, or sort its events by time",
        HEAD2 + 16,
    ),
    "a clock set back.aedat": Bad(
        aedat2_file([(0, 0, 3_000_000_000, 0), (0, 0, 5, 1)]),
        "time runs backwards at the event, from 3,000,000,000 to 5 µs; get the file again, or sort its events by time",
        HEAD2 + 8,
    ),
}
AEDAT31 = {
    "version 2.aedat": Bad(aedat2_file(FINE), "it is AEDAT 2.0, and this reader takes 3.1; name its format", 0),
    "no end.aedat": Bad(
        b"#!AER-DAT3.1\r\n#Format: RAW\r\n" + PACKET,
        "its header does not end with #!END-HEADER; get the file again",
        28,
    ),
    "serial.aedat": Bad(
        AEDAT31_HEADER.replace(b"RAW", b"SerialTS") + PACKET,
        "its packets are in the format SerialTS, not RAW; save it uncompressed",
        0,
    ),
    "compressed.aedat": Bad(
        aedat31_file(packet(kind=1 - 2**15)), "its packet is compressed; save the recording uncompressed", HEAD3
    ),
    "within a header.aedat": Bad(
        aedat31_file(PACKET, PACKET[:27]),
        "it ends within the header of a packet; get the file again",
        HEAD3 + len(PACKET),
    ),
    "within a packet.aedat": Bad(
        aedat31_file(PACKET, PACKET[:-1]),
        "it ends within a packet, which has 2 events of 8 bytes, and 15 bytes are left; get the file again",
        HEAD3 + len(PACKET),
    ),
    "absurd.aedat": Bad(
        aedat31_file(packet(count=2**31 - 1)),
        "it ends within a packet, which has 2,147,483,647 events of 8 bytes, and 0 bytes are left; get the file again",
        HEAD3,
    ),
    "capacity.aedat": Bad(
        aedat31_file(packet(count=2, capacity=1) + PACKET[28:]),
        "the numbers of its packet contradict each other: 8 bytes per event, 0 overflows, 1 places, 2 events, 2 valid; "
        "get the file again",
        HEAD3,
    ),
    "negative.aedat": Bad(
        aedat31_file(packet(count=-1)),
        "the numbers of its packet contradict each other: 8 bytes per event, 0 overflows, -1 places, -1 events, "
        "-1 valid; get the file again",
        HEAD3,
    ),
    "negative size.aedat": Bad(
        aedat31_file(packet(kind=3, size=-8, count=2)),
        "the numbers of its packet contradict each other: -8 bytes per event, 0 overflows, 2 places, 2 events, "
        "2 valid; get the file again",
        HEAD3,
    ),
    "long events.aedat": Bad(
        aedat31_file(packet(size=12, time_at=8, count=1) + bytes(12)),
        "its events have 12 bytes with the time at 8, not 8 with it at 4; get the file again",
        HEAD3,
    ),
    "outside.aedat": Bad(
        aedat31_file(PACKET, aedat31_packet([(5, 5, 8, 0), (128, 5, 9, 1)], invalid=frozenset({0}))),
        "the event has x=128, but the sensor has x from 0 to 127; get the file again, or name its sensor",
        HEAD3 + len(PACKET) + 28 + 8,
    ),
    "row.aedat": Bad(
        aedat31_file(aedat31_packet([(5, 32_767, 8, 0)])),
        "the event has y=32,767, but the sensor has y from 0 to 127; get the file again, or name its sensor",
        HEAD3 + 28,
    ),
    "backwards.aedat": Bad(
        aedat31_file(PACKET, PACKET),
        "time runs backwards at the event, from 6 to 3 µs; get the file again, or sort its events by time",
        HEAD3 + len(PACKET) + 28,
    ),
    "negative time.aedat": Bad(
        aedat31_file(aedat31_packet([(5, 5, -8, 0)])), "an event has a negative time; get the file again", HEAD3 + 28
    ),
    "all invalid.aedat": Bad(
        aedat31_file(aedat31_packet(FINE, invalid=frozenset({0, 1}))), "it has no events; leave the file out"
    ),
    "other packets.aedat": Bad(aedat31_file(aedat31_packet(FINE, kind=2)), "it has no events; leave the file out"),
    "no packets.aedat": Bad(AEDAT31_HEADER, "it has no events; leave the file out"),
    "two sensors.aedat": Bad(
        aedat31_file(PACKET, aedat31_packet([(1, 1, 9, 1)], source=2)),
        "it has events of two sensors, 1 and 2; save one",
        HEAD3 + len(PACKET),
    ),
}
GESTURE = {
    "empty.npy": Bad(
        b"",
        "it has a damaged header (…); get the file again",
        0,
    ),
    "a header.npy": Bad(npy("'<f8'", "(1, 4", bytes(32)), "it has a damaged header (…); get the file again", 0),
    "version 9.npy": Bad(
        npy("'<f8'", "(1, 4)", bytes(32), b"\x09\x00"),
        "it is in the format of NumPy (9, 0), not 1.0 or 2.0; save it anew",
        6,
    ),
    "three columns.npy": Bad(
        npy("'<i4'", "(2, 3)", bytes(24)), "its array is int32 [2, 3], not numbers [n, 4]; name its format", 128
    ),
    "words.npy": Bad(
        npy("'<U1'", "(1, 4)", bytes(16)), "its array is <U1 [1, 4], not numbers [n, 4]; name its format", 128
    ),
    "a cube.npy": Bad(
        npy("'<i4'", "(1, 2, 4)", bytes(32)), "it has the shape [1, 2, 4] of int32; save one array per column", 128
    ),
    "half a pixel.npy": Bad(
        npy("'<f8'", "(2, 4)", struct.pack("<8d", 1, 1, 0, 0, 1, 2.5, 0, 0)),
        "its y is 2.5, not a whole number; name its format",
        128 + 32,
    ),
    "not a time.npy": Bad(
        npy("'<f8'", "(1, 4)", struct.pack("<4d", 1, 1, 0, float("nan"))), "its time is nan; save milliseconds", 128
    ),
    "a polarity of 2.npy": Bad(
        npy("'<f8'", "(1, 4)", struct.pack("<4d", 1, 1, 2, 0)),
        "its polarities are 2 to 2; save 1 for ON, and 0 or -1 for OFF",
    ),
    "outside.npy": Bad(
        gesture_file([(1, 1, 1, 1), (1, 128, 2, 1)]),
        "the event has y=128, but the sensor has y from 0 to 127; get the file again, or name its sensor",
        128 + 32,
    ),
    "backwards.npy": Bad(
        gesture_file([(1, 1, 2000, 1), (1, 1, 1000, 1)]),
        "time runs backwards at the event, from 2,000 to 1,000 µs; get the file again, or sort its events by time",
        128 + 32,
    ),
    "no rows.npy": Bad(gesture_file([]), "it has no events; leave the file out"),
    "absurd.npy": Bad(
        npy("'<f8'", "(1000000000000, 4)", bytes(32)),
        "it should have 32,000,000,000,000 bytes after its header, but has 32; get the file again",
        128,
    ),
    "cut.npy": Bad(
        gesture_file(FINE)[:-1], "it should have 64 bytes after its header, but has 63; get the file again", 128
    ),
    "a negative shape.npy": Bad(
        npy("'<f8'", "(-1, -4)", bytes(32)), "it has the shape [-1, -4] of float64; save one array per column", 128
    ),
    "a pickle.npy": Bad(
        lambda path: np.save(path, np.array([[{}, 1, 2, 3]], object), allow_pickle=True),
        "it holds Python objects, which are never loaded; save numbers",
        128,
    ),
}
ARRAYS = {
    "a text.npz": Bad(
        b"x,y,t,p\n", "it is neither .npz nor .npy: it begins with 78 2c 79 2c 74 2c 70 0a; name its format", 0
    ),
    "empty.npz": Bad(b"", "it is neither .npz nor .npy: it begins with nothing; name its format", 0),
    "no polarity.npz": Bad(npz(x=np.array([1]), y=np.array([1]), t=np.array([1])), "it has no p; save x, y, t and p"),
    "other names.npz": Bad(
        npz(pol=np.array([1]), y=np.array([1]), ts=np.array([1])), "it has no x and no t and no p; save x, y, t and p"
    ),
    "seconds.npz": Bad(
        npz(**four(t=np.array([0.5, 1.5]))),
        "t is float64 [2]; save one dimension of integers, of microseconds",
    ),
    "rows and columns.npz": Bad(npz(**four(x=np.array([[1, 2]]))), "x is int64 [1, 2]; save one dimension of integers"),
    "lengths.npz": Bad(npz(**four(p=np.array([0, 1, 1]))), "it has 3 p and 2 t; save one of each per event"),
    "polarity.npz": Bad(
        npz(**four(p=np.array([1, 2]))), "its polarities are 1 to 2; save 1 for ON, and 0 or -1 for OFF"
    ),
    "three polarities.npz": Bad(
        npz(**{name: np.arange(3) for name in "xyt"}, p=np.array([-1, 0, 1])),
        "its polarities are -1, 0 and 1; save 1 for ON, and 0 or -1 for OFF",
    ),
    "late.npz": Bad(
        npz(**four(t=np.array([0, 2**62]))),
        "its times reach from 0 to 4,611,686,018,427,387,904; save microseconds",
    ),
    "outside.npz": Bad(
        npz(**four(y=np.array([3, -1]))),
        "event 1 has y=-1, but the sensor has y from 0 to 65,535; get the file again, or name its sensor",
    ),
    "backwards.npz": Bad(
        npz(**four(t=np.array([6, 5]))),
        "time runs backwards at event 1, from 6 to 5 µs; get the file again, or sort its events by time",
    ),
    "no events.npz": Bad(
        npz(**{name: np.zeros(0, np.int64) for name in "xytp"}), "it has no events; leave the file out"
    ),
    "four columns.npy": Bad(
        npy("'<i4'", "(1, 4)", bytes(16)),
        "its array of int32 [1, 4] has no names of columns; save four arrays x, y, t, p, or a structured array with "
        "these fields",
    ),
    "backwards.npy": Bad(
        npy(STRUCTURED, "(2,)", struct.pack("<hhqb", 1, 2, 9, 1) + struct.pack("<hhqb", 1, 2, 8, 1)),
        "time runs backwards at the event, from 9 to 8 µs; get the file again, or sort its events by time",
        128 + 13,
    ),
    "cut.npz": Bad(npz(**four())[:-30], "it is not a complete .npz file (…); get the file again"),
    "a bit.npz": Bad(
        flipped(npz(**four()), npz(**four()).index((3).to_bytes(8, "little"))),
        "its array y has a damaged header (Bad CRC-32 for file 'y.npy'); get the file again",
    ),
    "a bomb.npz": Bad(
        lambda path: path.write_bytes(bomb()),
        "it unpacks to 2,147 MB, more than 1,074; cut it",
    ),
    "a promise.npz": Bad(
        zipped({"x.npy": npy("'<i8'", "(1000000000000,)", bytes(8))}),
        "its array x should have 8,000,000,000,000 bytes after its header, but has 8; get the file again",
    ),
    "objects.npz": Bad(
        lambda path: np.savez(path, **four(x=np.array([{}, None], object)), allow_pickle=True),
        "its array x holds Python objects, which are never loaded; save numbers",
    ),
    "many arrays.npz": Bad(
        zipped({f"{number}.npy": b"" for number in range(101)}),
        "it has 101 arrays, more than 100; save x, y, t and p only",
    ),
    "short.npz": Bad(
        lambda path: path.write_bytes(shortened()),
        "its array x ends after 8 of 16 bytes; get the file again",
    ),
}
HDF5 = {
    "a text.h5": Bad(b"x,y,t,p\n", "it is not a complete HDF5 file (…); get the file again"),
    "no x.h5": Bad(
        hdf5(lambda file: columns_of(file, x=None)), "it has no data set x; name its format, or get the file again"
    ),
    "a group.h5": Bad(
        hdf5(lambda file: file.create_group("x")), "its x is not a data set; name its format, or get the file again"
    ),
    "a soft link.h5": Bad(hdf5(linked("soft")), "its x is a link, which is not followed; save the data themselves"),
    "an external link.h5": Bad(
        hdf5(linked("external")), "its x is a link, which is not followed; save the data themselves"
    ),
    "external storage.h5": Bad(
        hdf5(linked("storage")), "the data of its x lie in another file, which is not read; save them in this"
    ),
    "virtual.h5": Bad(
        hdf5(linked("virtual")), "the data of its x lie in another file, which is not read; save them in this"
    ),
    "absurd.h5": Bad(
        hdf5(lambda file: [file.create_dataset(name, (10**12,), "<i8", chunks=(1000,)) for name in "xytp"]),
        "its x has 8,000,000 MB, more than 1,074; cut it",
    ),
    "rows.h5": Bad(
        hdf5(lambda file: columns_of(file, x=np.zeros((2, 2), np.int32))),
        "its x is int32 [2, 2]; save one dimension of numbers",
    ),
    "seconds.h5": Bad(
        hdf5(lambda file: columns_of(file, t=np.array([0.5, 1]))),
        "t is float64 [2]; save one dimension of integers, of microseconds",
    ),
}
SPIKES = {
    "cut.h5": Bad(cut, "it is not a complete HDF5 file (…truncated…); get the file again"),
    "no spikes.h5": Bad(
        hdf5(lambda file: columns_of(file)), "it has no data set spikes/times; name its format, or get the file again"
    ),
    "not ragged.h5": Bad(
        spikes(change=replaced("spikes/times", np.zeros(1))),
        "its spikes/times is [1] of float64 without ragged rows; name its format, or get the file again",
    ),
    "words.h5": Bad(
        spikes(change=ragged("spikes/units", 1, np.float64)),
        "its spikes/units is [1] of float64; name its format, or get the file again",
    ),
    "absurd.h5": Bad(
        spikes(change=ragged("spikes/times", 10**12, np.float16)),
        "its spikes/times promises 1,000,000,000,000 recordings, and at most 10,000,000 are read; get the file again",
    ),
    "rows.h5": Bad(
        spikes(change=ragged("spikes/units", 2, np.uint16)),
        "it has 1 rows of times and 2 of units; get the file again",
    ),
    "labels.h5": Bad(spikes(labels=[0, 1]), "it has 2 labels for 1 recordings; get the file again"),
    "speakers.h5": Bad(spikes(speakers=[0, 1]), "it has 2 speakers for 1 recordings; get the file again"),
    "a label.h5": Bad(spikes(labels=[2]), "its labels are from 2 to 2, and it has 2 keys; get the file again"),
    "words for labels.h5": Bad(
        spikes(change=replaced("labels", np.array([b"one"]))),
        "its labels is |S3 [1], not whole numbers; get the file again",
    ),
    "keys.h5": Bad(
        spikes(change=replaced("extra/keys", np.zeros((2, 2)))),
        "its extra/keys is float64 [2, 2], not names; get the file again",
    ),
    "an empty row.h5": Bad(spikes(()), "it has no events; leave the file out", part=", recording 0"),
    "never.h5": Bad(
        spikes([(0.5, 1), (float("nan"), 2)]),
        "its time nan is not one in seconds; get the file again",
        part=", recording 0",
    ),
    "before.h5": Bad(
        spikes([(-0.5, 1)]), "its time -0.5 is not one in seconds; get the file again", part=", recording 0"
    ),
    "a unit.h5": Bad(
        spikes([(0.5, 700)]),
        "event 0 has x=700, but the sensor has x from 0 to 699; get the file again, or name its sensor",
        part=", recording 0",
    ),
    "lengths.h5": Bad(
        spikes(change=lambda file: file["spikes/units"].__setitem__(0, np.zeros(3, np.uint16))),
        "it has 1 times and 3 units; get the file again",
        part=", recording 0",
    ),
}
FORMATS = {
    "a.mat": Bad(b"", "it has the suffix .mat, not one of .bin, .aedat, .npz, .npy, .h5, .hdf5; name dataset.format"),
    "a": Bad(b"", "it has no suffix, not one of .bin, .aedat, .npz, .npy, .h5, .hdf5; name dataset.format"),
    "four.aedat": Bad(b"#!AER-DAT4.0\r\n", "it is AEDAT 4.0; AEDAT 2.0 and 3.1 can be read, save it as one of them", 0),
    "none.aedat": Bad(
        b"", "it does not begin with #!AER-DAT; AEDAT 2.0 and 3.1 can be read, save it as one of them", 0
    ),
}


def bomb() -> bytes:
    """An archive whose directory promises two gigabytes; it is a megabyte long."""
    content = zipped({"x.npy": bytes(10)})
    place = content.rindex(b"PK\x01\x02") + 24
    return content[:place] + struct.pack("<I", 2**31) + content[place + 4 :]


def shortened() -> bytes:
    """An archive whose directory and header promise 8 bytes more than there are."""
    member = npy("'<i8'", "(2,)", bytes(8))
    content = zipped({"x.npy": member}, zipfile.ZIP_DEFLATED)
    place = content.rindex(b"PK\x01\x02") + 24
    return content[:place] + struct.pack("<I", len(member) + 8) + content[place + 4 :]


# By format: how a file of it is read, and the files.
TABLE: dict[str, tuple[Callable[[Path], object], dict[str, Bad]]] = {
    "atis": (lambda path: atis.read(path, SENSOR), ATIS),
    "aedat2": (aedat2.read, AEDAT2),
    "aedat31": (aedat31.read, AEDAT31),
    "gesture_npy": (gesture_npy.read, GESTURE),
    "arrays": (arrays.read, ARRAYS),
    "arrays_h5": (arrays_h5.read, HDF5),
    "spikes_h5": (lambda path: SpikeFile(path)[0], SPIKES),
    "auto": (lambda path: formats.read(path, SENSOR), FORMATS),
}
NEED_H5PY = ("arrays_h5", "spikes_h5")
CASES = [(name, file) for name, (_, files) in TABLE.items() for file in files]
