"""Recordings in folders of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snntrain.errors import UserError
from snntrain.files.paths import shown


def class_folders(folder: Path) -> tuple[str, ...]:
    """Return the names of the folders of the classes, sorted.

    Raises:
        UserError: the folder cannot be listed.
    """
    return tuple(sorted(path.name for path in _listed(folder) if path.is_dir() and not path.name.startswith(".")))


def by_class(folder: Path, classes: Sequence[str], ending: str) -> list[tuple[Path, int]]:
    """Return the files of the classes with their labels, sorted by class and name.

    Args:
        folder: it holds a folder for each class.
        classes: names of the classes; the first has the label 0.
        ending: of the files' names, as .bin; other files are left out.

    Raises:
        UserError: a folder cannot be listed, or a class has no files.
    """
    found = []
    for label, name in enumerate(classes):
        below = folder / name
        files = sorted(path for path in _listed(below) if path.name.endswith(ending) and not path.name.startswith("."))
        if not files:
            raise UserError(
                f"{shown(below)}: has no recordings (*{ending}); put those of class {name} there, or delete "
                f"{shown(folder)} to download it again"
            )
        found += [(path, label) for path in files]
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise UserError(f"{shown(folder)}: cannot be listed ({error.strerror}); put the data set there") from error
