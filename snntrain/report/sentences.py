"""The sentences of a report, which the terminal, the Markdown file and the page share."""

from __future__ import annotations

from collections.abc import Iterator

from snntrain.report.comparison import METRIC, TESTED, Comparison
from snntrain.report.effects import Effects
from snntrain.report.numbers import figure
from snntrain.report.report import Report
from snntrain.runs.state import KILLED, KILLED_NOTE

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


def notes(report: Report) -> Iterator[str]:
    """What has to be said of some of the runs."""
    rows = report.comparison.rows
    if any(row.run.status == KILLED for row in rows):
        yield KILLED_NOTE
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
