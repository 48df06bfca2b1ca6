"""A report in words: on the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snntrain.report.comparison import METRIC, TESTED, Comparison
from snntrain.report.effects import Effects
from snntrain.report.report import Report
from snntrain.report.statistics import repeated
from snntrain.report.table import (
    as_markdown,
    as_text,
    effects_table,
    figure,
    fit,
    markdown_text,
    runs_table,
    seeds_table,
)
from snntrain.runs.reading import KILLED, KILLED_RULE

MOST_LINKS = 20
COMPARED = (
    "the values of a factor are compared over those combinations of the other factors that all of them have, each "
    "counting the same"
)
COLUMNS = (
    "±: deviation of the runs behind a value; difference: to the mean of the factor's values; "
    "runs and combinations: how many stand behind it"
)
FITTED = "* no combination is shared by all values: means of an additive model of all factors, by least squares"


def ranking(comparison: Comparison) -> str:
    """By which figure the runs are ranked, and what that means for the test accuracy of the best."""
    told = f"ranked by {comparison.metric}"
    if comparison.metric == METRIC:
        return f"{told}: the test images have no part in the choice, so the {TESTED} of the best run can be trusted"
    if comparison.metric.startswith(TESTED):
        return f"{told}: the test images have a part in the choice, so the figure of the best run is too good"
    return told


def picked(comparison: Comparison) -> Iterator[str]:
    """The best run and its test accuracy, in a line, where it was not chosen by that."""
    best = comparison.best
    if best is not None and best.value is not None and comparison.metric == METRIC:
        tested = best.run.figures.get(TESTED)
        known = f"{TESTED} {figure(TESTED, tested)}" if tested is not None else "not tested"
        yield f"the best: {best.label}, {METRIC} {figure(METRIC, best.value)}, {known}"


def compared(effects: Effects) -> Iterator[str]:
    """How the values of the factors were compared, and which factors could not be."""
    if effects.found:
        yield COMPARED
        yield COLUMNS
    if any(effect.fitted for effect in effects.found):
        yield FITTED
    if effects.not_compared:
        names = ", ".join(effects.not_compared)
        yield f"not compared: {names}; what else was varied differs with their values"


def terminal(report: Report, width: int) -> str:
    """The tables for a terminal of `width` columns."""
    comparison, groups, effects = report.comparison, report.groups, report.effects
    columns, left_out = fit(runs_table(comparison), width, effects.found)
    lines = [*as_text(columns), ranking(comparison), *picked(comparison), *notes(report)]
    if left_out:
        lines.append(f"left out for the width: {', '.join(left_out)}; report.csv has all")
    if repeated(groups):
        columns, left_out = fit(seeds_table(comparison, groups), width, effects.found)
        lines += ["", "mean ± std over seeds", *as_text(columns)]
        if left_out:
            lines.append(f"left out for the width: {', '.join(left_out)}")
    if told := list(compared(effects)):
        table = fit(effects_table(comparison.metric, effects.found), width, ())[0] if effects.found else []
        lines += ["", "marginal effects", *(as_text(table) if table else []), *told]
    return "\n".join(lines)


def notes(report: Report) -> Iterator[str]:
    """What has to be said of some of the runs."""
    rows = report.comparison.rows
    if any(row.run.status == KILLED for row in rows):
        yield KILLED_RULE
    yield from links(report)


def links(report: Report) -> Iterator[str]:
    """Where the links lead by which runs were found."""
    yield from report.linked[:MOST_LINKS]
    if len(report.linked) > MOST_LINKS:
        yield f"and {len(report.linked) - MOST_LINKS:,} links more"


def failures(report: Report) -> Iterator[str]:
    """A line for each run that did not end well: its status, its folder, its error, and what goes on with it."""
    for row in report.comparison.ended_badly:
        yield f"{row.run.status}: {row.label}: {row.run.ending}"


def markdown(report: Report, links: Sequence[str]) -> str:
    """The document; `links` lead to the folders of the runs."""
    comparison, groups, effects = report.comparison, report.groups, report.effects
    lines = [f"# Runs in {markdown_text(report.title)}", "", f"{report.counts}; {ranking(comparison)}.", ""]
    lines += as_markdown(runs_table(comparison), links)
    for note in (*picked(comparison), *notes(report)):
        lines += ["", markdown_text(note)]
    if repeated(groups):
        lines += ["", "## Mean ± std over seeds", "", *as_markdown(seeds_table(comparison, groups))]
    if told := [markdown_text(line) for line in compared(effects)]:
        table = as_markdown(effects_table(comparison.metric, effects.found)) if effects.found else []
        lines += ["", "## Marginal effects", "", *table]
        lines += [line for paragraph in (*told, "completed runs only") for line in ("", f"{paragraph}.")]
    if comparison.ended_badly:
        lines += ["", "## Runs that did not end well", "", *(f"- {markdown_text(line)}" for line in failures(report))]
    return "\n".join(lines) + "\n"
