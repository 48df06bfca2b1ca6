"""The formats of recordings by name, and by the suffix and the first line of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.readers import aedat2, aedat31, arrays, arrays_h5, atis, gesture_npy
from snntrain.data.events.readers.aedat_header import VERSION
from snntrain.data.events.readers.npy import starts_with
from snntrain.errors import UserError

AUTO, AEDAT2 = "auto", "aedat2"
# All but AEDAT 2.0, which also has an orientation.
READERS: dict[str, Callable[[Path, Sensor], Events]] = {
    "atis": atis.read,
    "aedat31": aedat31.read,
    "gesture_npy": gesture_npy.read,
    "arrays": arrays.read,
    "arrays_h5": arrays_h5.read,
}
# What dataset.format may be.
FORMATS = (AUTO, AEDAT2, *READERS)
# The format of a suffix; AEDAT has several, and its version says which.
SUFFIXES = {
    ".bin": "atis",
    ".aedat": "aedat",
    ".npz": "arrays",
    ".npy": "arrays",
    ".h5": "arrays_h5",
    ".hdf5": "arrays_h5",
}
VERSIONS = {b"2.0": AEDAT2, b"3.1": "aedat31"}


def read(path: Path, sensor: Sensor, format_name: str = AUTO, orientation: str = "spikingjelly") -> Events:
    """Return the events of a recording in one of the formats.

    Args:
        path: the file.
        sensor: rows and columns; all events must lie on them.
        format_name: one of `FORMATS`; auto takes the format of the suffix, in upper or lower case.
        orientation: of AEDAT 2.0, see `aedat2.read`.

    Raises:
        UserError: there is no such format or orientation, or h5py is needed and not installed.
        BadRecording: auto does not know the suffix or the version, or the reader refuses the file.
    """
    check_format(format_name)
    name = format_of(path) if format_name == AUTO else format_name
    if name == AEDAT2:
        return aedat2.read(path, orientation, sensor)
    return READERS[name](path, sensor)


def check_format(name: str) -> None:
    """Check that there is a format with this name.

    Raises:
        UserError: there is not.
    """
    if name not in FORMATS:
        raise UserError(f"dataset.format={name}: must be one of {', '.join(FORMATS)}")


def format_of(path: Path) -> str:
    """Return the format of a file by its suffix and, for AEDAT, by its version.

    Raises:
        BadRecording: the suffix or the version is not known, or the file cannot be read.
    """
    name = SUFFIXES.get(path.suffix.lower())
    if name is None:
        suffix = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise BadRecording(path, f"it has {suffix}, not one of {', '.join(SUFFIXES)}; name dataset.format")
    if name != "aedat":
        return name
    begins = starts_with(path, 64)
    version = VERSION.match(begins)
    if version is None or version[1] not in VERSIONS:
        found = f"is AEDAT {version[1].decode()}" if version else "does not begin with #!AER-DAT"
        raise BadRecording(path, f"it {found}; AEDAT 2.0 and 3.1 can be read, save it as one of them", 0)
    return VERSIONS[version[1]]
