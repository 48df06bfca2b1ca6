"""A report as tables on the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from snntrain.report.comparison import LABELS
from snntrain.report.effects import Effect
from snntrain.report.report import Report
from snntrain.report.sentences import compared, notes, picked, ranking
from snntrain.report.statistics import repeated
from snntrain.report.table import Column, effects_table, runs_table, seeds_table

MOST_ROWS = 50
LONGEST_CELL = 40


def terminal(report: Report, width: int) -> str:
    """Return the tables for a terminal of `width` columns."""
    comparison, groups, effects = report.comparison, report.groups, report.effects
    columns, left_out = fit(runs_table(comparison), width, effects.found)
    lines = [*as_text(columns), ranking(comparison), *picked(comparison), *notes(report)]
    if left_out:
        lines.append(f"columns left out: {', '.join(left_out)}; report.csv has all of them")
    if repeated(groups):
        columns, left_out = fit(seeds_table(comparison, groups), width, effects.found)
        lines += ["", "mean ± std over seeds", *as_text(columns)]
        if left_out:
            lines.append(f"columns left out: {', '.join(left_out)}")
    if remarks := list(compared(effects)):
        table = fit(effects_table(comparison.metric, effects.found), width, ())[0] if effects.found else []
        lines += ["", "marginal effects", *(as_text(table) if table else []), *remarks]
    return "\n".join(lines)


def fit(columns: Sequence[Column], width: int, effects: Sequence[Effect]) -> tuple[list[Column], list[str]]:
    """Return the columns that fit into `width`, and the names of those left out.

    Figures other than the metric are left out first, then the factors with the smallest effects. The metric, the status
    and the folder always stay.
    """
    ranges = {effect.factor: effect.range for effect in effects}
    kept, left_out = list(columns), []
    droppable = [column for column in columns if column.role not in ("metric", "status", "run")]
    for column in sorted(droppable, key=_importance(columns, ranges)):
        if _width(kept) <= width:
            break
        kept.remove(column)
        left_out.append(column.name)
    return kept, left_out


def _importance(columns: Sequence[Column], ranges: Mapping[str, float]) -> Callable[[Column], tuple[int, float]]:
    def rank(column: Column) -> tuple[int, float]:
        if column.role != "setting":
            return (0, -columns.index(column))
        return (1, 0) if column.name in LABELS else (2, ranges.get(column.name, math.inf))

    return rank


def _width(columns: Sequence[Column]) -> int:
    return sum(max(map(len, [column.name, *map(_shortened, column.cells)])) + 2 for column in columns) - 2


def _shortened(cell: str) -> str:
    return cell if len(cell) <= LONGEST_CELL else f"{cell[: LONGEST_CELL - 1]}…"


def as_text(columns: Sequence[Column]) -> list[str]:
    """Return aligned lines with a head. A long table ends after MOST_ROWS rows with a line that counts the others."""
    shown = []
    for column in columns:
        cells = [column.name, *map(_shortened, column.cells[:MOST_ROWS])]
        side, width = ">" if column.is_numeric else "<", max(map(len, cells))
        shown.append([f"{cell:{side}{width}}" for cell in cells])
    lines = ["  ".join(cells).rstrip() for cells in zip(*shown, strict=True)]
    more = len(columns[0].values) - MOST_ROWS
    return [*lines, f"… and {more:,} more"] if more > 0 else lines
