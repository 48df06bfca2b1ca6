"""Files of a folder: nothing is opened, written or removed through links."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.files import whole
from snntrain.files.folder import Folder, Unsafe
from tests.files.contents import OLD, contents
from tests.hostile.planted import KINDS, Outside, plant, soon


@pytest.mark.usefixtures("little_room")
def test_a_full_disk_is_an_error_of_a_file_that_grows(folder: Folder) -> None:
    with pytest.raises(OSError, match="File too large"), folder.append("a.csv") as file:
        file.write(bytes(20_000))


def test_permissions_follow_the_umask(folder: Folder) -> None:
    before = os.umask(0o027)
    try:
        whole.write(folder, "c", b"")
        whole.write_together(folder, {"d": b""})
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


def test_looking_for_or_removing_a_missing_name_is_not_an_error(tmp_path: Path) -> None:
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


# Functions that open a file by its name, read it, or change it in place.
IN_PLACE: dict[str, Callable[[Folder], object]] = {
    "append": lambda folder: folder.append("a").close(),
    "change": lambda folder: os.close(folder.change("a")),
    "cut_back": lambda folder: folder.cut_back("a", 1),
}
OPENING = {**IN_PLACE, "read": lambda folder: folder.read("a").close()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", OPENING)
def test_only_regular_files_are_opened(method: str, kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / "a", outside)
    with soon():
        if kind == "hard link" and method == "read":
            OPENING[method](folder)
        else:
            with pytest.raises(
                OSError, match=r"a link|a folder|not a regular file|second name|[Dd]irectory"
            ) as refusal:
                OPENING[method](folder)
            assert refusal.value.filename == str(folder.path / "a")
    assert outside.untouched()


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_file_replaces_nothing(kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / "a", outside)
    with pytest.raises(FileExistsError):
        folder.create("a")
    assert outside.untouched()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_renaming_keeping_and_removing_affect_only_the_name(kind: str, folder: Folder, outside: Outside) -> None:
    plant(kind, folder.path / "a", outside)
    folder.rename("a", "b")
    whole.keep(folder, "b", "c")
    assert {"b", "c"} <= set(folder.names())
    for name in ("a", "b", "c"):
        folder.remove(name)
    assert contents(folder) == OLD
    assert outside.untouched()


WRITING: dict[str, Callable[[Folder], object]] = {
    **OPENING,
    "create": lambda folder: folder.create("new").close(),
    "write": lambda folder: whole.write(folder, "a", b"new"),
    "write_together": lambda folder: whole.write_together(folder, {"a": b"new"}),
    "remove": lambda folder: folder.remove("a"),
    "remove_if_empty": lambda folder: folder.remove_if_empty("empty"),
    "rename": lambda folder: folder.rename("a", "b"),
    "keep": lambda folder: whole.keep(folder, "a", "b"),
    "make": lambda folder: folder.make(),
    "make below": lambda folder: (folder / "new").make(),
    "sync": lambda folder: folder.sync(),
    "names": lambda folder: folder.names(),
    "size": lambda folder: folder.size("a"),
}


@pytest.mark.parametrize("method", WRITING)
def test_a_link_below_the_folder_is_not_followed_but_one_in_its_path_is(
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
    """This holds even if a name is refused."""
    before = os.listdir("/dev/fd")
    for kind in KINDS:
        plant(kind, folder.path / "a", outside)
        for method in OPENING.values():
            with contextlib.suppress(OSError):
                method(folder)
    with contextlib.suppress(OSError):
        (folder / "a" / "b").names()
    assert len(os.listdir("/dev/fd")) == len(before)
