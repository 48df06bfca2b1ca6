"""Finding runs below folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from snntrain.errors import UserError
from snntrain.runs.layout import FOLDERS, HYDRA_FOLDER, SLURM_FOLDER, SUMMARY, SWEEP

# Folders that hold no runs.
PASSED_OVER = (*FOLDERS, SLURM_FOLDER)
# A folder with more folders below it must be the wrong one, such as the home folder.
MOST_FOLDERS = 200_000


def find(folders: Iterable[Path]) -> list[Path]:
    """Return the run folders at any depth below `folders`, each once.

    A link to a run or a sweep is followed: it may lie on another disk. Other links are not followed: in a folder from
    somebody else a link may lead to the whole file system.

    Raises:
        UserError: there are more than `MOST_FOLDERS` folders.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for top in folders:
        waiting = [top]
        while waiting:
            place = waiting.pop()
            identity = _identity(place)
            if identity is None or identity in seen:
                continue
            seen.add(identity)
            if len(seen) > MOST_FOLDERS:
                raise UserError(
                    f"{top}: more than {MOST_FOLDERS:,} folders; name the folders of runs or sweeps in it, as multirun"
                )
            below, is_run = _entries(place)
            if is_run:
                found.append(place)
            waiting += sorted(below, reverse=True)
    return found


def _entries(place: Path) -> tuple[list[Path], bool]:
    """Return the subfolders that may hold runs, and whether the folder itself belongs to a run."""
    try:
        with os.scandir(place) as entries:
            listed = list(entries)
    except OSError:
        return [], False
    is_run = any(entry.name == SUMMARY or (entry.name == HYDRA_FOLDER and entry.is_dir()) for entry in listed)
    folders = [Path(entry.path) for entry in listed if entry.name not in PASSED_OVER and _is_folder(entry)]
    return folders, is_run


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and (not entry.is_symlink() or _is_run_or_sweep(Path(entry.path)))
    except OSError:
        return False


def _is_run_or_sweep(folder: Path) -> bool:
    return any((folder / name).exists() for name in (SUMMARY, HYDRA_FOLDER, SWEEP))


def links(folders: Iterable[Path], found: Iterable[Path]) -> dict[Path, Path]:
    """Return the links below `folders` through which runs were found, with their targets."""
    tops = set(folders)
    above = {path for run in found for path in (run, *run.parents) if not tops.isdisjoint(path.parents)}
    return {path: Path(os.path.realpath(path)) for path in sorted(above) if path.is_symlink()}


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(place)
    except OSError:
        return None
    return status.st_dev, status.st_ino
