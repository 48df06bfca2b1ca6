"""The learning curves of the best runs, and their mean and deviation over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snntrain.report.comparison import Row
from snntrain.report.statistics import SeedGroup, spread
from snntrain.runs.metrics import CURVES, epochs
from snntrain.runs.reading import Run

MOST_CURVES = 60
MOST_POINTS = 200

Curve = dict[str, list[float | None]]


def rows_to_draw(rows: Sequence[Row], groups: Sequence[SeedGroup]) -> list[Row]:
    """Return the MOST_CURVES best rows, and the rows that differ from one of them only in the seed."""
    together = {id(row): group.rows for group in groups for row in group.rows}
    found: dict[int, Row] = {}
    for row in rows:
        if len(found) >= MOST_CURVES:
            break
        for member in together.get(id(row), (row,)):
            found.setdefault(id(member), member)
    return list(found.values())


def curve(run: Run) -> Curve:
    """Return `epoch` and each of CURVES with one value per epoch, or None; empty for a run without epochs."""
    lines = epochs(run.path)
    return {key: [line[key] for line in lines] for key in ("epoch", *CURVES)} if lines else {}


def mean_curve(curves: Sequence[Curve]) -> dict[str, Any]:
    """Return the epochs that all `curves` have, and the `mean` and `std` of each of CURVES there."""
    by_epoch = [dict(zip(each["epoch"], range(len(each["epoch"])), strict=True)) for each in curves]
    common = [epoch for epoch in curves[0]["epoch"] if all(epoch in places for places in by_epoch)]
    means: dict[str, Any] = {"epoch": common}
    for key in CURVES:
        spreads = []
        for epoch in common:
            values = [each[key][places[epoch]] for each, places in zip(curves, by_epoch, strict=True)]
            known = [value for value in values if value is not None]
            spreads.append(spread(known) if len(known) == len(values) else None)
        means[key] = {"mean": [s and s.mean for s in spreads], "std": [s and (s.std or 0.0) for s in spreads]}
    return means


def thinned(content: Any) -> Any:
    """Reduce the lists of a curve to MOST_POINTS values, first and last included, and round to five digits."""
    if isinstance(content, dict):
        return {key: thinned(value) for key, value in content.items()}
    count = len(content)
    if count > MOST_POINTS:
        content = [content[round(n * (count - 1) / (MOST_POINTS - 1))] for n in range(MOST_POINTS)]
    return [None if value is None else float(f"{value:.5g}") for value in content]
