"""Which reader a file takes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from snntrain.data.events.events import Sensor
from snntrain.data.events.readers import aedat2, formats
from snntrain.errors import UserError

from . import encoders
from .encoders import Event, written

EVENTS: list[Event] = [(1, 2, 3, 1), (4, 5, 6, 0)]
SENSOR = Sensor(128, 128)
CONTENT = {
    "a.bin": encoders.atis(EVENTS),
    "a.BIN": encoders.atis(EVENTS),
    "two.aedat": encoders.aedat2(EVENTS),
    "three.aedat": encoders.aedat31(encoders.aedat31_packet(EVENTS)),
    "ä ö.npy": encoders.structured_npy(EVENTS),
}


@pytest.mark.parametrize("name", CONTENT)
def test_the_suffix_and_the_version_decide(name: str, tmp_path: Path) -> None:
    events = formats.read(written(tmp_path / name, CONTENT[name]), SENSOR)
    assert (events.x.tolist(), events.t.tolist()) == ([1, 4], [3, 6])


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.hdf5"])
def test_arrays_of_ones_own(name: str, tmp_path: Path) -> None:
    columns = dict(zip("xytp", np.array(EVENTS).T, strict=True))
    if name == "a.npz":
        np.savez(tmp_path / name, **columns)
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / name, "w") as file:
            for key, column in columns.items():
                file[key] = column
    assert formats.read(tmp_path / name, SENSOR).p.tolist() == [1, 0]


def test_a_format_that_is_named_overrules_the_suffix(tmp_path: Path) -> None:
    path = written(tmp_path / "0.npy", encoders.gesture_npy(EVENTS))
    assert formats.read(path, SENSOR, "gesture_npy").t.tolist() == [3, 6]
    assert formats.read(written(tmp_path / "x.dat", CONTENT["a.bin"]), SENSOR, "atis").x.tolist() == [1, 4]


def test_the_orientation_is_passed_to_aedat2(tmp_path: Path) -> None:
    path = written(tmp_path / "a.aedat", encoders.aedat2(EVENTS, "tonic"))
    for name in ("auto", "aedat2"):
        assert formats.read(path, SENSOR, name, "tonic").x.tolist() == [1, 4]


def test_every_format_of_a_suffix_exists() -> None:
    assert set(formats.SUFFIXES.values()) - {"aedat"} | set(formats.VERSIONS.values()) <= set(formats.FORMATS)


def test_a_format_that_does_not_exist_is_refused() -> None:
    message = "dataset.format=aedat4: must be one of auto, aedat2, atis, aedat31, gesture_npy, arrays, arrays_h5"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        formats.check_format("aedat4")


def test_an_orientation_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    message = "dataset.orientation=upright: must be one of spikingjelly, jaer, tonic"
    with pytest.raises(UserError, match=f"^{message}$"):
        aedat2.read(tmp_path / "a.aedat", "upright")
