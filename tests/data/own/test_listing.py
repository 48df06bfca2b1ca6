"""The classes and files of a user's folder, and the folders that are refused."""

from __future__ import annotations

import logging
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.data.own.listing import Kind, listed
from snntrain.errors import UserError

KIND = Kind("image_folder", "pictures", frozenset({".png", ".jpg"}))


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(root: Path, part: str = "train") -> list[tuple[str, int]]:
    listing = listed(str(root), KIND)
    return [(str(file.path.relative_to(root)), file.label) for file in listing.parts[part]]


def test_folders_below_train_val_and_test_are_classes(tmp_path: Path) -> None:
    root = touch(tmp_path, "train/dog/1.png", "train/cat/1.jpg", "val/cat/2.png", "test/dog/3.PNG")
    listing = listed(str(root), KIND)
    assert listing.class_names == ("cat", "dog")
    assert {part: [(file.path.name, file.label) for file in files] for part, files in listing.parts.items()} == {
        "train": [("1.jpg", 0), ("1.png", 1)],
        "val": [("2.png", 0)],
        "test": [("3.PNG", 1)],
    }


def test_without_train_the_folders_are_classes(tmp_path: Path) -> None:
    assert names(touch(tmp_path, "a/1.png", "b/1.png")) == [("a/1.png", 0), ("b/1.png", 1)]


def test_files_are_ordered_by_name_so_that_the_first_ones_belong_to_several_classes(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/0/9.png")
    assert [name for name, _ in names(root)] == ["b/0/9.png", "a/1.png", "b/1.png", "a/2.png", "b/2.png"]


def test_classes_with_numbers_are_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    root = touch(tmp_path, *(f"{number}/x.png" for number in (0, 2, 10, 1)))
    assert listed(str(root), KIND).class_names == ("0", "1", "2", "10")


def test_names_with_spaces_and_other_letters_are_kept(tmp_path: Path) -> None:
    root = touch(tmp_path, "große Katze/ein Bild.png", "犬/写真 1.png")
    assert listed(str(root), KIND).class_names == ("große Katze", "犬")
    assert names(root) == [("große Katze/ein Bild.png", 0), ("犬/写真 1.png", 1)]


def test_a_name_in_two_forms_of_unicode_is_one_class(tmp_path: Path) -> None:
    composed, parts = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    root = touch(tmp_path, f"train/{composed}/1.png", "train/z/1.png", f"test/{parts}/2.png", "test/z/2.png")
    assert listed(str(root), KIND).class_names == ("z", composed)
    assert names(root, "test") == [("test/z/2.png", 0), (f"test/{parts}/2.png", 1)]


def test_a_name_that_is_not_utf8_is_written_out(tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"tea"):
        os.mkdir(os.fsencode(tmp_path) + b"/" + name)
        open(os.fsencode(tmp_path) + b"/" + name + b"/1.png", "wb").close()
    assert listed(str(tmp_path), KIND).class_names == ("caf\\xe9", "tea")


def test_hidden_and_other_files_are_left_out_and_the_others_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = touch(tmp_path, "a/1.png", "b/1.png", "a/.hidden.png", "a/Thumbs.db", "notes.txt", ".git/x.png")
    touch(root, "__MACOSX/a/._1.png", ".snntrain-cache/x/1.png")
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in names(root)] == ["a/1.png", "b/1.png"]
    assert "2 files are left out, such as Thumbs.db" in caplog.text


def test_a_folder_beside_the_parts_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = touch(tmp_path, "train/a/1.png", "train/b/1.png", "tset/a/2.png")
    with caplog.at_level(logging.WARNING):
        assert list(listed(str(root), KIND).parts) == ["train"]
    assert "left out: tset/" in caplog.text


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    root = touch(tmp_path, "train/a/1.png", "train/b/1.png", "pool/2.png")
    (root / "train" / "a" / "2.png").symlink_to("../../pool/2.png")
    assert ("train/a/2.png", 0) in names(root)


def _link_out(root: Path) -> None:
    touch(root.parent, "secret/1.png")
    (root / "a" / "2.png").symlink_to(root.parent / "secret" / "1.png")


def _class_out(root: Path) -> None:
    touch(root.parent, "secret/1.png")
    (root / "c").symlink_to(root.parent / "secret")


def _part_out(root: Path) -> None:
    (root / "train").rename(root.parent / "elsewhere")
    (root / "train").symlink_to(root.parent / "elsewhere")


def _loop(root: Path) -> None:
    (root / "a" / "again").symlink_to(root / "a")


def _emptied(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


REFUSED: dict[str, tuple[tuple[str, ...], Callable[[Path], object], str]] = {
    "an empty folder": ((), _emptied, "at least 2 classes, and this folder has 0 (none)"),
    "one class": (("a/1.png",), _nothing := lambda root: None, "has 1 (a)"),
    "one folder too high": (("all/train/a/1.png", "all/train/b/1.png"), _nothing, "a folder too high or too low"),
    "pictures without folders": (("1.png", "2.png"), _nothing, "at least 2 classes"),
    "an empty class": (("a/1.png", "b/1.txt"), _nothing, "the class b has no pictures, which end in .jpg, .png"),
    "a class of the test alone": (
        ("train/a/1.png", "train/b/1.png", "test/c/1.png"),
        _nothing,
        "has the class c, which",
    ),
    "a test without training": (("test/a/1.png", "other/1.png"), _nothing, "holds test/ without train/"),
    "a link to a file outside": (("a/1.png", "b/1.png"), _link_out, "a/2.png: is a link that leads out of"),
    "a link to a folder outside": (("a/1.png", "b/1.png"), _class_out, "c: is a link that leads out of"),
    "a link to a part outside": (("train/a/1.png", "train/b/1.png"), _part_out, "train: is a link that leads out of"),
    "a link in a circle": (("a/1.png", "b/1.png"), _loop, "is a link to a folder, which is not followed"),
    "a file in place of the folder": ((), lambda root: (root.rmdir(), root.touch()), "is not a folder"),
    "no folder": ((), Path.rmdir, "is not a folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_cannot_be_used_is_explained_in_one_line(case: str, tmp_path: Path) -> None:
    files, change, message = REFUSED[case]
    root = tmp_path / "my pictures"
    root.mkdir()
    touch(root, *files)
    change(root)
    with pytest.raises(UserError) as raised:
        listed(str(root), KIND)
    assert message in str(raised.value)
    assert len(raised.value.lines) == 1


def test_a_folder_must_be_named() -> None:
    with pytest.raises(UserError, match=r"needs dataset\.root=<folder>"):
        listed(None, KIND)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "there", "a/1.png", "b/1.png")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    assert len(names(tmp_path / "here")) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "b/1.png")
    (root / "a").chmod(0)
    try:
        with pytest.raises(UserError, match=r"a: cannot be read \(Permission denied\)"):
            listed(str(root), KIND)
    finally:
        (root / "a").chmod(0o755)
