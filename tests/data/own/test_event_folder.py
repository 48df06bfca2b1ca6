"""Recordings in folders as a data set."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from snntrain.data.events.events import Sensor
from snntrain.data.events.frames import Binning
from snntrain.data.events.readers import atis
from snntrain.data.own.event_folder import load
from snntrain.errors import UserError


def record(path: Path, seed: int, height: int = 6, width: int = 8, span: int = 1000) -> Path:
    """Write a recording of 50 random events."""
    random = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.sort(random.integers(0, span, 50))
    x, y = random.integers(0, width, 50), random.integers(0, height, 50)
    np.savez(path, x=x, y=y, t=t, p=random.integers(0, 2, 50))
    return path


def recordings(root: Path, count: int = 5, **options: int) -> Path:
    for label, name in enumerate(("left", "right")):
        for number in range(count):
            record(root / name / f"{number}.npz", 100 * label + number, **options)
    return root


def test_recordings_become_frames_of_counts(tmp_path: Path) -> None:
    recordings(tmp_path / "train")
    recordings(tmp_path / "test", 2)
    data = load(5, str(tmp_path), sensor=(6, 8), validation=0.2)
    assert (data.class_names, data.scale, len(data.test)) == (("left", "right"), 1.0, 4)
    sample = data.test[0]
    assert (tuple(sample.shape), int(sample.sum())) == ((5, 2, 6, 8), 50)
    assert [int(frame.sum()) for frame in sample] == [10] * 5


def test_frames_of_equal_duration_have_lengths(tmp_path: Path) -> None:
    recordings(tmp_path, 4)
    record(tmp_path / "left" / "long.npz", 9, span=3000)
    data = load(5, str(tmp_path), sensor=(6, 8), frames_by="duration", frame_us=500)
    lengths = [int(length) for split in (data.train, data.validation, data.test) for length in split.lengths]
    assert sorted(lengths)[:-1] == [2] * 8
    assert max(lengths) == 6


def test_a_sensor_of_height_one_has_units(tmp_path: Path) -> None:
    data = load(5, str(recordings(tmp_path, height=1, width=20)), sensor=(1, 20), group_units=5)
    assert tuple(data.test[0].shape) == (5, 4)


def test_the_suffix_chooses_the_reader(tmp_path: Path) -> None:
    """The files have the format of N-MNIST, and the frames are those of its reader and of `Binning`."""
    events = np.zeros((40, 5), np.uint8)
    events[:, 0] = np.arange(40) % 34
    events[:, 1] = np.arange(40) % 30
    events[:, 2] = np.arange(40) % 2 * 128
    events[:, 4] = np.arange(40)
    for name in ("3", "5"):
        for number in range(3):
            (tmp_path / name).mkdir(exist_ok=True)
            events[0, 0] = number
            (tmp_path / name / f"{number:05}.bin").write_bytes(events.tobytes())
    data = load(4, str(tmp_path), sensor=(34, 34), downsample=2, binary=True)
    assert tuple(data.test[0].shape) == (4, 2, 17, 17)
    sensor = Sensor(34, 34)
    frames = [
        Binning("number", 4, downsample=2, binary=True).frames(atis.read(path, sensor), sensor).tobytes()
        for path in tmp_path.glob("*/*.bin")
    ]
    assert data.test[0].numpy().tobytes() in frames


def _damaged(root: Path) -> Path:
    recordings(root)
    (root / "left" / "none.npz").touch()
    shutil.copy(record(root / "big.npz", 3, height=200), root / "left" / "outside.npz")
    return root


def test_recordings_that_cannot_be_read_are_listed(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load(5, str(_damaged(tmp_path)), sensor=(6, 8))
    assert "2 of 12 recordings cannot be read" in raised.value.lines[0]
    assert [name for line in raised.value.lines for name in ("none.npz", "outside.npz") if name in line] == [
        "none.npz",
        "outside.npz",
    ]


def test_recordings_that_cannot_be_read_are_left_out_on_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        data = load(5, str(_damaged(tmp_path)), sensor=(6, 8), skip_bad=True)
    assert sum(map(len, (data.train, data.validation, data.test))) == 10
    assert "2 of 12" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sensor": (1, 20), "downsample": 2}, "dataset.downsample=2"),
        ({"sensor": (6, 8), "group_units": 2}, "dataset.group_units=2"),
        ({"sensor": (6, 8), "frames_by": "duration"}, "dataset.frames_by=duration"),
        ({"sensor": (6, 8), "format": "dat"}, "dataset.format=dat"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_a_file_is_read(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        load(5, str(tmp_path / "absent"), **options)  # type: ignore[arg-type]
