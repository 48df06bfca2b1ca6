"""Learning curves of the best runs, and their mean and deviation over seeds, in as many points as can be seen."""

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
    """The best rows, MOST_CURVES or little more: those that differ in the seed alone go together."""
    together = {id(row): group.rows for group in groups for row in group.rows}
    found: dict[int, Row] = {}
    for row in rows:
        if len(found) >= MOST_CURVES:
            break
        for member in together.get(id(row), (row,)):
            found.setdefault(id(member), member)
    return list(found.values())


def curve(run: Run) -> Curve:
    """`epoch` and each of CURVES, a value an epoch, None where there is none; empty for a run without epochs."""
    lines = epochs(run.path)
    return {key: [line[key] for line in lines] for key in ("epoch", *CURVES)} if lines else {}


def mean_curve(curves: Sequence[Curve]) -> dict[str, Any]:
    """`epoch`, of those that all `curves` have, and of each of CURVES the `mean` and `std` there."""
    by_epoch = [dict(zip(each["epoch"], range(len(each["epoch"])), strict=True)) for each in curves]
    common = [epoch for epoch in curves[0]["epoch"] if all(epoch in places for places in by_epoch)]
    told: dict[str, Any] = {"epoch": common}
    for key in CURVES:
        spreads = []
        for epoch in common:
            values = [each[key][places[epoch]] for each, places in zip(curves, by_epoch, strict=True)]
            known = [value for value in values if value is not None]
            spreads.append(spread(known) if len(known) == len(values) else None)
        told[key] = {"mean": [s and s.mean for s in spreads], "std": [s and (s.std or 0.0) for s in spreads]}
    return told


def thinned(content: Any) -> Any:
    """The lists of a curve with MOST_POINTS values at most, the first and the last among them, in five digits."""
    if isinstance(content, dict):
        return {key: thinned(value) for key, value in content.items()}
    count = len(content)
    if count > MOST_POINTS:
        content = [content[round(n * (count - 1) / (MOST_POINTS - 1))] for n in range(MOST_POINTS)]
    return [None if value is None else float(f"{value:.5g}") for value in content]
