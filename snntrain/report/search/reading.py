"""Reading search.json, as far as its content can be used; it may come from a stranger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snntrain.errors import printable
from snntrain.files import bounded
from snntrain.runs.layout import SEARCH
from snntrain.runs.summary import LONGEST_TEXT, is_number

# A trial takes 1 kB.
MOST_BYTES = 2**27
MOST_COMMAND = 10_000


class Damaged(ValueError):
    """The content of search.json is not what a search writes."""


@dataclass(frozen=True)
class Objective:
    """A figure that the search made better, and whether more of it is better."""

    name: str
    maximize: bool


@dataclass(frozen=True)
class Trial:
    """A trial.

    Args:
        number: its number.
        state: complete, stopped, running or fail.
        results: the objectives; None if it is not complete.
        reached: by rung in epochs, the first objective there, or None.
    """

    number: int
    state: str
    results: tuple[float, ...] | None
    reached: tuple[tuple[int, float | None], ...]


@dataclass(frozen=True)
class Rung:
    """What became of the trials that reached a rung."""

    bracket: int
    epochs: int
    trials: int
    resumed: int
    best: float | None


@dataclass(frozen=True)
class Search:
    """A search.

    Args:
        title: its folder.
        method: how values were chosen.
        objectives: the objectives, the first one first.
        trials: all trials.
        best: the number and the command of the best trials.
        rungs: the rungs.
        importances: by objective, the share of each key.
        compared_at: the epochs at which figures were compared for these; None for the end.
    """

    title: str
    method: str
    objectives: Sequence[Objective]
    trials: Sequence[Trial]
    best: Sequence[tuple[int, str]]
    rungs: Sequence[Rung]
    importances: Mapping[str, Mapping[str, float]]
    compared_at: int | None


def read(folder: Path) -> Search | None:
    """Return the search in a folder; None without a search, or if its file cannot be used."""
    try:
        content = json.loads(bounded.text(folder / SEARCH, MOST_BYTES))
        return _search(printable(str(folder)), content)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _search(title: str, content: Any) -> Search:
    objectives = [Objective(_text(each["name"]), each["maximize"] is True) for each in _list(content["objectives"])]
    if not objectives:
        raise Damaged
    importances = content["importances"]
    shares = {
        _text(name): {_text(key): _number(share) for key, share in by_key.items()}
        for name, by_key in importances["by"].items()
    }
    at = importances["epochs"]
    return Search(
        title=title,
        method=_text(content["method"]),
        objectives=objectives,
        trials=[_trial(each, len(objectives)) for each in _list(content["trials"])],
        best=[(_count(each["number"]), _text(each["command"], MOST_COMMAND)) for each in _list(content["best"])],
        rungs=[_rung(each) for each in _list(content["rungs"])],
        importances=shares,
        compared_at=None if at is None else _count(at),
    )


def _trial(content: Any, objectives: int) -> Trial:
    results = content["results"]
    found = None if results is None else tuple(_number(value) for value in _list(results))
    if found is not None and len(found) != objectives:
        raise Damaged
    reached = tuple((_count(rung), _maybe(value)) for rung, value in _list(content["rungs"]))
    return Trial(_count(content["number"]), _text(content["state"]), found, reached)


def _rung(content: Any) -> Rung:
    bracket, epochs, trials, resumed = (_count(content[name]) for name in ("bracket", "epochs", "trials", "resumed"))
    return Rung(bracket, epochs, trials, resumed, _maybe(content["best"]))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Damaged
    return value


def _text(value: Any, most: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise Damaged
    return printable(value)


def _number(value: Any) -> float:
    if not is_number(value):
        raise Damaged
    return float(value)


def _maybe(value: Any) -> float | None:
    return None if value is None else _number(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise Damaged
    return value
