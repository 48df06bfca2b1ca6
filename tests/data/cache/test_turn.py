"""One process at a time converts; the turn of a dead process is free, and without locks nobody is harmed."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.data.cache import turn
from snntrain.data.cache.turn import taken
from snntrain.data.cache.writer import left_behind
from snntrain.files.folder import Folder

from .recordings import cached, files, padded, ragged

forking = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def hold(folder: Folder, pipe: Any) -> None:
    """Hold the turn until a byte comes."""
    with taken(folder, "a", lambda owner: None):
        pipe.send("held")
        pipe.recv()


@pytest.fixture
def other(folder: Folder) -> Any:
    """Another process that holds the turn, and the pipe to it."""
    ours, theirs = forking.Pipe()
    process = forking.Process(target=hold, args=(folder, theirs))
    process.start()
    assert ours.recv() == "held"
    yield process, ours
    process.kill()
    process.join()


def test_a_turn_leaves_nothing_behind(folder: Folder, tmp_path: Path) -> None:
    with taken(folder, "a", lambda owner: None) as sure:
        assert sure
        assert os.listdir(tmp_path) == ["a.lock"]
    assert os.listdir(tmp_path) == []


def test_another_process_is_waited_for_and_named(folder: Folder, other: Any) -> None:
    process, pipe = other
    said: list[str] = []

    def waiting(owner: str) -> None:
        said.append(owner)
        pipe.send("go")

    with taken(folder, "a", waiting) as sure:
        assert sure
        process.join(timeout=20)
        assert process.exitcode == 0
    assert said == [f"process {process.pid} on host {socket.gethostname()}"]
    assert folder.names() == []


def test_the_turn_of_a_dead_process_is_free(folder: Folder, other: Any) -> None:
    process, _ = other
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert folder.names() == ["a.lock"]
    with taken(folder, "a", lambda owner: pytest.fail(f"waits for {owner}")) as sure:
        assert sure
    assert folder.names() == []


def test_another_turn_is_not_waited_for(folder: Folder, other: Any) -> None:
    with taken(folder, "b", lambda owner: pytest.fail(f"waits for {owner}")) as sure:
        assert sure


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b'{"pid": "x", "host": 3}', b'{"pid": 1, "host": "\x1b"}']
)
def test_a_strange_owner_is_not_named(folder: Folder, other: Any, content: bytes, tmp_path: Path) -> None:
    _, pipe = other
    (tmp_path / "a.lock").write_bytes(content)
    said: list[str] = []

    def waiting(owner: str) -> None:
        said.append(owner)
        pipe.send("go")

    with taken(folder, "a", waiting):
        assert said == ["another process"]


def test_without_locks_each_process_writes_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", no_locks)
    processes = [forking.Process(target=cached, args=(tmp_path, ragged(300))) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert torch.equal(cached(tmp_path, ragged(300)).stack(range(300)), padded(ragged(300)))
    assert [name.partition(".")[2] for name in files(tmp_path) if not name.endswith(".lock")] == ["frames"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every file")
def test_a_lock_of_another_user_is_not_waited_for(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "a.lock").touch(mode=0o444)
    with taken(folder, "a", lambda owner: pytest.fail("waits")) as sure:
        assert not sure


def temporary(folder: Folder, host: str, age: float = 0.0, stem: str = "noise-train-0123456789abcdef") -> str:
    name = f"{stem}.{host}-00000000.tmp"
    folder.create(name).close()
    os.utime(folder.path / name, (time.time() - age,) * 2)
    return name


def test_files_of_dead_processes_are_left_behind_and_those_of_others_are_not(folder: Folder) -> None:
    from snntrain.data.cache.writer import _host

    stem = "noise-train-0123456789abcdef"
    fresh = temporary(folder, _host())
    old = temporary(folder, _host(), 120, "noise-test-0123456789abcdef")
    of_another_machine = temporary(folder, "ffffffff", 3000)
    forgotten = temporary(folder, "eeeeeeee", 10**6)
    folder.create("notes.txt").close()
    assert set(left_behind(folder)) == {old, forgotten}
    # Whoever has the turn of a cache knows that nobody writes it.
    assert set(left_behind(folder, stem)) == {fresh, old, forgotten}
    assert of_another_machine in folder.names()


def hold_file(folder: Folder, name: str, pipe: Any) -> None:
    with (folder.path / name).open("r+b") as file:
        turn.mark(file.fileno())
        pipe.send("held")
        pipe.recv()


def test_a_file_that_is_being_written_is_not_left_behind(folder: Folder) -> None:
    from snntrain.data.cache.writer import _host

    name = temporary(folder, _host(), 10**6)
    ours, theirs = forking.Pipe()
    process = forking.Process(target=hold_file, args=(folder, name, theirs))
    process.start()
    assert ours.recv() == "held"
    assert list(left_behind(folder)) == []
    process.kill()
    process.join()
    assert list(left_behind(folder)) == [name]
