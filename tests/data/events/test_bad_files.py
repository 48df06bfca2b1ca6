"""Every damaged or odd recording is refused in one line with the file, the byte and the reason."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from snntrain.data.events.events import BadRecording

from .bad_files.table import CASES, NEED_H5PY, TABLE


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{name}: {file}" for name, file in CASES])
def test_a_bad_file_is_refused_in_one_line(name: str, file: str, tmp_path: Path) -> None:
    if name in NEED_H5PY:
        pytest.importorskip("h5py")
    read, files = TABLE[name]
    path = tmp_path / file
    files[file].make(path)
    with pytest.raises(BadRecording) as raised:
        read(path)
    assert files[file].matches(path, str(raised.value)), raised.value
    assert len(raised.value.lines) == 1
    # A worker sends the error to its parent.
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
