"""The files of a folder of classes: `train/<class>/…` with optional `val/` and `test/`, or `<class>/…`."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from snntrain.errors import UserError
from snntrain.files.paths import shown, user_path

log = logging.getLogger(__name__)

TRAIN, VALIDATION, TEST = "train", "val", "test"
# Folders that archives of macOS contain beside the real ones.
FOREIGN = frozenset({"__MACOSX"})


@dataclass(frozen=True)
class Kind:
    """The files that a data set is made of.

    Args:
        dataset: name of the data set on the command line.
        word: the name of such files, in the plural.
        suffixes: their suffixes, in lower case.
    """

    dataset: str
    word: str
    suffixes: frozenset[str]


@dataclass(frozen=True)
class File:
    """A file and the label of its class."""

    path: Path
    label: int


@dataclass(frozen=True)
class Listing:
    """The files of each part, train and maybe val and test, in their order.

    The order is that of the names within the classes, and then that of the classes: the first files of a part then
    belong to several classes if the files are numbered.

    Args:
        root: the folder.
        class_names: names of the classes, by label.
        parts: the files of each part.
    """

    root: Path
    class_names: tuple[str, ...]
    parts: Mapping[str, list[File]]


def listed(root: str | None, kind: Kind) -> Listing:
    """Return the files below a folder.

    A class is a folder, and its name; it has all files below it. The classes are numbered in the order of their names;
    numbers are ordered as numbers. Hidden files and files with other suffixes are left out.

    Args:
        root: the folder, `dataset.root`.
        kind: which files are listed.

    Raises:
        UserError: there is no such folder, it cannot be read, a link leads out of it, it has fewer than two classes, or
            a class has no files for training.
    """
    folder = _folder(root, kind)
    try:
        parts = _parts(folder, kind)
        found = {part: _classes(place, folder, kind) for part, place in parts.items()}
    except OSError as error:
        where = shown(Path(error.filename)) if error.filename else shown(folder)
        raise UserError(f"{where}: cannot be read ({error.strerror}); make it readable") from error
    _check(found, parts, kind)
    names = _in_a_row(found[TRAIN])
    labels = {name: label for label, name in enumerate(names)}
    return Listing(
        folder,
        tuple(_text(name) for name in names),
        {part: _in_order(classes, labels) for part, classes in found.items()},
    )


def _folder(root: str | None, kind: Kind) -> Path:
    layout = f"train/<class>/ or <class>/ with {kind.word}"
    if root is None:
        raise UserError(f"dataset={kind.dataset}: needs dataset.root=<folder>, which holds {layout}")
    folder = user_path(root, "dataset.root")
    if not folder.is_dir():
        raise UserError(f"dataset.root={root}: is not a folder; give one that holds {layout}")
    return folder


def _parts(folder: Path, kind: Kind) -> dict[str, Path]:
    """Return the folders of the parts; the folder itself is the one for training if it has no train/."""
    names = {name.lower(): name for name in _folders(folder)}
    parts = {part: folder / names[part] for part in (TRAIN, VALIDATION, TEST) if part in names}
    if TRAIN not in parts:
        if parts:
            there = " and ".join(f"{part}/" for part in parts)
            raise UserError(
                f"{shown(folder)}: holds {there} without train/; put the classes for training into train/, or rename "
                f"{there} if that is a class"
            )
        return {TRAIN: folder}
    if beside := sorted(set(names) - set(parts)):
        log.warning(
            "%s: left out: %s/; only train/, val/ and test/ are read",
            shown(folder),
            "/, ".join(_text(names[name]) for name in beside),
        )
    return parts


def _classes(place: Path, root: Path, kind: Kind) -> dict[str, list[tuple[bytes, str]]]:
    """Return the files of each class of a part, each with its name within the class."""
    # The same name can be written in two ways in Unicode, and macOS uses another one than the rest.
    classes: dict[str, list[tuple[bytes, str]]] = {}
    others = Others()
    if place != root:  # The folder itself may be a link: the user has named it.
        _check_link(place, root)
    for name in _folders(place):
        _check_link(place / name, root)
        files = classes.setdefault(unicodedata.normalize("NFC", name), [])
        above = len(str(place / name)) + 1
        # Texts, and not paths, which take several times as long: there may be a million files.
        for path in _walk(str(place / name), root):
            if os.path.splitext(path)[1].lower() in kind.suffixes:
                files.append((os.fsencode(path[above:]), path))
            else:
                others.add(path)
    for entry in _entries(place):
        if not entry.is_dir():
            others.add(entry.path)
    others.report(place, kind)
    return classes


class Others:
    """The files that are left out."""

    def __init__(self) -> None:
        self.count, self.first = 0, ""

    def add(self, path: str) -> None:
        """Count a file."""
        self.first = self.first if self.count else path
        self.count += 1

    def report(self, place: Path, kind: Kind) -> None:
        """Log how many there are, if any."""
        if self.count:
            log.warning(
                "%s: %d file%s left out, such as %s; %s lie in the folder of a class and end in %s",
                shown(place),
                self.count,
                " is" if self.count == 1 else "s are",
                _text(os.path.basename(self.first)),
                kind.word,
                ", ".join(sorted(kind.suffixes)),
            )


def _folders(place: Path) -> list[str]:
    return [entry.name for entry in _entries(place) if entry.is_dir()]


def _entries(place: Path | str) -> list[os.DirEntry[str]]:
    """Return what a folder holds, without hidden entries, in the order of the names."""
    with os.scandir(place) as entries:
        kept = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in FOREIGN]
    return sorted(kept, key=lambda entry: os.fsencode(entry.name))


def _walk(place: str, root: Path) -> Iterator[str]:
    """Yield the files below a folder."""
    for entry in _entries(place):
        if entry.is_symlink():
            _check_link(Path(entry.path), root)
            if entry.is_dir():
                # It may lead to a folder above itself.
                raise UserError(
                    f"{shown(Path(entry.path))}: is a link to a folder, which is not followed inside a class; "
                    "put the files there"
                )
        if entry.is_dir():
            yield from _walk(entry.path, root)
        else:
            yield entry.path


def _check_link(path: Path, root: Path) -> None:
    """Check that a link stays in the folder: its files may come from a stranger.

    Raises:
        UserError: it leads out of it.
    """
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise UserError(
            f"{shown(path)}: is a link that leads out of {shown(root)}; put the file itself there, or a folder above "
            "both of them as dataset.root"
        )


def _check(found: Mapping[str, Mapping[str, list[tuple[bytes, str]]]], parts: Mapping[str, Path], kind: Kind) -> None:
    """Check the classes of the parts."""
    place = shown(parts[TRAIN])
    for part, classes in found.items():
        if absent := [name for name in classes if classes[name] and name not in found[TRAIN]]:
            raise UserError(
                f"{shown(parts[part])}: has the class {_text(absent[0])}, which {place} does not have; a network "
                "cannot learn a class without examples: rename the folder, or add one for training"
            )
    if len(found[TRAIN]) < 2:
        names = ", ".join(_text(name) for name in found[TRAIN]) or "none"
        raise UserError(
            f"{place}: a data set needs at least 2 classes, and this folder has {len(found[TRAIN])} ({names}); a class "
            f"is a folder with its {kind.word}: is dataset.root a folder too high or too low?"
        )
    for name, files in found[TRAIN].items():
        if not files:
            raise UserError(
                f"{place}: the class {_text(name)} has no {kind.word}, which end in "
                f"{', '.join(sorted(kind.suffixes))}; add some, or remove its folder"
            )


def _in_a_row(names: Collection[str]) -> list[str]:
    """Return the names in order; numbers in the order of the numbers."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names, key=os.fsencode)


def _in_order(classes: Mapping[str, list[tuple[bytes, str]]], labels: Mapping[str, int]) -> list[File]:
    keyed = [(name, labels[cls], path) for cls, files in classes.items() if files for name, path in files]
    return [File(Path(path), label) for _, label, path in sorted(keyed, key=lambda item: item[:2])]


def _text(name: str) -> str:
    """Return the name of a file as text; bytes that are not UTF-8 are written as \\xfc."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
