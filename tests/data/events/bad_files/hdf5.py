"""HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.data.events.bad_files.arrays import four
from tests.data.events.bad_files.bad import Bad
from tests.data.events.encoders import spikes_h5 as spike_file


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


def zeros(path: Path) -> None:
    """A file whose end was never written."""
    spike_file(path, [[(0.1, 1)]] * 4)
    content = path.read_bytes()
    start = content.index(b"GCOL") + 16
    path.write_bytes(content[:start] + bytes(len(content) - start))


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
    "zeros.h5": Bad(zeros, "an entry of its heap has no size; get the file again", "…"),
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
