"""The lines of metrics.jsonl, one per epoch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from snntrain.files import bounded
from snntrain.runs.layout import METRICS
from snntrain.runs.summary import is_number

CURVES = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")


def epochs(folder: Path, keys: Iterable[str] = CURVES) -> list[dict[str, float | None]]:
    """Return the readable lines, each with `epoch` and `keys`; a value that is missing or not finite is None."""
    try:
        lines = bounded.text(folder / METRICS, errors="replace").split("\n")
    except (OSError, ValueError):
        return []
    rows: list[dict[str, float | None]] = []
    for line in lines:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):  # The last line of a killed run may be incomplete.
            continue
        if isinstance(content, dict) and is_number(content.get("epoch")):
            values = {key: content.get(key) for key in keys}
            rows.append({"epoch": content["epoch"]} | {k: v if is_number(v) else None for k, v in values.items()})
    return rows
