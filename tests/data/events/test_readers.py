"""Each reader returns the events that a writer made from the format's table of bytes has written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.readers import aedat2, aedat31, arrays, arrays_h5, atis, gesture_npy

from . import encoders
from .encoders import Event, written

# The folder of a test is shared by its examples, which write the same file anew.
examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
few = settings(examples, max_examples=5)
NMNIST, DVS128 = Sensor(34, 34), Sensor(128, 128)


def recordings(sensor: Sensor, latest: int, fewest: int = 1) -> st.SearchStrategy[list[Event]]:
    """Lists of events in the order of time."""
    places = st.tuples(st.integers(0, sensor.width - 1), st.integers(0, sensor.height - 1), st.integers(0, 1))
    event = st.tuples(places, st.integers(0, latest))
    return st.lists(event, min_size=fewest, max_size=30).map(
        lambda some: [(x, y, t, p) for (x, y, p), t in sorted(some, key=lambda each: each[1])]
    )


def listed(events: Events) -> list[Event]:
    return list(zip(events.x.tolist(), events.y.tolist(), events.t.tolist(), events.p.tolist(), strict=True))


@examples
@given(recordings(NMNIST, 2**23 - 1))
def test_atis(tmp_path: Path, events: list[Event]) -> None:
    assert listed(atis.read(written(tmp_path / "a.bin", encoders.atis(events)), NMNIST)) == events


def test_an_overflow_of_the_clock_moves_all_later_events_and_is_no_event(tmp_path: Path) -> None:
    file = encoders.atis([(1, 2, 8000, 1), (9, 240, 0, 0), (3, 4, 50, 0), (9, 240, 0, 1), (5, 6, 7, 1)])
    read = atis.read(written(tmp_path / "a.bin", file), NMNIST)
    assert listed(read) == [(1, 2, 8000, 1), (3, 4, 8242, 0), (5, 6, 16391, 1)]


def test_row_240_is_a_row_of_a_sensor_that_has_it(tmp_path: Path) -> None:
    events = [(1, 2, 10, 1), (9, 240, 20, 0), (3, 4, 50, 0)]
    assert listed(atis.read(written(tmp_path / "a.bin", encoders.atis(events)), Sensor(256, 256))) == events


@pytest.mark.parametrize("orientation", ["spikingjelly", "jaer", "tonic"])
@examples
@given(recordings(DVS128, 2**32 - 1))
def test_aedat2(tmp_path: Path, orientation: str, events: list[Event]) -> None:
    path = written(tmp_path / "a.aedat", encoders.aedat2(events, orientation))
    assert listed(aedat2.read(path, orientation)) == events


def test_the_orientations_turn_and_mirror_the_same_event(tmp_path: Path) -> None:
    """A = 1, B = 2 and polarity bit 1, which is OFF for the first two."""
    path = written(tmp_path / "a.aedat", encoders.AEDAT2_HEADER + bytes([0, 0, 2, 3, 0, 0, 0, 9]))
    found = {name: listed(aedat2.read(path, name)) for name in aedat2.ORIENTATIONS}
    assert found == {"spikingjelly": [(125, 126, 9, 0)], "jaer": [(126, 2, 9, 0)], "tonic": [(2, 1, 9, 1)]}


@pytest.mark.parametrize("wrap", [2**31, 2**32])
def test_the_clock_of_aedat2_may_overflow(tmp_path: Path, wrap: int) -> None:
    events = [(1, 1, wrap - 5, 1), (2, 2, wrap + 3, 0), (3, 3, wrap + 2**20, 0), (4, 4, 2 * wrap - 1, 0)]
    file = encoders.aedat2(events)
    assert listed(aedat2.read(written(tmp_path / "a.aedat", file))) == events


def test_events_that_are_not_of_a_pixel_are_dropped(tmp_path: Path) -> None:
    file = (
        encoders.aedat2([(1, 1, 5, 1)])
        + bytes([0, 0, 0x80, 0, 0, 0, 0, 7])
        + encoders.aedat2([(2, 2, 8, 0)], header=b"")
    )
    assert listed(aedat2.read(written(tmp_path / "a.aedat", file))) == [(1, 1, 5, 1), (2, 2, 8, 0)]


@examples
@given(recordings(DVS128, 2**33), st.data())
def test_aedat31(tmp_path: Path, events: list[Event], data: st.DataObject) -> None:
    """Events in packets of any size, with other packets between them; some events are invalid."""
    packets, kept = [], []
    left = list(events)
    while left:
        overflows = left[0][2] >> 31
        alike = [event for event in left if event[2] >> 31 == overflows]
        some = alike[: data.draw(st.integers(1, len(alike)))]
        invalid = data.draw(st.frozensets(st.integers(0, len(some) - 1)))
        if data.draw(st.booleans()):
            kind = data.draw(st.sampled_from([0, 2, 3, 300]))
            packets.append(encoders.aedat31_packet(some, overflows=overflows, kind=kind, source=2))
        packets.append(encoders.aedat31_packet(some, invalid=invalid, overflows=overflows))
        kept += [event for index, event in enumerate(some) if index not in invalid]
        left = left[len(some) :]
    path = written(tmp_path / "a.aedat", encoders.aedat31(*packets))
    if kept:
        assert listed(aedat31.read(path)) == kept
    else:
        with pytest.raises(BadRecording, match="no events"):
            aedat31.read(path)


@examples
@given(recordings(DVS128, 2**40))
def test_gesture_npy(tmp_path: Path, events: list[Event]) -> None:
    assert listed(gesture_npy.read(written(tmp_path / "0.npy", encoders.gesture_npy(events)))) == events


@pytest.mark.parametrize("kind", [np.int64, np.int16, np.uint32, np.float32, ">f8"])
def test_gestures_of_any_type_of_numbers(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "0.npy", np.array([[1, 2, 1, 3], [4, 5, 0, 6]]).astype(kind))
    assert listed(gesture_npy.read(tmp_path / "0.npy")) == [(1, 2, 3000, 1), (4, 5, 6000, 0)]
    np.save(tmp_path / "0.npy", np.asfortranarray(np.array([[1, 2, 1, 3], [4, 5, 0, 6]]).astype(kind)))
    assert listed(gesture_npy.read(tmp_path / "0.npy")) == [(1, 2, 3000, 1), (4, 5, 6000, 0)]


@examples
@given(recordings(Sensor(480, 640), 2**50))
def test_a_structured_array(tmp_path: Path, events: list[Event]) -> None:
    assert listed(arrays.read(written(tmp_path / "a.npy", encoders.structured_npy(events)))) == events


@examples
@given(
    recordings(Sensor(480, 640), 2**50),
    st.sampled_from(["<u2", ">i4", "<i8"]),
    st.sampled_from(["?", "<i2", "<u8", "sign"]),
    st.booleans(),
)
def test_four_arrays(tmp_path: Path, events: list[Event], kind: str, polarity: str, compressed: bool) -> None:
    x, y, t, p = np.array(events).T
    on = 2 * p - 1 if polarity == "sign" else p.astype(polarity)
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "a.npz", x=x.astype(kind), y=y.astype(kind), t=t, p=on, label=np.array([3]))
    assert listed(arrays.read(tmp_path / "a.npz", Sensor(480, 640))) == events


def test_an_npz_of_one_structured_array(tmp_path: Path) -> None:
    kind = np.dtype([("t", "<i8"), ("x", "<i4"), ("y", "<i4"), ("p", "?")])
    np.savez(tmp_path / "a.npz", np.array([(5, 1, 2, True), (6, 3, 4, False)], kind))
    assert listed(arrays.read(tmp_path / "a.npz")) == [(1, 2, 5, 1), (3, 4, 6, 0)]


@pytest.mark.parametrize("layout", ["root", "group", "compound"])
@few
@given(events=recordings(Sensor(480, 640), 2**50))
def test_arrays_in_hdf5(tmp_path: Path, layout: str, events: list[Event]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if layout == "compound":
            file["events"] = np.array(events, np.dtype([("x", "<i4"), ("y", "<u2"), ("t", "<i8"), ("p", "|u1")]))
        else:
            place = file if layout == "root" else file.create_group("events")
            for name, column in zip("xytp", np.array(events).T, strict=True):
                place.create_dataset(name, data=column, compression="gzip")
    assert listed(arrays_h5.read(tmp_path / "a.h5", Sensor(480, 640))) == events


def test_an_event_knows_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bin", encoders.atis([(1, 1, 1, 1)]))
    assert atis.read(path, NMNIST).source == path
