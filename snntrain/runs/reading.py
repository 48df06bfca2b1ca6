"""Reading a run: its status, figures and settings, as far as its files are readable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from snntrain.config.dotted import leaves, typed
from snntrain.errors import printable
from snntrain.files import bounded, safe_yaml
from snntrain.runs import summary
from snntrain.runs.layout import CHECKPOINTS_FOLDER, CONFIG, HYDRA_FOLDER, HYDRA_SETTINGS, LAST
from snntrain.runs.resume_command import resume_command
from snntrain.runs.state import FAILED, INTERRUPTED, KILLED, state

# Configurations have 3 kB.
MOST_BYTES = 2**20

_CHOICES = re.compile(r"^    choices:\n((?:      .*\n?)+)", re.MULTILINE)
_CHOICE = re.compile(r"^      (\w+): '?([^'\n]+)'?$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """A run folder.

    Args:
        path: the folder.
        status: completed, failed, interrupted, running, killed (see `state.KILLED_NOTE`), or damaged if the summary
            error: the error that ended the run, or the damage of its files, in one line.
            resume: the command that resumes a run that stopped early; None without a checkpoint, or if `error` already
                has the command.
        figures: the finite numbers of summary.json and of its `cost`.
        words: the texts of summary.json, as name, device_name and precision.
        settings: config.yaml by dotted key, each value as text; empty if it cannot be read.
        options: the selected option of each config group.
        classes: the class of each config group that has one.
    """

    path: Path
    status: str
    error: str | None
    resume: str | None
    figures: Mapping[str, float]
    words: Mapping[str, str]
    settings: Mapping[str, str]
    options: Mapping[str, str]
    classes: Mapping[str, str]

    @property
    def ending(self) -> str | None:
        """The ending of a run that did not complete, and the command that resumes it, in one line; else None."""
        return "; ".join(filter(None, [self.error, self.resume and f"resume with: {self.resume}"])) or None


def read(folder: Path, now: float, *, over: bool = False) -> Run | None:
    """Read the run in `folder`; return None if the files belong to another program.

    Args:
        folder: a folder returned by `find`.
        now: the time in seconds, see `state`.
        over: whether the caller has ended the run, see `state`.
    """
    found = summary.read(folder)
    settings, classes = _settings(folder / CONFIG)
    if found.damage == summary.FOREIGN and not settings and not (folder / HYDRA_FOLDER).is_dir():
        return None
    status, error = state(folder, found, now, over=over)
    return Run(
        path=folder,
        status=status,
        error=error,
        resume=_resume(folder, status, error),
        figures=found.figures,
        words=found.words,
        settings=settings,
        options=_options(folder / HYDRA_FOLDER / HYDRA_SETTINGS),
        classes=classes,
    )


def _resume(folder: Path, status: str, error: str | None) -> str | None:
    if error is not None and "snntrain resume=" in error:
        return None
    stopped = status in (FAILED, INTERRUPTED) and (folder / CHECKPOINTS_FOLDER / LAST).is_file()
    return printable(resume_command(folder)) if stopped or status == KILLED else None


def _settings(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return config.yaml by dotted key, and the class of each group; both empty if it cannot be read."""
    try:
        content = safe_yaml.parse(bounded.text(file, MOST_BYTES))
        if not isinstance(content, dict):
            return {}, {}
        targets = {key: value.get("_target_") for key, value in content.items() if isinstance(value, dict)}
        classes = {str(key): printable(str(target)).rpartition(".")[2] for key, target in targets.items() if target}
        return {printable(key): printable(typed(value)) for key, value in leaves(content)}, classes
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}, {}


def _options(file: Path) -> dict[str, str]:
    """Return the selected option of each group, including defaults and presets, from Hydra's record."""
    try:
        block = _CHOICES.search(bounded.text(file, MOST_BYTES))
    except (OSError, ValueError):
        return {}
    found = _CHOICE.findall(block[1]) if block else []
    return {group: printable(option) for group, option in found if option != "null"}
