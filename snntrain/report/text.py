"""A report in words: on the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snntrain.report.report import Report
from snntrain.report.runs import KILLED, KILLED_RULE
from snntrain.report.statistics import repeated
from snntrain.report.table import (
    SUBSTITUTED,
    as_markdown,
    as_text,
    effects_table,
    fit,
    markdown_text,
    runs_table,
    seeds_table,
)

# Runs behind links that are named one by one.
MOST_LINKS = 20
DIFFERENCE = "difference: to the mean of the factor's values, over whatever else was varied"


def terminal(report: Report, width: int) -> str:
    """The tables for a terminal of `width` columns."""
    comparison, groups, effects = report.comparison, report.groups, report.effects
    columns, left_out = fit(runs_table(comparison), width, effects)
    lines = [*as_text(columns), *notes(report)]
    if left_out:
        lines.append(f"left out for the width: {', '.join(left_out)}; report.csv has all")
    if repeated(groups):
        columns, left_out = fit(seeds_table(comparison, groups), width, effects)
        lines += ["", "mean ± std over seeds", *as_text(columns)]
        if left_out:
            lines.append(f"left out for the width: {', '.join(left_out)}")
    if effects:
        lines += ["", "marginal effects", *as_text(fit(effects_table(comparison.metric, effects), width, ())[0])]
    return "\n".join(lines)


def notes(report: Report) -> Iterator[str]:
    """What has to be said of some of the runs."""
    rows = report.comparison.rows
    if any(row.substituted for row in rows):
        yield SUBSTITUTED
    if any(row.run.status == KILLED for row in rows):
        yield KILLED_RULE
    yield from links(report)


def links(report: Report) -> Iterator[str]:
    """Where the runs lie that were found behind a link."""
    yield from report.behind_links[:MOST_LINKS]
    if len(report.behind_links) > MOST_LINKS:
        yield f"and {len(report.behind_links) - MOST_LINKS:,} more are behind links"


def failures(report: Report) -> Iterator[str]:
    """A line for each run that did not end well: its status, its folder, its error, and what goes on with it."""
    for row in report.comparison.ended_badly:
        yield f"{row.run.status}: {row.label}: {row.run.ending}"


def markdown(report: Report, links: Sequence[str]) -> str:
    """The document; `links` lead to the folders of the runs."""
    comparison, groups, effects = report.comparison, report.groups, report.effects
    lines = [f"# Runs in {markdown_text(report.title)}", "", f"{report.counts}; sorted by {comparison.metric}.", ""]
    lines += as_markdown(runs_table(comparison), links)
    for note in notes(report):
        lines += ["", markdown_text(note)]
    if repeated(groups):
        lines += ["", "## Mean ± std over seeds", "", *as_markdown(seeds_table(comparison, groups))]
    if effects:
        lines += ["", "## Marginal effects", "", *as_markdown(effects_table(comparison.metric, effects))]
        lines += ["", f"{DIFFERENCE}; completed runs only."]
    if comparison.ended_badly:
        lines += ["", "## Runs that did not end well", "", *(f"- {markdown_text(line)}" for line in failures(report))]
    return "\n".join(lines) + "\n"
