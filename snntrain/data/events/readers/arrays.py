"""Arrays in .npz and .npy files, the format for recordings of one's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from snntrain.data.events.checks import ByteOf, nowhere
from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.readers.columns import NAMES, events_of
from snntrain.data.events.readers.npy import NPY, NPZ, load_npy, load_npz, starts_with


def read(path: Path, sensor: Sensor | None = None) -> Events:
    """Return the events of an .npz or .npy file; its first bytes say which it is.

    An .npz file has four arrays x, y, t, p, or a single structured array with these fields; an .npy file has the
    structured array. All are integers, t counts microseconds, p is 1 for ON and 0 or -1 for OFF. Other arrays and
    fields are ignored. An array [n, 4] is refused: files differ in the order of its columns.

    Args:
        path: the file.
        sensor: rows and columns; None if only the limit of 65,536 is known.

    Raises:
        BadRecording: the file cannot be read or is damaged, it has other arrays, an event lies outside the sensor,
            time runs backwards, or there are no events. Python objects are never loaded.
    """
    begins = starts_with(path)
    byte_of: ByteOf = nowhere
    if begins.startswith(NPZ):
        arrays = load_npz(path)
        if len(arrays) != 1 or set(NAMES) <= set(arrays):
            return events_of(path, arrays, sensor)
        (array,) = arrays.values()
    elif begins.startswith(NPY):
        array, start = load_npy(path)
        byte_of = partial(_byte_of, start, array.dtype.itemsize)
    else:
        found = begins.hex(" ") or "nothing"
        raise BadRecording(path, f"it is neither .npz nor .npy: it begins with {found}; name its format", 0)
    if array.dtype.names is None:
        raise BadRecording(
            path,
            f"its array of {array.dtype} {list(array.shape)} has no names of columns; "
            "save four arrays x, y, t, p, or a structured array with these fields",
        )
    return events_of(path, {name: array[name] for name in array.dtype.names}, sensor, byte_of)


def _byte_of(start: int, size: int, event: int) -> int:
    return start + size * event
