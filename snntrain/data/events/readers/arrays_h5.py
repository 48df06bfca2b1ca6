"""Arrays of one recording in an HDF5 file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.readers.columns import NAMES, events_of
from snntrain.data.events.readers.content import MOST_BYTES
from snntrain.data.events.readers.hdf5 import damage_reported, dataset, member, opened

GROUP = "events"


def read(path: Path, sensor: Sensor | None = None) -> Events:
    """Return the events of an HDF5 file with one recording.

    It has the data sets x, y, t and p, in a group `events` or without one, or a compound data set `events` with these
    fields. All are integers, t counts microseconds, p is 1 for ON and 0 or -1 for OFF.

    Args:
        path: the file.
        sensor: rows and columns; None if only the limit of 65,536 is known.

    Raises:
        UserError: h5py is not installed.
        BadRecording: the file cannot be read or is damaged, data are missing or have another type, an event lies
            outside the sensor, time runs backwards, or there are no events.
    """
    with opened(path) as file, damage_reported(path):
        columns = _columns(path, file)
    return events_of(path, columns, sensor)


def _columns(path: Path, file: Any) -> dict[str, NDArray[Any]]:
    group = None if member(path, file, "x") is not None else member(path, file, GROUP)
    if group is None:
        return {name: _read(path, file, name) for name in NAMES}
    if hasattr(group, "keys"):
        return {name: _read(path, file, f"{GROUP}/{name}") for name in NAMES}
    array = _read(path, file, GROUP)
    return {name: array[name] for name in array.dtype.names or ()}


def _read(path: Path, file: Any, name: str) -> NDArray[Any]:
    found = dataset(path, file, name)
    if found.ndim != 1 or found.dtype.hasobject:
        raise BadRecording(path, f"its {name} is {found.dtype} {list(found.shape)}; save one dimension of numbers")
    size = found.size * found.dtype.itemsize
    if size > MOST_BYTES:
        raise BadRecording(path, f"its {name} has {size / 1e6:,.0f} MB, more than {MOST_BYTES / 1e6:,.0f}; cut it")
    array: NDArray[Any] = np.asarray(found[...])
    return array
