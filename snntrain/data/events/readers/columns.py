"""Events from four arrays: x, y, t and p."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.checks import ByteOf, check_inside, checked, nowhere
from snntrain.data.events.events import BadRecording, Events, Sensor

NAMES = ("x", "y", "t", "p")
# 146,000 years; the difference of two times still fits 64 bits.
LATEST = 2**62


def events_of(
    path: Path, columns: Mapping[str, NDArray[Any]], sensor: Sensor | None, byte_of: ByteOf = nowhere
) -> Events:
    """Return the events of four arrays of the same length, of any integer type.

    Args:
        path: their file, for messages.
        columns: the arrays x, y, t in microseconds, and p: 1 or true for ON, 0, false or -1 for OFF.
        sensor: rows and columns; None if only the limit of 65,536 is known.
        byte_of: gives the byte of an event in the file.

    Raises:
        BadRecording: an array is missing or is not of integers, lengths differ, values are out of range, time runs
            backwards, or there are no events.
    """
    missing = [name for name in NAMES if name not in columns]
    if missing:
        raise BadRecording(path, f"it has no {' and no '.join(missing)}; save x, y, t and p")
    for name in NAMES:
        _check_kind(path, name, columns[name], len(columns["t"]))
    limits = (65_536, 65_536) if sensor is None else (sensor.width, sensor.height)
    for name, limit in zip("xy", limits, strict=True):
        check_inside(path, columns[name], name, limit, byte_of)
    x, y, t, p = (columns[name] for name in NAMES)
    if len(t) and not -LATEST < int(t.min()) <= int(t.max()) < LATEST:
        raise BadRecording(path, f"its times reach from {int(t.min()):,} to {int(t.max()):,}; save microseconds")
    on = _polarity(path, p)
    return checked(Events(x.astype(np.uint16), y.astype(np.uint16), t.astype(np.int64), on, path), sensor, byte_of)


def _check_kind(path: Path, name: str, array: NDArray[Any], length: int) -> None:
    if array.ndim != 1 or array.dtype.kind not in ("iub" if name == "p" else "iu"):
        unit = ", of microseconds" if name == "t" else ""
        shape = list(array.shape)
        raise BadRecording(path, f"{name} is {array.dtype} {shape}; save one dimension of integers{unit}")
    if len(array) != length:
        raise BadRecording(path, f"it has {len(array):,} {name} and {length:,} t; save one of each per event")


def _polarity(path: Path, p: NDArray[Any]) -> NDArray[np.uint8]:
    if not len(p):
        return p.astype(np.uint8)
    low, high = int(p.min()), int(p.max())
    if low < -1 or high > 1 or (low == -1 and not p.all()):
        found = "-1, 0 and 1" if (low, high) == (-1, 1) else f"{low} to {high}"
        raise BadRecording(path, f"its polarities are {found}; save 1 for ON, and 0 or -1 for OFF")
    return (p > 0).astype(np.uint8)
