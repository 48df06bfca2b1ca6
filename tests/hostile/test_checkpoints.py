"""Whatever the bytes of a checkpoint are: it is loaded as it was saved, or refused, and nothing in it is executed."""

import io
import os
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from snntrain.errors import UserError
from snntrain.training import checkpoint

from .fuzz import Tried, damages, told

STATE: dict[str, Any] = {
    "epoch": 3,
    "val_accuracy": 0.5,
    "model": nn.Linear(3, 2).state_dict(),
    "optimizer": {"lr": 0.1},
}


class Executing:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def refused(path: Path) -> bool:
    Tried.cases += 1
    try:
        with warnings.catch_warnings(action="ignore"):
            checkpoint.load(path)
    except UserError as error:
        assert told(error), error.lines
        return True
    return False


@pytest.fixture
def path(canary: Path) -> Path:
    path = canary.with_name("last.pt")
    checkpoint.save(path, STATE)
    return path


def test_damaged_bytes_are_refused_or_change_nothing_that_matters(path: Path) -> None:
    good = path.read_bytes()
    for content in damages(good, "checkpoint", 250):
        path.write_bytes(content)
        if content != good and not refused(path):
            assert set(checkpoint.load(path)) >= set(STATE)
    for length in range(0, len(good), max(1, len(good) // 150)):
        path.write_bytes(good[:length])
        assert refused(path)


def in_zip(path: Path, harm: bytes) -> bytes:
    """The good checkpoint with other content of its pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, harm if name.endswith("data.pkl") else old.read(name))
        new.comment = old.comment
    return file.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("place", ["raw", "zip", "torch.save", "legacy"])
def test_a_pickle_that_runs_code_is_not_run(place: str, protocol: int, path: Path, canary: Path) -> None:
    harm = pickle.dumps({"format": 1, "model": Executing(canary)}, protocol)
    if place == "raw":
        path.write_bytes(harm)
    elif place == "zip":
        path.write_bytes(in_zip(path, harm))
    else:
        torch.save(
            {"model": Executing(canary)}, path, pickle_protocol=2, _use_new_zipfile_serialization=place != "legacy"
        )
    assert refused(path)
    assert not canary.exists()


def test_archives_of_strange_members_are_refused_and_unpacked_nowhere(path: Path, canary: Path) -> None:
    for name in ("../executed", f"{canary}", "archive/../../executed", "archive/data.pkl", "archive/data/0"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(1_000_000))
        assert refused(path)


@pytest.mark.parametrize(
    "content", ["", "{}", "<html>", "version https://git-lfs.github.com/spec/v1\n", "PK\x05\x06" + "\0" * 18]
)
def test_files_of_other_kinds_are_refused(content: str, path: Path) -> None:
    path.write_text(content)
    assert refused(path)


def test_a_folder_and_a_device_are_refused(path: Path) -> None:
    path.unlink()
    path.mkdir()
    assert refused(path)
    path.rmdir()
    path.symlink_to("/dev/null")
    assert refused(path)
