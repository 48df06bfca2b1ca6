"""Which run is meant: a folder, or the latest of all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from snntrain.errors import UserError
from snntrain.files.paths import as_typed, user_path
from snntrain.report.statistics import in_order
from snntrain.runs import reading as runs

LATEST = "latest"
# Where Hydra is told to put runs and sweeps.
FOLDERS = (Path("outputs"), Path("multirun"))
_FEW = 3


def latest(folders: Sequence[Path] = FOLDERS) -> Path:
    """Of the runs at any depth below `folders` the one that gave the last sign of life.

    Raises:
        UserError: there is none.
    """
    found = sorted(runs.find(folders), key=runs.last_written, reverse=True)
    # Another program's folder may look like a run's at first sight.
    for path in found:
        if runs.read(path, now=0.0) is not None:
            return path
    looked = " or ".join(f"{folder}/" for folder in folders)
    raise UserError(
        f"{LATEST}: there are no runs below {looked} here; name a folder, as in {folders[0]}/<date>/<time>-<id>"
    )


def chosen(key: str, value: str) -> Path:
    """The run folder that `key=value` names, where `key` is run or resume.

    Raises:
        UserError: `latest` without any run, or a folder that holds runs and is none.
    """
    if value == LATEST:
        return latest()
    folder = user_path(value, key)
    # A Path would raise where the folder is another user's.
    if not os.path.exists(folder / "config.yaml") and (below := _runs_below(folder)):
        raise UserError(f"{key}={value}: {_told(key, folder, below)}")
    return folder


def _told(key: str, folder: Path, below: Sequence[Path]) -> str:
    sweep = (folder / "multirun.yaml").exists()
    count = "1 run" if len(below) == 1 else f"{len(below):,} runs"
    few = ", ".join([*(f"{key}={as_typed(run)}" for run in below[:_FEW]), *(["…"] if len(below) > _FEW else [])])
    told = f"a {'sweep' if sweep else 'folder'} of {count}; name one of them, as in {few}"
    if sweep and key == "resume":
        told += f"; all of it goes on by the sweep's own command with hydra.sweep.dir={as_typed(folder)}"
    return told


def _runs_below(folder: Path) -> list[Path]:
    """The runs of a sweep, or of a folder of runs or sweeps; no deeper, as `folder` may be anything."""
    found = [file.parent for depth in ("*", "*/*", "*/*/*") for file in folder.glob(f"{depth}/summary.json")]
    # The jobs of a sweep begin with their number.
    return sorted(found, key=lambda run: (run.parent, in_order(run.name.partition("_")[0]), run.name))
