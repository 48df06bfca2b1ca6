"""The objectives of a search: figures of a run, each with its better direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snntrain.config.explain import did_you_mean
from snntrain.errors import UserError
from snntrain.runs import metrics, summary


@dataclass(frozen=True)
class Objective:
    """A figure that a search makes better.

    Args:
        name: its name on the command line.
        figure: its name in summary.json; `val_loss` is a column of metrics.jsonl.
        maximize: whether more is better.
        early: whether it is known before the run has ended, so that a rung can compare it.
    """

    name: str
    figure: str
    maximize: bool = False
    early: bool = False

    def value(self, folder: Path) -> float | None:
        """Return the figure of the run in a folder; None if it does not have it yet."""
        found = summary.read(folder)
        if self.figure != "val_loss":
            return found.figures.get(self.figure)
        # The loss that belongs to the validation accuracy: both are of the best epoch.
        best = found.figures.get("best_epoch")
        lines = [line for line in metrics.epochs(folder, ("val_loss",)) if line["epoch"] == best]
        return lines[-1]["val_loss"] if lines else None

    def better_first(self, value: float) -> float:
        """Return a number that is smaller for a better value."""
        return -value if self.maximize else value


# No figure of the test images: a search that reads them would choose by them.
TABLE = (
    Objective("val_accuracy", "val_accuracy", maximize=True, early=True),
    Objective("val_loss", "val_loss", early=True),
    Objective("energy", "energy_nj_per_image"),
    Objective("spikes", "spikes_per_image"),
    Objective("parameters", "parameters"),
    Objective("train_seconds", "train_seconds"),
)
BY_NAME = {objective.name: objective for objective in TABLE}


def named(names: Sequence[str]) -> list[Objective]:
    """Return the objectives of `search.objectives`.

    Raises:
        UserError: a name is unknown or given twice, or there are none.
    """
    known = ", ".join(BY_NAME)
    shown = f"search.objectives=[{','.join(names)}]"
    if not names:
        raise UserError(f"{shown}: a search needs something to make better; give one or more of {known}")
    if len(set(names)) < len(names):
        raise UserError(f"{shown}: has a figure twice; give each of {known} once at most")
    if lines := [_unknown(name) for name in names if name not in BY_NAME]:
        raise UserError(*lines)
    return [BY_NAME[name] for name in names]


def _unknown(name: str) -> str:
    if name.startswith("test_"):
        reason = "a search does not see the test images, by which its result is judged"
    else:
        reason = "there is no such figure"
    return f"search.objectives: '{name}': {reason}; there are {', '.join(BY_NAME)}{did_you_mean(name, BY_NAME)}"


def values(objectives: Sequence[Objective], folder: Path) -> list[float] | None:
    """Return the value of each objective; None if the run lacks one."""
    found = [objective.value(folder) for objective in objectives]
    return [value for value in found if value is not None and math.isfinite(value)] if None not in found else None


def dominates(objectives: Sequence[Objective], one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether `one` is nowhere worse than `other`, and better somewhere."""
    pairs = [
        (objective.better_first(a), objective.better_first(b))
        for objective, a, b in zip(objectives, one, other, strict=True)
    ]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
