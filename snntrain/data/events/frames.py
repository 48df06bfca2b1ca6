"""Frames of counts from the events of a recording."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snntrain.data.events.checks import check_inside, source_of
from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.errors import UserError

KINDS = ("number", "time", "duration")
# Frames of the longest recording, and the bytes of all its frames. A recording of SHD has 140 frames of 10 ms.
MOST_FRAMES = 100_000
MOST_BYTES = 2**30
# Pixels that are counted at once: their counts of 64 bits take 8 MB.
AT_ONCE = 2**20
# With more places per event than this, sorting the events is faster than counting at every place.
FEW = 8


@dataclass(frozen=True)
class Binning:
    """How events become frames.

    Args:
        by: how a recording is divided. `number`: frames of the same number of events, N // steps, and the last has the
            rest as well. `time`: frames of the same time, from the first event to the last; a frame begins with its
            first moment and ends before the first of the next one, the last frame also has the last moment. `duration`:
            frames of `frame_us` from the first event on, without gaps, floor(time / frame_us) + 1 of them. A frame
            without events is empty.
        steps: number of frames by `number` and `time`.
        frame_us: microseconds of a frame by `duration`; else it is ignored.
        downsample: side of the square of pixels whose counts are added; if a side of the sensor cannot be divided by
            it, the last row or column of squares has fewer pixels.
        binary: whether a frame has 1 instead of every count above 0.
        group_units: number of neighbouring units whose counts are added, for a sensor of one row with one polarity.

    Raises:
        UserError: there is no such `by`, `duration` has no `frame_us`, or a number is less than 1.
    """

    by: str
    steps: int
    frame_us: int | None = None
    downsample: int = 1
    binary: bool = False
    group_units: int = 1

    def __post_init__(self) -> None:
        if self.by not in KINDS:
            raise UserError(f"dataset.frames_by={self.by}: must be one of {', '.join(KINDS)}")
        if self.by == "duration" and self.frame_us is None:
            raise UserError("dataset.frames_by=duration: needs the length of a frame; give dataset.frame_us")
        numbers = {
            "T": self.steps,
            "dataset.frame_us": 1 if self.frame_us is None else self.frame_us,
            "dataset.downsample": self.downsample,
            "dataset.group_units": self.group_units,
        }
        for key, number in numbers.items():
            if number < 1:
                raise UserError(f"{key}={number}: must be at least 1; give a larger one")

    def shape(self, sensor: Sensor) -> tuple[int, ...]:
        """Return the shape of a frame: `[polarities, H, W]`, or `[units]` for a sensor of one row with one polarity.

        Raises:
            UserError: `downsample` is given for units, or `group_units` for pixels.
        """
        if (sensor.height, sensor.polarities) == (1, 1):
            if self.downsample != 1:
                raise UserError(
                    f"dataset.downsample={self.downsample}: this sensor has one row of units; take dataset.group_units"
                )
            return (-(-sensor.width // self.group_units),)
        if self.group_units != 1:
            raise UserError(
                f"dataset.group_units={self.group_units}: this sensor has {sensor.height} rows of pixels, not units; "
                "take dataset.downsample"
            )
        return (sensor.polarities, -(-sensor.height // self.downsample), -(-sensor.width // self.downsample))

    def frames(self, events: Events, sensor: Sensor) -> NDArray[np.uint8]:
        """Return the frames of a recording, `[T, polarities, H, W]`, or `[T, units]`: counts up to 255.

        Channel 0 has the OFF events and channel 1 the ON events. A sensor with one polarity has the events of both in
        one channel.

        Args:
            events: the events, in the order of time.
            sensor: where they may lie.

        Raises:
            BadRecording: there are no events, one lies outside the sensor, or there are too many frames for one
                recording.
            UserError: the settings do not suit the sensor.
            ValueError: time runs backwards.
        """
        shape = self.shape(sensor)
        path = source_of(events)
        if not len(events):
            raise BadRecording(path, "it has no events, so no frames; leave it out")
        if (events.t[1:] < events.t[:-1]).any():
            raise ValueError("the events must be in the order of time")
        check_inside(path, events.x, "x", sensor.width)
        check_inside(path, events.y, "y", sensor.height)
        count = self._count(events)
        size = count * math.prod(shape)
        if size > MOST_BYTES:
            raise BadRecording(
                path,
                f"its {count:,} frames of {'x'.join(map(str, shape))} take {size / 1e6:,.0f} MB, more than "
                f"{MOST_BYTES / 1e6:,.0f}; take fewer frames, or dataset.downsample",
            )
        counts = _counted(self._places(events, shape), self._starts(events, count), math.prod(shape))
        if self.binary:
            np.minimum(counts, 1, out=counts)
        return counts.reshape(-1, *shape)

    def _count(self, events: Events) -> int:
        """Return the number of frames of a recording."""
        if self.by != "duration":
            return self.steps
        microseconds = int(events.t[-1]) - int(events.t[0])
        count = microseconds // self._frame_us + 1
        if count > MOST_FRAMES:
            raise BadRecording(
                source_of(events),
                f"its {microseconds / 1e6:,.6g} s are {count:,} frames of dataset.frame_us={self._frame_us}, "
                f"more than {MOST_FRAMES:,}; give a larger one",
            )
        return count

    def _starts(self, events: Events, count: int) -> NDArray[np.int64]:
        """Return the index of the first event of each frame, and the number of events, int64 `[T + 1]`."""
        step = np.arange(1, count)
        if self.by == "number":
            inner = step * (len(events) // count)
        elif self.by == "duration":
            inner = np.searchsorted(events.t, events.t[0] + step * self._frame_us)
        else:
            # In whole numbers, and in two terms: the product of step and time could exceed 64 bits.
            whole, rest = divmod(int(events.t[-1]) - int(events.t[0]), count)
            inner = np.searchsorted(events.t, events.t[0] + step * whole - (-step * rest // count))
        return np.concatenate([[0], inner, [len(events)]])

    @property
    def _frame_us(self) -> int:
        return self.frame_us or 1

    def _places(self, events: Events, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Return the place of each event in its flattened frame, int64 `[n]`."""
        x = events.x.astype(np.int64)
        if len(shape) == 1:
            return x if self.group_units == 1 else x // self.group_units
        channels, height, width = shape
        y = events.y.astype(np.int64)
        if self.downsample > 1:
            x, y = x // self.downsample, y // self.downsample
        places = y * width + x
        return places if channels == 1 else places + (events.p > 0) * np.int64(height * width)


def _counted(places: NDArray[np.int64], starts: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """Return the number of events at each of the `size` places of each frame, at most 255, uint8 `[T, size]`."""
    count = len(starts) - 1
    if count * size > FEW * len(places):
        frames = np.zeros(count * size, np.uint8)
        found, counts = np.unique(places + size * np.repeat(np.arange(count), np.diff(starts)), return_counts=True)
        frames[found] = np.minimum(counts, 255)
        return frames.reshape(count, size)
    frames = np.empty((count, size), np.uint8)
    at_once = max(1, AT_ONCE // size)
    for first in range(0, count, at_once):
        last = min(first + at_once, count)
        frame = np.repeat(np.arange(last - first), np.diff(starts[first : last + 1]))
        counts = np.bincount(places[starts[first] : starts[last]] + frame * size, minlength=(last - first) * size)
        frames[first:last] = np.minimum(counts, 255).reshape(-1, size)
    return frames
