"""Tables of a comparison: their columns, and the same as aligned text, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from snntrain.errors import printable
from snntrain.report.comparison import LABELS, METRIC, TESTED, Comparison, Row
from snntrain.report.effects import Effect
from snntrain.report.statistics import SeedGroup, Spread, in_order

Value = str | float | None

# Beside the metric, the most telling first.
FIGURES = (TESTED, METRIC, "spikes_per_image", "energy_nj_per_image", "parameters", "train_seconds", "wall_seconds")
WORDS = ("precision", "device_name")
MOST_ROWS = 50
LONGEST_CELL = 40
NOTHING = "–"


@dataclass(frozen=True)
class Column:
    """A column: its name, a value a row, how a value is shown, and what it tells.

    `role` is setting, metric, figure, word, status or run.
    """

    name: str
    values: Sequence[Value]
    role: str
    show: Callable[[Value], str] = lambda value: NOTHING if value is None else str(value)

    @cached_property
    def cells(self) -> list[str]:
        """The values as they are shown."""
        return [self.show(value) for value in self.values]

    @cached_property
    def is_numeric(self) -> bool:
        """Whether it holds numbers alone, so that it is set to the right."""
        return self.role in ("metric", "figure") or all(value is None or _is_number(value) for value in self.values)


def _is_number(value: str | float) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def figure(name: str, value: float) -> str:
    """A figure of summary.json in as many digits as tell something."""
    if name.endswith(("accuracy", "accuracy_last", "loss")):
        return f"{value:.4f}"
    if name.endswith("_seconds"):
        return f"{value:,.1f}" if value >= 1 else f"{value:.2g}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def runs_table(comparison: Comparison, figures: Sequence[str] = FIGURES) -> list[Column]:
    """A row a run: the settings that differ, the metric, those of `figures` that differ, the status, the folder.

    Beside METRIC the test accuracy is always there: it tells how good the run that was picked is.
    """
    rows = comparison.rows
    columns = [Column(name, [row.settings.get(name) for row in rows], "setting") for name in comparison.columns]
    shown: list[Value] = [None if row.value is None else figure(comparison.metric, row.value) for row in rows]
    columns.append(Column(comparison.metric, shown, "metric"))
    for name in figures:
        values: list[Value] = [row.run.figures.get(name) for row in rows]
        least = 0 if (comparison.metric, name) == (METRIC, TESTED) else 1
        if name != comparison.metric and len(set(values) - {None}) > least:
            columns.append(Column(name, values, "figure", _figure_shown(name)))
    for name in WORDS:
        words: list[Value] = [row.run.words.get(name) for row in rows]
        if len(set(words) - {None}) > 1:
            columns.append(Column(name, words, "word"))
    states: list[Value] = [row.run.status for row in rows]
    if set(states) != {"completed"}:
        columns.append(Column("status", states, "status"))
    return [*columns, Column("run", [row.label for row in rows], "run")]


def _figure_shown(name: str) -> Callable[[Value], str]:
    return lambda value: figure(name, value) if isinstance(value, int | float) else NOTHING


def seeds_table(comparison: Comparison, groups: Sequence[SeedGroup]) -> list[Column]:
    """A row a group of runs that differ in the seed alone."""
    firsts = [group.rows[0].settings for group in groups]
    settings = [Column(name, [first.get(name) for first in firsts], "setting") for name in comparison.factors]
    spreads: list[Value] = [spread_shown(comparison.metric, group.spread) for group in groups]
    seeds: list[Value] = [", ".join(row.settings.get("seed", "") for row in _by_seed(group)) for group in groups]
    counts: list[Value] = [float(group.spread.count) for group in groups]
    tested: list[Value] = [spread_shown(TESTED, group.tested) if group.tested else None for group in groups]
    beside = comparison.metric == METRIC and any(tested)
    return [
        *settings,
        Column(comparison.metric, spreads, "metric"),
        *([Column(TESTED, tested, "figure")] if beside else []),
        Column("runs", counts, "figure", _figure_shown("runs")),
        *([Column("seeds", seeds, "word")] if "seed" in comparison.columns else []),
    ]


def _by_seed(group: SeedGroup) -> list[Row]:
    return sorted(group.rows, key=lambda row: in_order(row.settings.get("seed", "")))


def effects_table(metric: str, effects: Sequence[Effect]) -> list[Column]:
    """A row a value of each factor; a star marks factors whose values were not compared directly."""
    levels = [(effect, level) for effect in effects for level in effect.levels]
    names: list[Value] = [
        effect.factor + "*" * effect.fitted if level is effect.levels[0] else "" for effect, level in levels
    ]
    differences: list[Value] = [signed(metric, level.difference) for _, level in levels]
    counts: list[Value] = [float(level.spread.count) for _, level in levels]
    combinations: list[Value] = [float(level.combinations) for _, level in levels]
    return [
        Column("factor", names, "setting"),
        Column("value", [level.value for _, level in levels], "setting"),
        Column(metric, [spread_shown(metric, level.spread) for _, level in levels], "metric"),
        Column("difference", differences, "figure", str),
        Column("runs", counts, "figure", _figure_shown("runs")),
        Column("combinations", combinations, "figure", _figure_shown("combinations")),
    ]


def spread_shown(metric: str, spread: Spread) -> str:
    """'0.9944 ± 0.0012'."""
    return figure(metric, spread.mean) + ("" if spread.std is None else f" ± {figure(metric, spread.std)}")


def signed(metric: str, difference: float) -> str:
    """A difference with its sign, a true minus for a negative one."""
    return f"{'−' if difference < 0 else '+'}{figure(metric, abs(difference))}"


def fit(columns: Sequence[Column], width: int, effects: Sequence[Effect]) -> tuple[list[Column], list[str]]:
    """The columns that fit into `width`, and the names of those left out: the least telling.

    Figures beside the metric go first, then the factors of the least effect; metric, status and folder stay.
    """
    ranges = {effect.factor: effect.range for effect in effects}
    kept, left_out = list(columns), []
    droppable = [column for column in columns if column.role not in ("metric", "status", "run")]
    for column in sorted(droppable, key=_telling(columns, ranges)):
        if _width(kept) <= width:
            break
        kept.remove(column)
        left_out.append(column.name)
    return kept, left_out


def _telling(columns: Sequence[Column], ranges: Mapping[str, float]) -> Callable[[Column], tuple[int, float]]:
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
    """Aligned lines, the head first; of a long table the first rows, and a line that counts the rest."""
    shown = []
    for column in columns:
        cells = [column.name, *map(_shortened, column.cells[:MOST_ROWS])]
        side, width = ">" if column.is_numeric else "<", max(map(len, cells))
        shown.append([f"{cell:{side}{width}}" for cell in cells])
    lines = ["  ".join(cells).rstrip() for cells in zip(*shown, strict=True)]
    more = len(columns[0].values) - MOST_ROWS
    return [*lines, f"… and {more:,} more"] if more > 0 else lines


def as_markdown(columns: Sequence[Column], links: Sequence[str] = ()) -> list[str]:
    """A table of Markdown; `links` are what the cells of the column `run` lead to."""
    cells = [[markdown_text(cell.strip()) for cell in column.cells] for column in columns]
    for column, texts in zip(columns, cells, strict=True):
        if column.role == "run" and links:
            texts[:] = [f"[{text}]({link})" for text, link in zip(texts, links, strict=True)]
    heads = [markdown_text(column.name) for column in columns]
    rules = ["---:" if column.is_numeric else "---" for column in columns]
    return [f"| {' | '.join(line)} |" for line in (heads, rules, *zip(*cells, strict=True))]


def markdown_text(text: str) -> str:
    """The text so that Markdown shows it as it is."""
    # Within a word Markdown takes _ as it is.
    escaped = re.sub(r"[\\`*\[\]|#]|\b_|_\b|(?<=_)_", r"\\\g<0>", text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_csv(comparison: Comparison, links: Sequence[str]) -> str:
    """Every run with its folder, status, differing settings, all its figures in full, and its error.

    A text that a spreadsheet would take for a formula begins with an apostrophe, which makes it text there.
    """
    figures = list(dict.fromkeys(name for row in comparison.rows for name in row.run.figures))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(map(_no_formula, ["run", "status", *comparison.columns, *figures, *WORDS, "error"]))
    for row, link in zip(comparison.rows, links, strict=True):
        settings = [row.settings.get(name) for name in comparison.columns]
        values = [row.run.figures.get(name) for name in figures]
        words = [row.run.words.get(name) for name in WORDS]
        writer.writerow(map(_no_formula, [printable(link), row.run.status, *settings, *values, *words, row.run.error]))
    return lines.getvalue()


def _no_formula(value: Value) -> Value:
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@")) and not _is_number(value)
    return f"'{value}" if formula else value
