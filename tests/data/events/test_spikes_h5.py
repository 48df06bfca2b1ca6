"""Files of spikes as SHD and SSC have them."""

from __future__ import annotations

import os
import pickle
import shutil
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snntrain.data.events.events import BadRecording
from snntrain.data.events.readers import spikes_h5
from snntrain.data.events.readers.spikes_h5 import SpikeFile

from .encoders import spikes_h5 as write

pytest.importorskip("h5py")
half = st.floats(0, 1.5, width=16)
rows = st.lists(st.lists(st.tuples(half, st.integers(0, 699)), min_size=1, max_size=20), min_size=1, max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(rows)
def test_spikes_come_in_the_order_of_time(tmp_path: Path, recordings: list[list[tuple[float, int]]]) -> None:
    path = write(tmp_path / "a.h5", recordings)
    file = SpikeFile(path)
    assert len(file) == len(recordings)
    for index, spikes in enumerate(recordings):
        found = file[index]
        expected = sorted(((round(time * 1e6), unit) for time, unit in spikes), key=lambda spike: spike[0])
        assert list(zip(found.t.tolist(), found.x.tolist(), strict=True)) == expected
        assert not found.y.any()
        assert found.p.all()


def test_a_late_spike_is_not_infinite(tmp_path: Path) -> None:
    """float16 ends at 65,504, so 1.4 s in microseconds would be infinite in it."""
    (t,) = SpikeFile(write(tmp_path / "a.h5", [[(1.4, 3)]]))[0].t
    assert t == 1_400_391


def test_labels_speakers_and_keys(tmp_path: Path) -> None:
    one = [(0.1, 1)]
    file = SpikeFile(write(tmp_path / "a.h5", [one] * 3, labels=[1, 0, 1], speakers=[4, 11, 4], keys=["null", "zwölf"]))
    assert (file.labels.tolist(), file.speakers.tolist(), file.keys) == ([1, 0, 1], [4, 11, 4], ("null", "zwölf"))
    assert file.labels.dtype == file.speakers.dtype == np.int64
    assert SpikeFile(write(tmp_path / "b.h5", [one])).speakers is None


def test_there_is_no_recording_beyond_the_last(tmp_path: Path) -> None:
    file = SpikeFile(write(tmp_path / "a.h5", [[(0.1, 1)]]))
    for index in (-1, 1):
        with pytest.raises(IndexError):
            file[index]


def test_a_copy_in_another_process_opens_the_file_again(tmp_path: Path) -> None:
    file = SpikeFile(write(tmp_path / "a.h5", [[(0.25, 1)], [(0.5, 2)]]))
    assert len(pickle.dumps(file)) < 500
    for way in ("fork", "spawn"):
        with get_context(way).Pool(1) as pool:
            assert [events.t.tolist() for events in pool.map(file.__getitem__, [0, 1])] == [[250_000], [500_000]]


def test_another_file_of_the_same_name_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", [[(0.25, 1)]])
    file = SpikeFile(tmp_path / "a.h5")
    assert file[0].x.tolist() == [1]
    write(tmp_path / "b.h5", [[(0.25, 2)]])
    os.replace(tmp_path / "b.h5", tmp_path / "a.h5")
    assert file[0].x.tolist() == [2]


def test_ragged_rows_of_many_sizes_pass_the_check_of_the_heaps(tmp_path: Path) -> None:
    """Rows that share a heap, fill one, and need one of their own; and a row that was written again."""
    h5py = pytest.importorskip("h5py")
    lengths = [1, 3, 4, 7, 500, 2000, 2016, 2047, 2048, 30_000, 5]
    path = write(tmp_path / "a.h5", [[(0.5, length % 700)] * length for length in lengths])
    with h5py.File(path, "r+") as file:
        file["spikes/units"][4] = np.full(500, 9, np.uint16)
        del file["extra/keys"]
    file = SpikeFile(path)
    assert [len(file[index]) for index in range(len(file))] == lengths
    assert set(file[4].x.tolist()) == {9}


def test_few_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spikes_h5, "MOST_OPEN", 2)
    write(tmp_path / "0.h5", [[(0.25, 1)]])
    files = [SpikeFile(Path(shutil.copy(tmp_path / "0.h5", tmp_path / f"{index}.h5"))) for index in range(1, 5)]
    assert [file[0].x.tolist() for file in files] == [[1]] * 4
    assert len(spikes_h5._files) <= 2


def test_an_unsigned_unit_beyond_the_sensor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="recording 0: event 0 has x=300"):
        SpikeFile(write(tmp_path / "a.h5", [[(0.1, 300)]]), units=140)[0]
