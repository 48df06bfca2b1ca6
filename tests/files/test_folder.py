"""Files of a folder: whole or not at all, and nothing is opened, written or removed through links."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snntrain.files.folder import Folder, Unsafe, temporary
from tests.hostile.planted import KINDS, Outside, plant, soon

OLD = {"a.csv": b"old a", "b.html": b"old b"}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Two files."""
    (tmp_path / "folder").mkdir()
    for name, content in OLD.items():
        (tmp_path / "folder" / name).write_bytes(content)
    return Folder(tmp_path / "folder")


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """A user's files that lie elsewhere."""
    return Outside(tmp_path / "outside")


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file can grow beyond 10 kB."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, ignored)


def contents(folder: Folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def test_files_are_written_over_older_ones_and_nothing_else_is_left(folder: Folder) -> None:
    folder.write_whole("a.csv", "Größe")
    assert contents(folder) == {**OLD, "a.csv": "Größe".encode()}
    (folder / "new" / "deep").write_together({"c": "c", "d": b"d"})
    assert contents(folder / "new" / "deep") == {"c": b"c", "d": b"d"}


@pytest.mark.usefixtures("little_room")
def test_a_full_disk_leaves_what_was_there_and_nothing_half(folder: Folder) -> None:
    with pytest.raises(OSError, match="File too large") as one:
        folder.write_whole("a.csv", bytes(20_000))
    with pytest.raises(OSError, match="File too large") as several:
        folder.write_together({"a.csv": b"new", "b.html": bytes(20_000)})
    assert contents(folder) == OLD
    # The system does not say where: the message of a run does.
    assert (one.value.filename, several.value.filename) == (str(folder.path / "a.csv"), str(folder.path))


@pytest.mark.usefixtures("little_room")
def test_what_finds_no_room_in_a_file_that_grows_is_told(folder: Folder) -> None:
    with pytest.raises(OSError, match="File too large"), folder.append("a.csv") as file:
        file.write(bytes(20_000))


def test_a_folder_in_the_way_of_one_leaves_all_others_as_they_were(folder: Folder) -> None:
    (folder / "c").make()
    with pytest.raises(IsADirectoryError):
        folder.write_together({"a.csv": b"new", "c": b"new", "d": b"new"})
    with pytest.raises(OSError, match="directory"):
        folder.write_whole("c", b"new")
    folder.remove_if_empty("c")
    assert contents(folder) == OLD


def test_what_a_killed_process_has_left_is_in_nobodys_way(folder: Folder) -> None:
    (folder.path / "a.csv.tmp").write_bytes(b"hal")
    folder.write_whole("a.csv", b"new a")
    assert contents(folder) == {**OLD, "a.csv": b"new a"}


def test_several_at_once_leave_the_whole_files_of_one(folder: Folder) -> None:
    whole = [{name: bytes([number]) * 100_000 for name in OLD} for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(folder.write_together, whole * 4))
    left = contents(folder)
    assert left.keys() == OLD.keys()
    assert all(any(left[name] == files[name] for files in whole) for name in OLD)


def test_others_may_read_the_files_as_far_as_the_user_lets_them(folder: Folder) -> None:
    before = os.umask(0o027)
    try:
        folder.write_whole("c", b"")
        folder.write_together({"d": b""})
        folder.append("e").close()
        os.close(folder.change("f"))
        (folder / "g").make()
    finally:
        os.umask(before)
    assert [(folder.path / name).stat().st_mode & 0o777 for name in "cdefg"] == [*[0o640] * 4, 0o750]


def test_a_file_grows_and_is_cut_back(folder: Folder) -> None:
    for content in (b" and", b" more"):
        with folder.append("a.csv") as file:
            file.write(content)
    assert folder.size("a.csv") == len(b"old a and more")
    folder.cut_back("a.csv", 9)
    folder.cut_back("b.html", 1000)
    assert contents(folder) == {**OLD, "a.csv": b"old a and"}
    with folder.append("new") as file:
        file.write(b"new")
    with folder.read("new") as file:
        assert file.read() == b"new"


def test_a_file_is_kept_under_a_second_name_while_the_next_takes_its_own(folder: Folder) -> None:
    folder.keep("a.csv", "b.html")
    assert contents(folder) == dict.fromkeys(OLD, b"old a")
    folder.write_whole("a.csv", "new")
    assert contents(folder) == {"a.csv": b"new", "b.html": b"old a"}


def test_what_is_missing_is_no_error_where_one_looks_or_takes_away(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for nowhere in (Folder(tmp_path / "gone"), Folder(tmp_path, "gone"), Folder(tmp_path, "file", "below")):
        assert (nowhere.names(), nowhere.holds("a"), nowhere.kind("a"), nowhere.size("a")) == ([], False, None, 0)
        assert nowhere.fault("a") is None
        nowhere.remove_if_empty("a")
    Folder(tmp_path, "gone").remove("a")
    with pytest.raises(FileNotFoundError, match="gone"), Folder(tmp_path, "gone").append("a"):
        pass
    with pytest.raises(NotADirectoryError, match="file"):
        Folder(tmp_path, "file").make()


# What opens a file by its name, reads it, or changes it in place.
IN_PLACE: dict[str, Callable[[Folder], object]] = {
    "append": lambda folder: folder.append("a").close(),
    "change": lambda folder: os.close(folder.change("a")),
    "cut_back": lambda folder: folder.cut_back("a", 1),
}
OPENING = {**IN_PLACE, "read": lambda folder: folder.read("a").close()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", OPENING)
def test_nothing_but_a_plain_file_is_opened(method: str, kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / "a", outside)
    with soon():
        if kind == "hard link" and method == "read":
            OPENING[method](folder)
        else:
            with pytest.raises(OSError, match=r"a link|a folder|no regular file|second name|[Dd]irectory") as refusal:
                OPENING[method](folder)
            assert refusal.value.filename == str(folder.path / "a")
    assert outside.untouched()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_file_takes_the_place_of_nothing(kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / "a", outside)
    with pytest.raises(FileExistsError):
        folder.create("a")
    assert outside.untouched()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
@pytest.mark.parametrize("name", ["a", temporary("a")])
def test_what_is_written_whole_replaces_links_and_what_they_lead_to_stays(
    name: str, kind: str, folder: Folder, outside: Outside
) -> None:
    plant(kind, folder.path / name, outside)
    with soon():
        folder.write_whole("a", "new")
    assert contents(folder) == {**OLD, "a": b"new"}
    plant(kind, folder.path / "a", outside)
    with soon():
        folder.write_together({"a": "newer"})
    assert contents(folder) == {**OLD, "a": b"newer"}
    assert not (folder.path / "a").is_symlink()
    assert outside.untouched()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_what_is_renamed_kept_or_removed_is_the_name_alone(kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / "a", outside)
    folder.rename("a", "b")
    folder.keep("b", "c")
    assert {"b", "c"} <= set(folder.names())
    for name in ("a", "b", "c"):
        folder.remove(name)
    assert contents(folder) == OLD
    assert outside.untouched()


WRITING: dict[str, Callable[[Folder], object]] = {
    **OPENING,
    "create": lambda folder: folder.create("new").close(),
    "write_whole": lambda folder: folder.write_whole("a", b"new"),
    "write_together": lambda folder: folder.write_together({"a": b"new"}),
    "remove": lambda folder: folder.remove("a"),
    "remove_if_empty": lambda folder: folder.remove_if_empty("empty"),
    "rename": lambda folder: folder.rename("a", "b"),
    "keep": lambda folder: folder.keep("a", "b"),
    "make": lambda folder: folder.make(),
    "make below": lambda folder: (folder / "new").make(),
    "sync": lambda folder: folder.sync(),
    "names": lambda folder: folder.names(),
    "size": lambda folder: folder.size("a"),
}


@pytest.mark.parametrize("method", WRITING)
def test_a_link_below_the_folder_is_not_followed_and_one_on_the_way_to_it_is(
    method: str, folder: Folder, tmp_path: Path
) -> None:
    user = tmp_path / "user"
    (user / "empty").mkdir(parents=True)
    (user / "a").write_text("mine")
    (folder.path / "linked").symlink_to(user)
    for place in (folder / "linked", folder / "linked" / "empty"):
        with pytest.raises(Unsafe, match=r"it is a link: .*linked"):
            WRITING[method](place)
    assert sorted(path.name for path in user.iterdir()) == ["a", "empty"]
    assert (user / "a").read_text() == "mine"
    WRITING[method](Folder(folder.path / "linked"))


@pytest.mark.parametrize("name", ["", ".", "..", "../own", "/etc/passwd", "below/own"])
def test_no_name_leads_out_of_the_folder(name: str, folder: Folder) -> None:
    with pytest.raises(Unsafe, match="leads out of its folder"):
        folder / name
    for method in (folder.read, folder.append, folder.create, folder.change, folder.remove, folder.remove_if_empty):
        with pytest.raises(Unsafe, match="leads out of its folder"):
            method(name)
    with pytest.raises(Unsafe, match="leads out of its folder"):
        folder.rename("a.csv", name)


def test_nothing_is_held_open(folder: Folder, outside: Outside) -> None:
    """Also where a name is refused."""
    before = os.listdir("/dev/fd")
    for kind in KINDS:
        plant(kind, folder.path / "a", outside)
        for method in OPENING.values():
            with contextlib.suppress(OSError):
                method(folder)
    with contextlib.suppress(OSError):
        (folder / "a" / "b").names()
    assert len(os.listdir("/dev/fd")) == len(before)
