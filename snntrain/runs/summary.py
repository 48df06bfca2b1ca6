"""summary.json as data: what has the right type, and is of a size that a run writes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

TEXTS = ("status", "error", "name", "device", "device_name", "precision")
COUNTS = ("best_epoch", "epochs", "parameters", "test_ties", "test_ties_last")
COST = "cost"
# A run writes lines of 600 letters, and no number near these.
LONGEST_TEXT = 1000
GREATEST = 1e100
GREATEST_COUNT = 2**53
MOST_LAYERS = 10_000


def typed(content: dict[str, Any], figures: Collection[str]) -> dict[str, Any]:
    """What of a summary can be used without looking at it again.

    Returns:
        Of `figures` and TEXTS, the texts that are no longer than a line, the counts, the finite numbers and the cost;
        nothing of what is null, or anything else.
    """
    usable = {key: _of_type(key, content[key]) for key in (*TEXTS, *figures) if key in content}
    return {key: value for key, value in usable.items() if value is not None}


def _of_type(key: str, value: Any) -> Any:
    if key in TEXTS:
        return value if _is_text(value) else None
    if key in COUNTS:
        return value if type(value) is int and 0 <= value <= GREATEST_COUNT else None
    if key == COST:
        return _cost(value)
    return value if _is_number(value) else None


def _cost(value: Any) -> dict[str, Any] | None:
    """Numbers by their name, and under `layers` such numbers of each layer; None where it is none."""
    if not isinstance(value, dict) or not isinstance(layers := value.get("layers", {}), dict):
        return None
    if len(layers) > MOST_LAYERS or not all(_is_text(name) and _are_numbers(layer) for name, layer in layers.items()):
        return None
    return value if _are_numbers({key: number for key, number in value.items() if key != "layers"}) else None


def _are_numbers(value: Any) -> bool:
    """Whether it is a few names with numbers, or with null where one is not known."""
    if not isinstance(value, dict) or len(value) > MOST_LAYERS:
        return False
    return all(_is_text(key) and (number is None or _is_number(number)) for key, number in value.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _is_number(value: Any) -> bool:
    # NaN is in no range.
    return type(value) in (int, float) and -GREATEST <= value <= GREATEST
