"""What every reader checks: there are events, they lie on the sensor, and time does not run backwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.events import BadRecording, Events, Sensor

# The byte of an event in its file; None if an event has no single place there, as in a compressed file.
ByteOf = Callable[[int], int | None]
AGAIN = "get the file again"


def nowhere(_: int) -> int | None:
    """Return None as the byte of an event."""
    return None


def checked(events: Events, sensor: Sensor | None, byte_of: ByteOf = nowhere) -> Events:
    """Return the events, which have been checked.

    Args:
        events: the events of a file, named by their `source`.
        sensor: the sensor; None if the file may be of any.
        byte_of: gives the byte of an event in the file.

    Raises:
        BadRecording: there are no events, one lies outside the sensor, or time runs backwards.
    """
    path = source_of(events)
    if not len(events):
        raise BadRecording(path, "it has no events; leave the file out")
    if sensor is not None:
        check_inside(path, events.x, "x", sensor.width, byte_of)
        check_inside(path, events.y, "y", sensor.height, byte_of)
    check_order(path, events.t, byte_of)
    return events


def source_of(events: Events) -> Path:
    """Return the file of a recording, or words for one that has no file."""
    return events.source or Path("a recording")


def check_inside(path: Path, values: NDArray[Any], name: str, size: int, byte_of: ByteOf = nowhere) -> None:
    """Check that a coordinate of all events is from 0 to size - 1.

    Raises:
        BadRecording: one is not.
    """
    if not values.size or (int(values.max()) < size and (values.dtype.kind == "u" or int(values.min()) >= 0)):
        return
    event = int(np.argmax((values < 0) | (values >= size)))
    byte = byte_of(event)
    raise BadRecording(
        path,
        f"{_event(event, byte)} has {name}={int(values[event]):,}, but the sensor has {name} from 0 to {size - 1:,}; "
        f"{AGAIN}, or name its sensor",
        byte,
    )


def check_order(path: Path, t: NDArray[np.int64], byte_of: ByteOf = nowhere) -> None:
    """Check that the time of the events never decreases.

    Raises:
        BadRecording: it does.
    """
    back = t[1:] < t[:-1]
    if not back.any():
        return
    event = int(back.argmax()) + 1
    byte = byte_of(event)
    raise BadRecording(
        path,
        f"time runs backwards at {_event(event, byte)}, from {int(t[event - 1]):,} to {int(t[event]):,} µs; "
        f"{AGAIN}, or sort its events by time",
        byte,
    )


def _event(event: int, byte: int | None) -> str:
    """Return the words for an event: its number, unless its byte is given."""
    return f"event {event:,}" if byte is None else "the event"
