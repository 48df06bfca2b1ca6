"""The runs below given folders, as far as their files can be read: finished, failed, stopped, killed or running."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from snntrain.config.dotted import leaves, typed
from snntrain.errors import UserError, printable
from snntrain.files import plain_yaml
from snntrain.files.paths import as_typed
from snntrain.process import program
from snntrain.runs.lock import LOCK_FILE, STALE_SECONDS

COMPLETED = "completed"
NEVER = "it left no summary.json; see its train.log"
FOREIGN = "summary.json is not the summary of a run"
WORDLESS = "ended without a word"
# A run that was killed cannot write that it ended.
KILLED = "killed"
KILLED_RULE = "killed: was running, and has given no sign of life for two minutes"
# Of summary.json and the configuration, which have 3 kB.
MOST_BYTES = 2**20
# Beyond it somebody has named the folder of everything.
MOST_FOLDERS = 200_000
# Means and deviations of greater numbers overflow.
GREATEST = 1e100
CURVES = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")

# What a run writes as it goes, its heartbeat first.
_SIGNS_OF_LIFE = (LOCK_FILE, "summary.json", "metrics.jsonl", "train.log", ".hydra")
# What a run or a sweep has in its folder.
_MARKS = ("summary.json", ".hydra", "multirun.yaml")
_INSIDE_A_RUN = {"checkpoints", "tensorboard", ".hydra"}
_CHOICES = re.compile(r"^    choices:\n((?:      .*\n?)+)", re.MULTILINE)
_CHOICE = re.compile(r"^      (\w+): '?([^'\n]+)'?$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run folder.

    Args:
        path: the folder.
        status: completed, failed, interrupted, running, killed (see KILLED_RULE), or damaged: no readable summary.
        error: what ended it, in one line, or what is wrong with its files.
        resume: the command that goes on with a run that did not come to its end; None where there is nothing to go on
            from, or `error` names it already.
        figures: the finite numbers of summary.json and of its `cost`.
        words: the texts of summary.json, as name, device_name and precision.
        settings: config.yaml by dotted key, each value as text; empty where there is none.
        options: the option by which each config group was chosen.
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
        """How a run ended that did not end well, and what goes on with it, in one line."""
        told = [self.error, self.resume and f"{self.resume} goes on"]
        return "; ".join(filter(None, told)) or None


def find(folders: Iterable[Path]) -> list[Path]:
    """Return the run folders at any depth, each once.

    A link is followed where it leads to a run or a sweep, as to one on another disk, and nowhere else: somebody else's
    folder may hold one that leads to all files there are.

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
    """The folders below, as far as runs may lie there, and whether the folder itself is a run's."""
    try:
        with os.scandir(place) as entries:
            listed = list(entries)
    except OSError:
        return [], False
    is_run = any(entry.name == "summary.json" or (entry.name == ".hydra" and entry.is_dir()) for entry in listed)
    folders = [Path(entry.path) for entry in listed if entry.name not in _INSIDE_A_RUN and _is_folder(entry)]
    return folders, is_run


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and (not entry.is_symlink() or _is_run_or_sweep(Path(entry.path)))
    except OSError:
        return False


def _is_run_or_sweep(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("summary.json", ".hydra", "multirun.yaml"))


def links(folders: Iterable[Path], found: Iterable[Path]) -> dict[Path, Path]:
    """Return the links below `folders` by which runs were found, and where they lead."""
    tops = set(folders)
    above = {path for run in found for path in (run, *run.parents) if not tops.isdisjoint(path.parents)}
    return {path: Path(os.path.realpath(path)) for path in sorted(above) if path.is_symlink()}


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(place)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def read(folder: Path, now: float, *, over: bool = False) -> Run | None:
    """The run in `folder`, or None where its files are of another program.

    Args:
        folder: one that `find` has found.
        now: the time in seconds, by which a run that writes no more is told.
        over: the caller has ended the run; it is running only where another process has taken it.
    """
    summary, damage = _summary(folder / "summary.json")
    settings, classes = _settings(folder / "config.yaml")
    if damage == FOREIGN and not settings and not (folder / ".hydra").is_dir():
        return None
    status, error = _state(folder, summary, damage, now, over)
    cost = summary.get("cost")
    return Run(
        path=folder,
        status=status,
        error=error,
        resume=_resume(folder, status, error),
        figures={**_numbers(cost if isinstance(cost, dict) else {}), **_numbers(summary)},
        words={key: printable(value) for key, value in summary.items() if isinstance(value, str)},
        settings=settings,
        options=_options(folder / ".hydra" / "hydra.yaml"),
        classes=classes,
    )


