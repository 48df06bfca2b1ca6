"""A recording with changed bytes is refused as a recording, or read as events that fit the sensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snntrain.data.events.events import BadRecording, Events, Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers import aedat2, aedat31, arrays, atis, gesture_npy

from . import encoders
from .bad_files.arrays import four, npz
from .encoders import Event, written

SENSOR = Sensor(128, 128)
EVENTS: list[Event] = [(1, 2, 3, 1), (4, 5, 6, 0), (100, 127, 2**20, 1)]
PACKETS = (encoders.aedat31_packet(EVENTS), encoders.aedat31_packet(EVENTS, kind=2))
FILES: dict[str, tuple[bytes, Callable[[Path], Events]]] = {
    "atis": (encoders.atis(EVENTS), lambda path: atis.read(path, SENSOR)),
    "aedat2": (encoders.aedat2(EVENTS), aedat2.read),
    "aedat31": (encoders.aedat31(*PACKETS), aedat31.read),
    "gesture_npy": (encoders.gesture_npy(EVENTS), gesture_npy.read),
    "structured": (encoders.structured_npy(EVENTS), lambda path: arrays.read(path, SENSOR)),
    "npz": (npz(**four()), lambda path: arrays.read(path, SENSOR)),
}
# A place in the file as a share of it, the bytes there to leave out, and the ones to put in.
changes = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4)), min_size=1, max_size=3)


@pytest.mark.parametrize("name", FILES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_changed_bytes(name: str, tmp_path: Path, changed: list[tuple[float, int, bytes]]) -> None:
    content, read = FILES[name]
    for share, left_out, put_in in changed:
        place = int(share * len(content))
        content = content[:place] + put_in + content[place + left_out :]
    try:
        events = read(written(tmp_path / "a", content))
    except BadRecording as error:
        assert len(error.lines) == 1
        return
    assert len(events)
    assert (np.diff(events.t) >= 0).all()
    assert set(events.p.tolist()) <= {0, 1}
    assert int(Binning("time", 4).frames(events, SENSOR).sum()) == len(events)
