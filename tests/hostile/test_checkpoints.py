"""Whatever the bytes of a checkpoint are: it is loaded as it was saved, or refused, and nothing in it is executed."""

import hashlib
import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from snntrain.errors import UserError
from snntrain.training.saving import checkpoint
from tests.conftest import Outcome
from tests.training.jobs import write_checkpoint

from .fuzz import Tried, damages, told, told_on_terminal

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
    write_checkpoint(path, STATE)
    return path


def test_damaged_bytes_are_refused(path: Path) -> None:
    good = path.read_bytes()
    for content in damages(good, "checkpoint", 250):
        if content != good:
            path.write_bytes(content)
            assert refused(path)
    for length in range(0, len(good), max(1, len(good) // 150)):
        path.write_bytes(good[:length])
        assert refused(path)


def sealed(archive: bytes) -> bytes:
    """The archive with the checksum that belongs to it: anybody can compute that."""
    assert archive.endswith(checkpoint.NO_COMMENT)
    digest = checkpoint.MARK + hashlib.sha256(archive).hexdigest().encode()
    return archive[: -len(checkpoint.NO_COMMENT)] + struct.pack("<H", len(digest)) + digest


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return sealed(file.getvalue())


def test_what_is_sealed_here_is_sealed_as_by_save(path: Path) -> None:
    with zipfile.ZipFile(path) as zipped:
        members = {name: zipped.read(name) for name in zipped.namelist()}
    path.write_bytes(archive(members))
    assert set(checkpoint.load(path)) >= set(STATE)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("place", ["raw", "sealed", "torch.save", "legacy"])
def test_a_pickle_that_runs_code_is_not_run(place: str, protocol: int, path: Path, canary: Path) -> None:
    harm = pickle.dumps({"format": checkpoint.FORMAT, "model": Executing(canary)}, protocol)
    if place == "raw":
        path.write_bytes(harm)
    elif place == "sealed":
        with zipfile.ZipFile(path) as zipped:
            members = {name: zipped.read(name) for name in zipped.namelist()}
        (pickled,) = (name for name in members if name.endswith("data.pkl"))
        path.write_bytes(archive(members | {pickled: harm}))
    else:
        legacy = place == "legacy"
        torch.save({"model": Executing(canary)}, path, _use_new_zipfile_serialization=not legacy)
    assert refused(path)
    assert not canary.exists()


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize(
    "name",
    ["../executed", "/executed", "archive/../../executed", "archive/data.pkl", "archive/data/0", "archive/version"],
)
def test_archives_of_strange_members_are_refused_and_unpacked_nowhere(name: str, path: Path) -> None:
    path.write_bytes(archive({name: bytes(1_000_000)}))
    assert refused(path)


# Not what `load` promises; whoever reads more of it says so in a line.
CONTENTS: dict[str, Any] = {
    "no mapping": [1, 2],
    "nothing": {},
    "no weights": {"format": checkpoint.FORMAT, "epoch": 1},
    "another format": {"format": 99, "epoch": 1, "model": {}},
    "a format in words": {"format": "\x1b[2J", "epoch": 1, "model": {}},
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_sealed_contents_of_other_kinds_are_refused(content: Any, path: Path) -> None:
    file = io.BytesIO()
    torch.save(content, file)
    path.write_bytes(sealed(file.getvalue()))
    assert refused(path)


HOSTILE_STATES: dict[str, dict[str, Any]] = {
    "a list of weights": {"model": [1]},
    "an epoch that is a terminal's": {"epoch": "\x1b]0;taken\x07"},
    "no epoch": {"epoch": None},
    "numbers as names": {"model": {1: torch.zeros(1)}},
    "words as weights": {"model": {"fc1.weight": "\x1b[2J"}},
    "weights of another shape": {"model": {"fc1.weight": torch.zeros(3)}},
    "hostile names": {"model": {"\x1b]0;taken\x07": torch.zeros(3)}},
}


@pytest.mark.parametrize("change", HOSTILE_STATES.values(), ids=HOSTILE_STATES)
def test_eval_tells_a_hostile_state_in_a_line(
    change: dict[str, Any], finished_run: Path, canary: Path, snntrain: Callable[..., Outcome]
) -> None:
    Tried.cases += 1
    run = canary.with_name("run")
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_bytes((finished_run / "config.yaml").read_bytes())
    state = checkpoint.load(finished_run / "checkpoints" / "best.pt")
    write_checkpoint(run / "checkpoints" / "best.pt", state | change)
    outcome = snntrain("eval", f"run={run}")
    assert (outcome.status, outcome.out) == (2, "")
    assert not outcome.err or told_on_terminal(outcome.err)


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
