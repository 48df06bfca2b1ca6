"""The sections of the page, each as HTML; a section without content is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from snntrain.report.curves import MOST_CURVES
from snntrain.report.markup import bounds, cell, element, heading, linked, section, select, status, strip
from snntrain.report.numbers import figure
from snntrain.report.plot_data import COSTS
from snntrain.report.report import Report
from snntrain.report.sentences import compared, ranking
from snntrain.report.statistics import repeated
from snntrain.report.table import effects_table, runs_table, seeds_table
from snntrain.runs.reading import Run

FEW = 5
CURVE_WORDS = {
    "val_accuracy": "validation accuracy",
    "val_loss": "validation loss",
    "train_accuracy": "training accuracy",
    "train_loss": "training loss",
}


def errors(report: Report, links: Sequence[str]) -> Iterator[str]:
    """Yield the list of runs that did not complete, with their errors."""
    by_row = zip(report.comparison.rows, links, strict=True)
    items = [
        element("li", f"{status(row.run.status)} {linked(row.label, link)} {_ending(row.run)}")
        for row, link in by_row
        if row.run.ending is not None
    ]
    if items:
        title = f"{len(items):,} {'run' if len(items) == 1 else 'runs'} did not complete"
        shown = element("ul", "\n".join(items), class_="errors")
        if len(items) > FEW:
            shown = element("details", element("summary", "show all") + shown)
        yield section(title, "", shown)


def _ending(run: Run) -> str:
    error = [element("code", escape(run.error))] if run.error else []
    resume = [f"resume with: {element('code', escape(run.resume))}"] if run.resume else []
    return "; ".join([*error, *resume])


def runs(report: Report, links: Sequence[str]) -> str:
    """Return the table of all runs."""
    comparison = report.comparison
    # Columns beyond the window are reached by scrolling; the run and its status always fit.
    columns = sorted(runs_table(comparison), key=lambda column: ("run", "status", column.role).index(column.role))
    order = "ascending" if comparison.lower_is_better else "descending"
    head = [heading(column, order if column.role == "metric" else "none") for column in columns]
    known = [row.value for row in comparison.rows if row.value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    lines = []
    for index, row in enumerate(comparison.rows):
        cells = []
        for column in columns:
            content, share = None, None
            if column.role == "run":
                content = linked(row.label, links[index])
            elif column.role == "status":
                content = status(row.run.status)
            elif column.role == "metric" and row.value is not None and high > low:
                share = (row.value - low) / (high - low)
            cells.append(cell(column, index, content, share))
        lines.append(element("tr", "".join(cells), data_runs=str(index)))
    table = _table(head, lines, "runs")
    count = '<span id="filtered" class="muted" role="status"></span>'
    search = '<label>filter <input id="filter" type="search" placeholder="words, for example plif soft"></label>'
    controls = element("div", search + count, class_="controls")
    note = f"The best first, {ranking(comparison)}. Select a heading to sort by it, or a run to open its folder."
    return section("Runs", note, controls, _scrolled(table))


def _table(head: Sequence[str], lines: Sequence[str], name: str | None = None) -> str:
    top = element("thead", element("tr", "".join(head)))
    return element("table", f"{top}\n<tbody>\n{chr(10).join(lines)}\n</tbody>", id=name)


def _scrolled(table: str) -> str:
    """Return the table in a frame that scrolls, also by keyboard."""
    return element("div", table, class_="scroll", tabindex="0")


def curves(report: Report, data: dict[str, Any]) -> Iterator[str]:
    """Yield the learning curves, which the scripts draw from `data`."""
    count, total = len(data["curves"]), len(report.comparison.rows)
    if not count:
        return
    controls = [select("figure", "figure", CURVE_WORDS.items())]
    if data["bands"]:
        controls.append(select("over", "show", [("runs", "each run"), ("seeds", "mean ± std over seeds")]))
    controls += _colour_choice(data)
    note = "Point at a curve or at a row of the table to highlight the run."
    if total > count > MOST_CURVES - 1:
        note = f"The best {count} of {total:,} runs; the other {total - count:,} are in the table. {note}"
    yield _plot("Learning curves", note, controls, "curves")


def _colour_choice(data: dict[str, Any]) -> list[str]:
    names = [(factor["name"], factor["name"]) for factor in data["factors"]]
    return [select("colour", "colour", names)] if names else []


def _plot(title: str, note: str, controls: Sequence[str], name: str) -> str:
    bar = element("div", "".join(controls), class_="controls")
    place = element("div", "<noscript>A script draws the curves.</noscript>", class_="plot", id=name)
    return section(title, note, bar, element("div", "", class_="legend"), place)


def costs(data: dict[str, Any]) -> Iterator[str]:
    """Yield a plot of the metric against the cost."""
    placed = [run for run in data["runs"] if run["value"] is not None]
    known = [(cost, word) for cost, word in COSTS.items() if len({run[cost] for run in placed} - {None}) > 1]
    if known:
        note = "Further left is cheaper. The dashed line connects the runs that no run of the same or lower cost beats."
        controls = [select("cost", "against", known), *_colour_choice(data)]
        yield _plot("Cost", note, controls, "cost")


def seeds(report: Report) -> Iterator[str]:
    """Yield the table of groups of runs that differ only in the seed."""
    groups, comparison = report.groups, report.comparison
    if not repeated(groups):
        return
    columns = seeds_table(comparison, groups)
    order = "ascending" if comparison.lower_is_better else "descending"
    head = [heading(column, order if column.role == "metric" else "none") for column in columns]
    single = [[row.value for row in group.rows if row.value is not None] for group in groups]
    values = [value for several in single for value in several]
    low, high = bounds([group.spread for group in groups])
    low, high = min(low, *values), max(high, *values)
    lines = []
    for index, group in enumerate(groups):
        cells = [cell(column, index) for column in columns]
        drawn = strip(group.spread, low, high, single=single[index])
        lines.append(element("tr", "".join([*cells, element("td", drawn)])))
    head.append(element("th", escape(_scale(comparison.metric, low, high)), scope="col"))
    note = "Completed runs that differ only in the seed; sample standard deviation. Rings are single runs."
    yield section("Mean ± std over seeds", note, _scrolled(_table(head, lines)))


def _scale(metric: str, low: float, high: float) -> str:
    return f"{figure(metric, low)} to {figure(metric, high)}"


def effects(report: Report) -> Iterator[str]:
    """Yield the tables of marginal effects."""
    found, metric = report.effects.found, report.comparison.metric
    notes = [f"{note[0].upper()}{note[1:]}." for note in compared(report.effects)]
    if not notes:
        return
    blocks = []
    low, high = bounds([level.spread for effect in found for level in effect.levels]) if found else (0.0, 1.0)
    for effect in found:
        columns = effects_table(metric, [effect])[1:]
        head = [heading(column, None) for column in columns]
        head.append(element("th", escape(_scale(metric, low, high)), scope="col"))
        lines = []
        for index, level in enumerate(effect.levels):
            drawn = element("td", strip(level.spread, low, high, effect.mean))
            lines.append(element("tr", "".join(cell(column, index) for column in columns) + drawn))
        blocks.append(element("div", element("h3", escape(effect.factor + "*" * effect.fitted)) + _table(head, lines)))
    note = " ".join([*notes, *(["All strips have the same scale."] if found else [])])
    yield section("Marginal effects", note, element("div", "\n".join(blocks), class_="effects"))


def shared(report: Report) -> Iterator[str]:
    """Yield the settings that all runs share."""
    shared = report.comparison.shared
    if shared:
        items = "".join(
            element("div", element("dt", escape(key)) + element("dd", escape(value))) for key, value in shared.items()
        )
        head = element("summary", f"The same in all runs: {len(shared)} settings")
        yield element("section", element("details", head + element("dl", items)))
