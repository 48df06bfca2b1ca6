"""Arrays in .npy and .npz files."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import numpy as np

from tests.data.events.bad_files.bad import Bad
from tests.data.events.encoders import Event, npy
from tests.data.events.encoders import gesture_npy as gesture_file

FINE: list[Event] = [(1, 2, 3, 1), (4, 5, 6, 0)]
STRUCTURED = "[('x', '<i2'), ('y', '<i2'), ('t', '<i8'), ('p', '|i1')]"


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
