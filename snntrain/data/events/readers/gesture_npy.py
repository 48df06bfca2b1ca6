"""The arrays of DVS128 Gesture that tonic downloads: [n, 4] with the columns x, y, p and t in milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.events import DVS128, BadRecording, Events, Sensor
from snntrain.data.events.readers.columns import LATEST, events_of
from snntrain.data.events.readers.npy import load_npy


def read(path: Path, sensor: Sensor = DVS128) -> Events:
    """Return the events of one gesture.

    The array may have any type of numbers. Milliseconds become microseconds, rounded.

    Args:
        path: the file.
        sensor: rows and columns; all events must lie on them.

    Raises:
        BadRecording: the file cannot be read or is damaged, its array is not [n, 4], a number is not a whole one, an
            event lies outside the sensor, time runs backwards, or there are no events.
    """
    array, start = load_npy(path)
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iuf":
        raise BadRecording(
            path, f"its array is {array.dtype} {list(array.shape)}, not numbers [n, 4]; name its format", start
        )
    size = array.dtype.itemsize * (4 if array.flags.c_contiguous else 1)

    def byte_of(event: int) -> int:
        return start + size * event

    x, y, p, t = np.ascontiguousarray(array.T)
    columns = {name: _whole(path, name, column, byte_of) for name, column in (("x", x), ("y", y), ("p", p))}
    columns["t"] = _microseconds(path, t, byte_of)
    return events_of(path, columns, sensor, byte_of)


def _whole(path: Path, name: str, column: NDArray[Any], byte_of: Any) -> NDArray[Any]:
    """Return a column as integers."""
    if column.dtype.kind != "f":
        return column
    with np.errstate(invalid="ignore"):
        whole = column.astype(np.int32)
    wrong = whole != column
    if wrong.any():
        event = int(wrong.argmax())
        raise BadRecording(path, f"its {name} is {column[event]}, not a whole number; name its format", byte_of(event))
    return whole


def _microseconds(path: Path, t: NDArray[Any], byte_of: Any) -> NDArray[np.int64]:
    """Return the times in microseconds."""
    exact = t.astype(np.float64) if t.dtype.kind == "f" else t
    wrong = ~((exact > -LATEST / 1000) & (exact < LATEST / 1000))
    if wrong.any():
        event = int(wrong.argmax())
        raise BadRecording(path, f"its time is {t[event]}; save milliseconds", byte_of(event))
    return np.rint(exact * 1000).astype(np.int64) if t.dtype.kind == "f" else exact.astype(np.int64) * 1000
