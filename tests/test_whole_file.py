"""Whole or not at all: what is left when the disk is full, a folder is in the way, or a link."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snntrain.whole_file import write_together, write_whole

OLD = {"a.csv": b"old a", "b.html": b"old b"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, and a file of the user's that lies elsewhere."""
    (tmp_path / "folder").mkdir()
    for name, content in OLD.items():
        (tmp_path / "folder" / name).write_bytes(content)
    (tmp_path / "own").write_text("mine")
    return tmp_path / "folder"


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file can grow beyond 10 kB."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, ignored)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_written_over_older_ones_and_nothing_else_is_left(folder: Path) -> None:
    write_whole(folder / "a.csv", "Größe")
    assert contents(folder) == {**OLD, "a.csv": "Größe".encode()}
    write_together(folder / "new" / "deep", {"c": "c", "d": b"d"})
    assert contents(folder / "new" / "deep") == {"c": b"c", "d": b"d"}


@pytest.mark.usefixtures("little_room")
def test_a_full_disk_leaves_what_was_there_and_nothing_half(folder: Path) -> None:
    with pytest.raises(OSError, match="File too large"):
        write_whole(folder / "a.csv", bytes(20_000))
    with pytest.raises(OSError, match="File too large"):
        write_together(folder, {"a.csv": b"new", "b.html": bytes(20_000)})
    assert contents(folder) == OLD


def test_a_folder_in_the_way_of_one_leaves_all_others_as_they_were(folder: Path) -> None:
    (folder / "c").mkdir()
    with pytest.raises(IsADirectoryError):
        write_together(folder, {"a.csv": b"new", "c": b"new", "d": b"new"})
    with pytest.raises(OSError, match="directory"):
        write_whole(folder / "c", b"new")
    (folder / "c").rmdir()
    assert contents(folder) == OLD


def test_links_are_replaced_and_what_they_lead_to_stays(folder: Path) -> None:
    own = folder.parent / "own"
    for name in ("a.csv", "a.csv.tmp", "b.html"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(own)
    write_whole(folder / "a.csv", "new a")
    write_together(folder, {"b.html": "new b"})
    assert contents(folder) == {"a.csv": b"new a", "b.html": b"new b"}
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert own.read_text() == "mine"


def test_what_a_killed_process_has_left_is_in_nobodys_way(folder: Path) -> None:
    (folder / "a.csv.tmp").write_bytes(b"hal")
    write_whole(folder / "a.csv", b"new a")
    assert contents(folder) == {**OLD, "a.csv": b"new a"}


def test_several_at_once_leave_the_whole_files_of_one(folder: Path) -> None:
    whole = [{name: bytes([number]) * 100_000 for name in OLD} for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda files: write_together(folder, files), whole * 4))
    left = contents(folder)
    assert left.keys() == OLD.keys()
    assert all(any(left[name] == files[name] for files in whole) for name in OLD)


def test_others_may_read_the_files_as_far_as_the_user_lets_them(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(folder / "c", b"")
        write_together(folder, {"d": b""})
    finally:
        os.umask(before)
    assert [(folder / name).stat().st_mode & 0o777 for name in "cd"] == [0o640, 0o640]