def _summary(file: Path) -> tuple[dict[str, Any], str | None]:
    """The content of summary.json, and what is wrong with it."""
    try:
        content = json.loads(plain_yaml.text(file, MOST_BYTES))
    except FileNotFoundError:
        return {}, NEVER
    except (OSError, ValueError, RecursionError) as error:
        return {}, printable(f"summary.json cannot be read ({_first_line(error)})")
    if not isinstance(content, dict) or not isinstance(content.get("status"), str):
        return {}, FOREIGN
    return content, None


def _state(
    folder: Path, summary: Mapping[str, Any], damage: str | None, now: float, over: bool
) -> tuple[str, str | None]:
    """Status and error."""
    lives = _lives(folder, now) and (not over or _is_taken(folder))
    if damage == NEVER:
        # A job has its folder some seconds before it has a summary.
        return ("running", None) if lives else ("failed", NEVER)
    if damage is not None:
        return "damaged", damage
    status, error = printable(summary["status"]), summary.get("error")
    if status == "running" and not lives and over:
        status = "failed"
    if status == "running" and not lives:
        last = datetime.fromtimestamp(last_written(folder))
        return KILLED, f"no sign of life since {last:%Y-%m-%d %H:%M}"
    if status == "failed":
        return status, printable(str(error or WORDLESS))
    return status, printable(str(error)) if error else None


def _resume(folder: Path, status: str, error: str | None) -> str | None:
    if error is not None and "snntrain resume=" in error:
        return None
    stopped = status in ("failed", "interrupted") and (folder / "checkpoints" / "last.pt").is_file()
    command = shlex.join([*program.words(), f"resume={as_typed(folder)}"])
    return printable(command) if stopped or status == KILLED else None


def _lives(folder: Path, now: float) -> bool:
    # What was written in the future is fresh: the clock was set back since, or another machine's is ahead.
    return now - last_written(folder) < STALE_SECONDS


def _is_taken(folder: Path) -> bool:
    """Whether run.lock names an owner; one that ends empties it."""
    try:
        return (folder / LOCK_FILE).stat().st_size > 0
    except OSError:
        return False


def last_written(folder: Path) -> float:
    """When the run in `folder` gave its last sign of life, in seconds; 0 where there is none."""
    times = [0.0]
    for name in _SIGNS_OF_LIFE:
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times)


def _numbers(content: Mapping[str, Any]) -> dict[str, float]:
    return {printable(key): value for key, value in content.items() if _is_number(value)}


def number(value: Any) -> float:
    """The value where it is a number, else 0."""
    return value if _is_number(value) else 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -GREATEST <= value <= GREATEST


def _settings(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """config.yaml by dotted key, and the class of each group; nothing of a file that cannot be read."""
    try:
        content = plain_yaml.parse(plain_yaml.text(file, MOST_BYTES))
        if not isinstance(content, dict):
            return {}, {}
        targets = {key: value.get("_target_") for key, value in content.items() if isinstance(value, dict)}
        classes = {str(key): printable(str(target)).rpartition(".")[2] for key, target in targets.items() if target}
        return {printable(key): printable(typed(value)) for key, value in leaves(content)}, classes
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}, {}


def _options(file: Path) -> dict[str, str]:
    """The chosen option of each group, as Hydra wrote it down: defaults and presets included."""
    try:
        block = _CHOICES.search(plain_yaml.text(file, MOST_BYTES))
    except (OSError, ValueError):
        return {}
    found = _CHOICE.findall(block[1]) if block else []
    return {group: printable(option) for group, option in found if option != "null"}


def epochs(folder: Path, keys: Iterable[str] = CURVES) -> list[dict[str, float | None]]:
    """The lines of metrics.jsonl that can be read, each with `epoch` and `keys`; None for what is not finite."""
    try:
        lines = plain_yaml.text(folder / "metrics.jsonl", errors="replace").split("\n")
    except (OSError, ValueError):
        return []
    rows: list[dict[str, float | None]] = []
    for line in lines:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):  # The last line of a run that was killed may be half a line.
            continue
        if isinstance(content, dict) and _is_number(content.get("epoch")):
            values = {key: content.get(key) for key in keys}
            rows.append({"epoch": content["epoch"]} | {k: v if _is_number(v) else None for k, v in values.items()})
    return rows


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
