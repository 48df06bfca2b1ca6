"""Files are written whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from snntrain.files import whole
from snntrain.files.folder import Folder
from tests.files.contents import OLD, contents
from tests.hostile.planted import KINDS, Outside, plant, soon


def test_files_replace_older_ones_and_leave_nothing_else(folder: Folder) -> None:
    whole.write(folder, "a.csv", "Größe")
    assert contents(folder) == {**OLD, "a.csv": "Größe".encode()}
    whole.write_together(folder / "new" / "deep", {"c": "c", "d": b"d"})
    assert contents(folder / "new" / "deep") == {"c": b"c", "d": b"d"}


@pytest.mark.usefixtures("little_room")
def test_a_full_disk_leaves_the_old_files_unchanged(folder: Folder) -> None:
    with pytest.raises(OSError, match="File too large") as one:
        whole.write(folder, "a.csv", bytes(20_000))
    with pytest.raises(OSError, match="File too large") as several:
        whole.write_together(folder, {"a.csv": b"new", "b.html": bytes(20_000)})
    assert contents(folder) == OLD
    # The system does not name the place; the message of a run does.
    assert (one.value.filename, several.value.filename) == (str(folder.path / "a.csv"), str(folder.path))


def test_a_folder_in_the_place_of_one_file_leaves_all_others_unchanged(folder: Folder) -> None:
    (folder / "c").make()
    with pytest.raises(IsADirectoryError):
        whole.write_together(folder, {"a.csv": b"new", "c": b"new", "d": b"new"})
    with pytest.raises(OSError, match="directory"):
        whole.write(folder, "c", b"new")
    folder.remove_if_empty("c")
    assert contents(folder) == OLD


def test_leftovers_of_a_killed_process_have_no_effect(folder: Folder) -> None:
    (folder.path / "a.csv.tmp").write_bytes(b"hal")
    whole.write(folder, "a.csv", b"new a")
    assert contents(folder) == {**OLD, "a.csv": b"new a"}


def test_one_of_several_simultaneous_writers_wins_with_all_of_its_files(folder: Folder) -> None:
    written = [{name: bytes([number]) * 100_000 for name in OLD} for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(whole.write_together, folder), written * 4))
    left = contents(folder)
    assert left.keys() == OLD.keys()
    assert all(any(left[name] == files[name] for files in written) for name in OLD)


def test_a_file_is_kept_under_a_second_name_while_the_next_takes_its_own(folder: Folder) -> None:
    whole.keep(folder, "a.csv", "b.html")
    assert contents(folder) == dict.fromkeys(OLD, b"old a")
    whole.write(folder, "a.csv", "new")
    assert contents(folder) == {"a.csv": b"new", "b.html": b"old a"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
@pytest.mark.parametrize("name", ["a", whole.temporary("a")])
def test_a_link_is_replaced_and_its_target_stays(name: str, kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / name, outside)
    with soon():
        whole.write(folder, "a", "new")
    assert contents(folder) == {**OLD, "a": b"new"}
    plant(kind, folder.path / "a", outside)
    with soon():
        whole.write_together(folder, {"a": "newer"})
    assert contents(folder) == {**OLD, "a": b"newer"}
    assert not (folder.path / "a").is_symlink()
    assert outside.untouched()
