"""N-MNIST: the official split, a share of an incomplete Train, and real recordings."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import torch

from snntrain.data.cache import caches
from snntrain.data.dataset import Data
from snntrain.data.sets.nmnist import nmnist
from snntrain.errors import UserError
from tests.data.files import NO_NETWORK

from .layouts import write_nmnist

REAL = Path(os.environ.get("SNNTRAIN_DATA", "nowhere")) / "NMNIST" / "Train"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NO_NETWORK)


def sizes(data: Data) -> tuple[int, int, int]:
    return len(data.train), len(data.validation), len(data.test)


def test_the_official_split(tmp_path: Path) -> None:
    write_nmnist(tmp_path, train=10, test=3)
    data = nmnist(5, str(tmp_path))
    assert sizes(data) == (90, 10, 30)
    assert data.class_names == tuple("0123456789")
    assert data.scale == 1.0
    frames = torch.stack([data.test[index] for index in range(30)])
    assert (frames.dtype, frames.shape) == (torch.uint8, (30, 5, 2, 34, 34))
    # 60 events in 5 frames of as many.
    assert frames.sum((2, 3, 4), dtype=torch.int64).unique().tolist() == [12]
    assert data.test.labels.tolist() == [digit for digit in range(10) for _ in range(3)]


def test_a_share_of_train_is_the_test_if_it_is_asked_for(tmp_path: Path) -> None:
    write_nmnist(tmp_path, train=10, test=None)
    data = nmnist(2, str(tmp_path), test=0.2)
    # One of the 8 of each digit is held out for validation.
    assert sizes(data) == (70, 10, 20)
    assert data.test.labels.bincount().tolist() == [2] * 10
    again = nmnist(2, str(tmp_path), test=0.2)
    assert all(torch.equal(data.test[index], again.test[index]) for index in range(20))
    # The cache has all recordings; the split is chosen after that.
    other = nmnist(2, str(tmp_path), test=0.5, split_seed=1)
    assert len(other.test) == 50
    assert [cache.part for cache in caches(tmp_path)] == ["train"]


def test_without_test_recordings_and_without_a_share_the_remedy_is_named(tmp_path: Path) -> None:
    write_nmnist(tmp_path, test=None)
    with pytest.raises(UserError) as error:
        nmnist(2, str(tmp_path))
    (line,) = error.value.lines
    assert f"dataset=nmnist: {tmp_path / 'NMNIST'} lacks Test and the download failed" in line
    assert "download Test.zip from https://www.garrickorchard.com/datasets/n-mnist into that folder" in line
    assert "dataset.test=0.2" in line


def test_the_folder_of_the_set_may_be_named_itself(tmp_path: Path) -> None:
    write_nmnist(tmp_path)
    assert sizes(nmnist(2, str(tmp_path / "NMNIST"))) == sizes(nmnist(2, str(tmp_path)))
    assert len(caches(tmp_path)) == 2


def test_an_incomplete_set_is_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_nmnist(tmp_path)
    with caplog.at_level(logging.WARNING):
        nmnist(2, str(tmp_path))
    notes = [record.getMessage() for record in caplog.records]
    assert [note for note in notes if "Train has 40 recordings, the published set has 60,000" in note]
    assert [note for note in notes if "Test has 20 recordings, the published set has 10,000" in note]


def test_a_digit_without_recordings_is_an_error(tmp_path: Path) -> None:
    folder = write_nmnist(tmp_path)
    for path in (folder / "Train" / "7").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"Train/7: has no recordings \(\*\.bin\)"):
        nmnist(2, str(tmp_path))


def test_a_damaged_recording_is_named_with_its_byte(tmp_path: Path) -> None:
    folder = write_nmnist(tmp_path)
    damaged = sorted((folder / "Train" / "3").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:-2])
    with pytest.raises(UserError, match=rf"{damaged.name}.*byte 295"):
        nmnist(2, str(tmp_path))
    assert caches(tmp_path) == []


@pytest.mark.parametrize(
    ("keys", "shape"),
    [
        ({"downsample": 2}, (4, 2, 17, 17)),
        ({"binary": True}, (4, 2, 34, 34)),
        ({"frames_by": "time"}, (4, 2, 34, 34)),
        ({"frames_by": "duration", "frame_us": 100_000}, (3, 2, 34, 34)),
    ],
)
def test_each_setting_has_a_cache_of_its_own(keys: dict[str, object], shape: tuple[int, ...], tmp_path: Path) -> None:
    write_nmnist(tmp_path)
    plain = nmnist(4, str(tmp_path))
    data = nmnist(4, str(tmp_path), **keys)  # type: ignore[arg-type]
    assert data.train[0].shape == shape
    assert len(caches(tmp_path)) == 4
    if "binary" in keys:
        assert torch.equal(data.test[0], plain.test[0].clamp(max=1))


def test_T_is_not_part_of_the_cache_of_a_duration(tmp_path: Path) -> None:
    write_nmnist(tmp_path)
    for T in (4, 8):
        nmnist(T, str(tmp_path), frames_by="duration", frame_us=50_000)
    assert len(caches(tmp_path)) == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"frames_by": "duration"}, r"dataset\.frames_by=duration: needs .*dataset\.frame_us"),
        ({"frames_by": "events"}, r"dataset\.frames_by=events: must be one of number, time, duration"),
    ],
)
def test_settings_that_do_not_fit_are_refused(keys: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        nmnist(4, str(tmp_path), **keys)  # type: ignore[arg-type]


@pytest.mark.skipif(not REAL.is_dir(), reason="there is no NMNIST/Train below $SNNTRAIN_DATA")
def test_real_recordings(tmp_path: Path) -> None:
    for digit in range(10):
        for path in sorted((REAL / str(digit)).iterdir())[:5]:
            target = tmp_path / "NMNIST" / "Train" / str(digit) / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    data = nmnist(10, str(tmp_path), validation=0.2, test=0.2)
    assert sizes(data) == (30, 10, 10)
    for split in (data.train, data.validation, data.test):
        for index in range(len(split)):
            counts = split[index].sum((1, 2, 3), dtype=torch.int64)
            # Counts saturate at 255, which a pixel of N-MNIST does not reach in a tenth of a recording.
            assert counts.max() - counts.min() <= 9
            assert counts.min() > 100
