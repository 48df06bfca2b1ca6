"""The checks of what a search wants, beyond its space: rungs, method, folder; and what makes it the same search."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from snntrain.cli.search import checks, optional
from snntrain.cli.search.forms import SPACE
from snntrain.cli.search.objectives import Objective
from snntrain.cli.search.rungs import Ladder, rungs
from snntrain.cli.search.rungs import ladders as ladders_of
from snntrain.cli.search.suggest import CMAES, GRID
from snntrain.config.explain import key_of
from snntrain.config.schema import Search
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.runs.find import find
from snntrain.runs.layout import STUDY_FOLDER
from snntrain.runs.writable import check_sweep


def ladders(settings: Search, objectives: Sequence[Objective], epochs: int) -> list[Ladder]:
    """Return the rungs of each bracket.

    Raises:
        UserError: they do not fit the objectives or the number of epochs.
    """
    if settings.pruner is None:
        return ladders_of(None, (), settings.reduction)
    shown = f"search.pruner={settings.pruner}"
    if len(objectives) > 1:
        raise UserError(
            f"{shown}: compares trials by one figure, and search.objectives has {len(objectives)}; "
            "give one of them, or search.pruner=null"
        )
    if not objectives[0].early:
        raise UserError(
            f"{shown}: {objectives[0].name} is known or fair only at the end of a run; give "
            "search.objectives=[val_accuracy] or [val_loss], or search.pruner=null"
        )
    below = settings.rungs or rungs(epochs, settings.min_epochs, settings.reduction)
    if not below or list(below) != sorted(set(below)) or below[-1] >= epochs:
        given = f"search.rungs={settings.rungs}" if settings.rungs else f"search.min_epochs={settings.min_epochs}"
        raise UserError(
            f"{given}: rungs must rise and lie below trainer.epochs={epochs}; give lower ones, or more epochs"
        )
    return ladders_of(settings.pruner, below, settings.reduction)


def check_method(method: str, asked: checks.Asked, settings: Search, objectives: Sequence[Objective]) -> None:
    """Check that a method can search this space.

    Raises:
        UserError: it cannot, or its package is not installed.
    """
    if method == GRID and (endless := [each.key for each in asked.space.dimensions if each.every() is None]):
        raise UserError(
            f"sweep.search=grid: {', '.join(endless)} takes any number of a range; give a list, or a step=…"
        )
    if settings.pruner and any(each.key == "trainer.epochs" for each in asked.space.dimensions):
        raise UserError(
            f"{SPACE}: trainer.epochs: search.pruner={settings.pruner} counts its rungs in epochs; "
            "give one number of epochs, or search.pruner=null"
        )
    if method != CMAES:
        return
    optional.cmaes()
    count = len(checks.ranges(asked.space))
    if settings.pruner or len(objectives) > 1 or count < 2:
        reason = f"it has {count}" if count < 2 else "there are rungs or several objectives"
        raise UserError(
            "sweep.search=cmaes: needs two ranges of numbers or more that every trial has, one objective and no "
            f"pruner; {reason}: take sweep.search=tpe"
        )


def check_folder(folder: Path) -> None:
    """Check that a folder is free for this search, or belongs to a search.

    Raises:
        UserError: it holds runs of something else, or files that must not be written.
    """
    check_sweep(Folder(folder))
    if find([folder]) and not Folder(folder).holds(STUDY_FOLDER):
        raise UserError(f"hydra.sweep.dir={folder}: this folder holds runs that no search made; name another one")


def identity(asked: checks.Asked, method: str, settings: Search) -> Mapping[str, str]:
    """Return what makes this search another than others: given again, it continues."""
    fixed = [word for word in asked.fixed if not is_beside(word)]
    found = {"sweep.search": method, "search.seed": str(settings.seed)}
    found |= {f"space {each.key}": each.shown for each in asked.space.dimensions}
    found["overrides"] = shlex.join(sorted(fixed))
    found["search.objectives"] = ",".join(settings.objectives)
    found["search.pruner"] = str(settings.pruner or "null")
    if settings.pruner:
        found["rungs"] = f"reduction {settings.reduction}, min_epochs {settings.min_epochs}, rungs {settings.rungs}"
    return found


def is_beside(word: str) -> bool:
    """Return whether an override does not belong to a run."""
    return key_of(word).replace("/", ".").partition(".")[0] in ("hydra", "sweep", "search")
