"""summary.json: its keys, and its values if they have the type and the size that a run writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snntrain.errors import printable
from snntrain.files import bounded
from snntrain.runs.layout import SUMMARY

COST = "cost"
# The keys beside status, error and name. A value is null until it is known.
FIGURES = (
    *("test_accuracy", "test_accuracy_last", "test_ties", "test_ties_last", "val_accuracy", "best_epoch", "epochs"),
    *("train_seconds", "wall_seconds", "images_per_second", "parameters", "device", "device_name", "precision", COST),
)
TEXTS = ("status", "error", "name", "device", "device_name", "precision")
COUNTS = ("best_epoch", "epochs", "parameters", "test_ties", "test_ties_last")

MISSING = "it left no summary.json; see its train.log"
FOREIGN = "summary.json is not the summary of a run"

# A summary has 3 kB; for a network with ten thousand layers it has 3 MB.
MOST_BYTES = 2**22
# A run writes texts of at most 600 characters, and no numbers near these limits.
LONGEST_TEXT = 1000
# Means and deviations of greater numbers overflow.
GREATEST = 1e100
GREATEST_COUNT = 2**53
MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Summary:
    """The content of a run's summary.json.

    Args:
        content: the keys and values in the file; empty if it cannot be used.
        damage: why the file cannot be used; None if it can.
    """

    content: dict[str, Any]
    damage: str | None = None

    @property
    def figures(self) -> dict[str, float]:
        """The finite numbers, including those of `cost`."""
        cost = self.content.get(COST)
        return {**_numbers(cost if isinstance(cost, dict) else {}), **_numbers(self.content)}

    @property
    def words(self) -> dict[str, str]:
        """The texts."""
        return {key: printable(value) for key, value in self.content.items() if isinstance(value, str)}

    @property
    def known(self) -> dict[str, Any]:
        """The keys that a run writes, if their values can be used without further checks; see `typed`."""
        return typed(self.content)


def read(folder: Path) -> Summary:
    """Read summary.json of a run folder."""
    try:
        content = json.loads(bounded.text(folder / SUMMARY, MOST_BYTES))
    except FileNotFoundError:
        return Summary({}, MISSING)
    except (OSError, ValueError, RecursionError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Summary({}, printable(f"summary.json cannot be read ({reason})"))
    if not isinstance(content, dict) or not isinstance(content.get("status"), str):
        return Summary({}, FOREIGN)
    return Summary(content)


def typed(content: dict[str, Any]) -> dict[str, Any]:
    """Return the known keys with usable values: texts of one line, counts, finite numbers and a cost.

    Unknown keys are left out, and so are keys with null or an unusable value.
    """
    usable = {key: _of_type(key, content[key]) for key in (*TEXTS, *FIGURES) if key in content}
    return {key: value for key, value in usable.items() if value is not None}


def number(value: Any) -> float:
    """Return the value if it is a finite number, else 0."""
    return value if is_number(value) else 0


def is_number(value: Any) -> bool:
    """Return whether the value is a finite number of a usable size."""
    # NaN is outside any range.
    return type(value) in (int, float) and -GREATEST <= value <= GREATEST


def _numbers(content: dict[str, Any]) -> dict[str, float]:
    return {printable(key): value for key, value in content.items() if is_number(value)}


def _of_type(key: str, value: Any) -> Any:
    if key in TEXTS:
        return value if _is_text(value) else None
    if key in COUNTS:
        return value if type(value) is int and 0 <= value <= GREATEST_COUNT else None
    if key == COST:
        return _cost(value)
    return value if is_number(value) else None


def _cost(value: Any) -> dict[str, Any] | None:
    """Return a cost, which has numbers by name and, in `layers`, the same for each layer; else None."""
    if not isinstance(value, dict) or not isinstance(layers := value.get("layers", {}), dict):
        return None
    if len(layers) > MOST_LAYERS or not all(_is_text(name) and _are_numbers(layer) for name, layer in layers.items()):
        return None
    return value if _are_numbers({key: number for key, number in value.items() if key != "layers"}) else None


def _are_numbers(value: Any) -> bool:
    """Return whether the value has numbers by name, or null for an unknown number."""
    if not isinstance(value, dict) or len(value) > MOST_LAYERS:
        return False
    return all(_is_text(key) and (number is None or is_number(number)) for key, number in value.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT
