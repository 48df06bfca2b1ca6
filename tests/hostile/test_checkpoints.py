"""Any bytes in a checkpoint: it is loaded as it was saved, or refused, and nothing in it is executed."""

import hashlib
import io
import os
import pickle
import struct
import tracemalloc
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

from .fuzz import Tried, damages, is_readable, output_is_readable

STATE: dict[str, Any] = {
    "epoch": 3,
    "val_accuracy": 0.5,
    "model": nn.Linear(3, 2).state_dict(),
    "optimizer": {"lr": 0.1},
}


class Executing:
    """An object that creates a file when it is unpickled."""

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
        assert is_readable(error), error.lines
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
    """Return the archive with a valid checksum, which anybody can compute."""
    assert archive.endswith(checkpoint.NO_COMMENT)
    digest = checkpoint.MARK + hashlib.sha256(archive).hexdigest().encode()
    return archive[: -len(checkpoint.NO_COMMENT)] + struct.pack("<H", len(digest)) + digest


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return sealed(file.getvalue())


def test_a_checkpoint_sealed_here_equals_a_saved_one(path: Path) -> None:
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


# `load` does not promise more; code that reads more of it reports the error in one line.
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
def test_eval_reports_a_hostile_state_in_one_line(
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
    assert not outcome.err or output_is_readable(outcome.err)


def torch_saved(state: dict[str, Any]) -> dict[str, bytes]:
    """Return the entries of the archive in which torch saves a state."""
    file = io.BytesIO()
    torch.save({"format": checkpoint.FORMAT, "model": {}} | state, file)
    with zipfile.ZipFile(file) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def with_pickle(operations: bytes, **entries: bytes) -> bytes:
    """Return a sealed archive with a pickle that applies more operations to the state."""
    members = torch_saved({"more": 0})
    (name,) = (name for name in members if name.endswith("data.pkl"))
    good = pickle.dumps({"format": checkpoint.FORMAT, "model": {}}, 2)
    pickled = good.removesuffix(b".") + b"X\x04\0\0\0more" + operations + b"s."
    return archive(members | {name: pickled} | {f"archive/data/{key}": content for key, content in entries.items()})


def number(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def tensor(count: int, offset: int, size: list[int], stride: list[int], key: str = "0") -> bytes:
    """Return the operations that create a tensor from a storage of that many float32 numbers."""
    word = b"X" + struct.pack("<I", len(key)) + key.encode()
    shape = b"".join(b"(" + b"".join(map(number, numbers)) + b"t" for numbers in (size, stride))
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
        + word
        + b"X\x03\0\0\0cpu"
        + number(count)
        + b"tQ"
        + number(offset)
        + shape
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


FOUR = struct.pack("<4f", 1, 2, 3, 4)
TWICE = b"".join(b"q%ch%ch%c\x86" % (n, n, n) for n in range(60))
# Each would take more memory or time than is available, or uses what no checkpoint needs.
BOMBS: dict[str, bytes] = {
    "a hundred gigabytes": b"cbuiltins\nbytearray\n" + number(10**11) + b"\x85R",
    "a hundred gigabytes of torch's": b"ctorch\nFloatTensor\n" + number(10**11) + b"\x85R",
    "a set": b"cbuiltins\nset\n]\x85R",
    "a type": b"ctorch\nTensor\n",
    "a tuple that holds itself twice, and so on": b")" + TWICE,
    "a key that holds itself twice, and so on": b"})" + TWICE + b"K\x01s",
    "a list that holds itself twice, and so on": b"]" + b"".join(b"q%c]h%ca" % (n, n) + b"h%ca" % n for n in range(60)),
    "a list that holds itself": b"]q\x00h\x00a",
    "a list that grows after": b"]q\x00]h\x00a0",
    "nested lists": b"]" * 200 + b"a" * 199,
    "nested tuples": b")" + b"\x85" * 200,
    "attributes": b"ccollections\nOrderedDict\n)R(X\x05\0\0\0itemsK\x01tb",
    "nothing": b"",
    "a value that was not made": b"h\x50",
    "a billion numbers that are one": tensor(4, 0, [10**10], [0]),
    "many billions of numbers": b"(" + b"".join(tensor(4, 0, [10**7], [0]) for _ in range(10)) + b"t",
    "numbers beyond the storage": tensor(4, 0, [5], [1]),
    "numbers far beyond the storage": tensor(4, 0, [2, 2], [1, 2**62]),
    "numbers before the storage": tensor(4, -1, [1], [1]),
    "numbers backwards": tensor(4, 3, [4], [-1]),
    "a storage beyond its entry": tensor(5, 0, [5], [1]),
    "a storage of 2^60 numbers": tensor(2**60, 0, [5], [1]),
    "a storage without an entry": tensor(4, 0, [4], [1], key="7"),
    "a storage by a path": tensor(4, 0, [4], [1], key="../0"),
}


@pytest.mark.parametrize("operations", BOMBS.values(), ids=BOMBS)
def test_a_pickle_that_takes_all_memory_or_time_is_not_loaded(operations: bytes, path: Path) -> None:
    path.write_bytes(with_pickle(operations, **{"0": FOUR}))
    tracemalloc.start()
    try:
        assert refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def test_a_handmade_checkpoint_is_loaded_if_it_is_valid(path: Path) -> None:
    path.write_bytes(with_pickle(tensor(4, 1, [3], [1]), **{"0": FOUR}))
    assert checkpoint.load(path)["more"].tolist() == [2, 3, 4]
    path.write_bytes(with_pickle(tensor(4, 1, [2, 3], [0, 1]), **{"0": FOUR}))
    assert checkpoint.load(path)["more"].tolist() == [[2, 3, 4]] * 2


@pytest.mark.parametrize("name", ["data.pkl", "data/0", "data/1", "version"])
def test_an_archive_that_is_deflated_is_not_unpacked(name: str, path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for member, content in torch_saved({"more": torch.zeros(10)}).items():
            if member != f"archive/{name}":
                zipped.writestr(member, content)
        zipped.writestr(f"archive/{name}", bytes(50_000_000), zipfile.ZIP_DEFLATED)
    path.write_bytes(sealed(file.getvalue()))
    tracemalloc.start()
    try:
        assert refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("twice", ["archive/data.pkl", "archive/DATA.PKL", "other/data.pkl", "archive/../data.pkl"])
def test_an_archive_in_which_two_readers_may_find_two_things_is_refused(twice: str, path: Path) -> None:
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w") as zipped:
        for member, content in torch_saved({}).items():
            zipped.writestr(member, content)
        zipped.writestr(twice, pickle.dumps({}, 2))
    path.write_bytes(sealed(file.getvalue()))
    assert refused(path)
    path.write_bytes(sealed(b"more in front" + archive(torch_saved({}))[: -checkpoint.COMMENT - 2] + b"\0\0"))
    assert refused(path)


@pytest.mark.parametrize("size", [3 * 10**12, 10**8])
def test_a_file_of_holes_is_not_read_into_memory(size: int, path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
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
