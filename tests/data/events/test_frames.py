"""Frames of counts against a deliberately naive implementation, which looks at one event at a time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from snntrain.data.events import frames
from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.frames import Binning

CAMERA, COCHLEA = Sensor(5, 7), Sensor(1, 11, 1)


def recording(events: list[tuple[int, int, int, int]], source: Path | None = None) -> Events:
    x, y, t, p = np.array(events, np.int64).reshape(-1, 4).T
    return Events(x.astype(np.uint16), y.astype(np.uint16), t.copy(), p.astype(np.uint8), source)


def recordings(sensor: Sensor, latest: int = 300) -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    event = st.tuples(
        st.integers(0, latest),
        st.integers(0, sensor.width - 1),
        st.integers(0, sensor.height - 1),
        st.integers(0, 1),
    )
    return st.lists(event, min_size=1, max_size=40).map(lambda some: [(x, y, t, p) for t, x, y, p in sorted(some)])


binnings = st.builds(
    Binning,
    by=st.sampled_from(["number", "time", "duration"]),
    steps=st.integers(1, 50),
    frame_us=st.integers(1, 400),
    binary=st.booleans(),
)


def naive(events: list[tuple[int, int, int, int]], binning: Binning, sensor: Sensor) -> dict[tuple[int, ...], int]:
    """Count the events of each place of each frame."""
    first, last = events[0][2], events[-1][2]
    counts: dict[tuple[int, ...], int] = {}
    for index, (x, y, t, p) in enumerate(events):
        if binning.by == "number":
            each = len(events) // binning.steps
            frame = binning.steps - 1 if each == 0 else min(index // each, binning.steps - 1)
        elif binning.by == "duration":
            frame = (t - first) // binning.frame_us
        elif last == first:
            frame = binning.steps - 1
        else:
            frame = min(int(Fraction(t - first, last - first) * binning.steps), binning.steps - 1)
        if sensor.height == 1:
            place: tuple[int, ...] = (frame, x // binning.group_units)
        else:
            place = (frame, p, y // binning.downsample, x // binning.downsample)
        counts[place] = counts.get(place, 0) + 1
    return counts


def check(found: NDArray[np.uint8], counts: dict[tuple[int, ...], int], binary: bool) -> None:
    expected = np.zeros(found.shape, np.uint8)
    for place, count in counts.items():
        expected[place] = 1 if binary else min(count, 255)
    np.testing.assert_array_equal(found, expected)


@given(recordings(CAMERA), binnings, st.integers(1, 8))
def test_frames_of_a_camera(events: list[tuple[int, int, int, int]], binning: Binning, downsample: int) -> None:
    binning = Binning(binning.by, binning.steps, binning.frame_us, downsample, binning.binary)
    found = binning.frames(recording(events), CAMERA)
    assert found.shape[1:] == (2, -(-5 // downsample), -(-7 // downsample)) == binning.shape(CAMERA)
    check(found, naive(events, binning, CAMERA), binning.binary)


@given(recordings(COCHLEA), binnings, st.integers(1, 12))
def test_frames_of_units(events: list[tuple[int, int, int, int]], binning: Binning, group: int) -> None:
    binning = Binning(binning.by, binning.steps, binning.frame_us, 1, binning.binary, group)
    found = binning.frames(recording(events), COCHLEA)
    assert found.shape[1:] == (-(-11 // group),) == binning.shape(COCHLEA)
    check(found, naive(events, binning, COCHLEA), binning.binary)


@given(recordings(CAMERA), binnings)
def test_every_event_is_counted_once_and_the_last_one_in_the_last_frame(
    events: list[tuple[int, int, int, int]], binning: Binning
) -> None:
    binning = Binning(binning.by, binning.steps, binning.frame_us)
    found = binning.frames(recording(events), CAMERA)
    assert found.dtype == np.uint8
    assert int(found.sum()) == len(events)
    x, y, _, p = events[-1]
    assert found[-1, p, y, x] >= 1
    span = events[-1][2] - events[0][2]
    assert len(found) == (span // (binning.frame_us or 1) + 1 if binning.by == "duration" else binning.steps)


@given(recordings(CAMERA, 2**61), st.integers(1, 20))
def test_frames_of_a_long_time(events: list[tuple[int, int, int, int]], steps: int) -> None:
    """The product of time and frames needs more than 64 bits."""
    binning = Binning("time", steps)
    check(binning.frames(recording(events), CAMERA), naive(events, binning, CAMERA), False)


@given(recordings(CAMERA), binnings)
def test_a_later_start_changes_nothing(events: list[tuple[int, int, int, int]], binning: Binning) -> None:
    later = [(x, y, t + 12_345, p) for x, y, t, p in events]
    np.testing.assert_array_equal(binning.frames(recording(events), CAMERA), binning.frames(recording(later), CAMERA))


@given(recordings(CAMERA), binnings, st.integers(1, 200), st.sampled_from([0, 10**9]))
def test_frames_counted_in_parts_or_by_sorting_are_the_same(
    events: list[tuple[int, int, int, int]], binning: Binning, at_once: int, few: int
) -> None:
    whole = binning.frames(recording(events), CAMERA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "AT_ONCE", at_once)
        patch.setattr(frames, "FEW", few)
        np.testing.assert_array_equal(binning.frames(recording(events), CAMERA), whole)


@pytest.mark.parametrize("by", ["number", "time", "duration"])
def test_one_event_is_one_count(by: str) -> None:
    found = Binning(by, 4, 10).frames(recording([(3, 2, 77, 1)]), CAMERA)
    assert int(found.sum()) == found[-1, 1, 2, 3] == 1
    assert len(found) == (1 if by == "duration" else 4)


@pytest.mark.parametrize("by", ["number", "time"])
def test_more_frames_than_microseconds_and_events(by: str) -> None:
    found = Binning(by, 50_000).frames(recording([(0, 0, 5, 0), (1, 0, 6, 0), (2, 0, 7, 0)]), CAMERA)
    assert found.shape == (50_000, 2, 5, 7)
    assert int(found.sum()) == 3


def test_an_empty_span_is_an_empty_frame() -> None:
    found = Binning("time", 3).frames(recording([(0, 0, 0, 0), (1, 0, 99, 1)]), CAMERA)
    assert [int(frame.sum()) for frame in found] == [1, 0, 1]


def test_equal_counts_and_the_last_frame_takes_the_rest() -> None:
    found = Binning("number", 3).frames(recording([(0, 0, t, 0) for t in range(11)]), CAMERA)
    assert [int(frame.sum()) for frame in found] == [3, 3, 5]


def test_frames_of_a_duration_follow_the_first_event_without_gaps() -> None:
    found = Binning("duration", 1, 10).frames(recording([(0, 0, t, 0) for t in (103, 112, 113, 140)]), CAMERA)
    assert [int(frame.sum()) for frame in found] == [2, 1, 0, 1]


def test_counts_end_at_255_and_binary_frames_at_1() -> None:
    events = recording([(1, 1, 0, 1)] * 300 + [(2, 1, 0, 1)] * 254)
    found = Binning("number", 1).frames(events, CAMERA)
    assert found[0, 1, 1].tolist() == [0, 255, 254, 0, 0, 0, 0]
    assert Binning("number", 1, binary=True).frames(events, CAMERA)[0, 1, 1].tolist() == [0, 1, 1, 0, 0, 0, 0]
    # The sum of a square of pixels ends there, not each of its pixels.
    assert Binning("number", 1, downsample=2).frames(events, CAMERA)[0, 1, 0].tolist() == [255, 254, 0, 0]


def test_a_camera_with_one_polarity_counts_both() -> None:
    found = Binning("number", 1).frames(recording([(1, 1, 0, 1), (1, 1, 0, 0)]), Sensor(5, 7, 1))
    assert found.shape == (1, 1, 5, 7)
    assert found[0, 0, 1, 1] == 2


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ((7, 0, 1, 0), "event 1 has x=7, but the sensor has x from 0 to 6"),
        ((0, 5, 1, 0), "event 1 has y=5, but the sensor has y from 0 to 4"),
    ],
)
def test_an_event_outside_the_sensor_is_refused(event: tuple[int, int, int, int], reason: str) -> None:
    with pytest.raises(BadRecording, match=f"^some.bin: {reason}"):
        Binning("number", 1).frames(recording([(0, 0, 0, 0), event], Path("some.bin")), CAMERA)


def test_a_recording_without_a_file_is_refused_too() -> None:
    with pytest.raises(BadRecording, match=r"^a recording: it has no events"):
        Binning("number", 1).frames(recording([]), CAMERA)


def test_a_recording_with_too_many_frames_is_named() -> None:
    hour = recording([(0, 0, 0, 0), (0, 0, 3_600_000_000, 0)], Path("hour.bin"))
    with pytest.raises(BadRecording) as raised:
        Binning("duration", 1, 10_000).frames(hour, CAMERA)
    assert str(raised.value) == (
        "hour.bin: its 3,600 s are 360,001 frames of dataset.frame_us=10000, more than 100,000; give a larger one"
    )
    with pytest.raises(
        BadRecording, match=r"^hour.bin: its 100,000 frames of 2x480x640 take 61,440 MB, more than 1,074"
    ):
        Binning("time", 100_000).frames(hour, Sensor(480, 640))


def test_events_out_of_order_are_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="order of time"):
        Binning("number", 1).frames(recording([(0, 0, 5, 0), (0, 0, 4, 0)]), CAMERA)
