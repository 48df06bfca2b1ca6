"""The run that `run=` or `resume=` names: a folder, or the latest run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from snntrain.errors import UserError
from snntrain.files.paths import as_typed, user_path
from snntrain.runs.find import find
from snntrain.runs.layout import CONFIG, SUMMARY, SWEEP
from snntrain.runs.order import in_order
from snntrain.runs.reading import read
from snntrain.runs.state import last_written

LATEST = "latest"
# The folders into which conf/ puts runs and sweeps.
FOLDERS = (Path("outputs"), Path("multirun"))
_FEW = 3


def latest(folders: Sequence[Path] = FOLDERS) -> Path:
    """Return the run at any depth below `folders` with the most recent sign of life.

    Raises:
        UserError: there are no runs.
    """
    found = sorted(find(folders), key=last_written, reverse=True)
    # At first sight the folder of another program may look like a run's.
    for path in found:
        if read(path, now=0.0) is not None:
            return path
    looked = " or ".join(f"{folder}/" for folder in folders)
    raise UserError(
        f"{LATEST}: there are no runs below {looked} here; name a folder, as in {folders[0]}/<date>/<time>-<id>"
    )


def named_run(key: str, value: str) -> Path:
    """Return the run folder that `key=value` names.

    Args:
        key: run or resume.
        value: a folder, or `latest`.

    Raises:
        UserError: `latest` without any run, or a folder of runs, not a run.
    """
    if value == LATEST:
        return latest()
    folder = user_path(value, key)
    # Path.exists raises if the folder belongs to another user.
    if not os.path.exists(folder / CONFIG) and (below := _runs_below(folder)):
        raise UserError(f"{key}={value}: {_several(key, folder, below)}")
    return folder


def _several(key: str, folder: Path, below: Sequence[Path]) -> str:
    sweep = (folder / SWEEP).exists()
    count = "1 run" if len(below) == 1 else f"{len(below):,} runs"
    few = ", ".join([*(f"{key}={as_typed(run)}" for run in below[:_FEW]), *(["…"] if len(below) > _FEW else [])])
    message = f"a {'sweep' if sweep else 'folder'} of {count}; name one of them, as in {few}"
    if sweep and key == "resume":
        message += f"; to resume the whole sweep, give its own command with hydra.sweep.dir={as_typed(folder)}"
    return message


def _runs_below(folder: Path) -> list[Path]:
    """Return the runs of a sweep, or of a folder of runs or sweeps, but no deeper: it may be any folder."""
    found = [file.parent for depth in ("*", "*/*", "*/*/*") for file in folder.glob(f"{depth}/{SUMMARY}")]
    # The name of a job begins with its number.
    return sorted(found, key=lambda run: (run.parent, in_order(run.name.partition("_")[0]), run.name))
