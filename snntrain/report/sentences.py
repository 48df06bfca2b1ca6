"""The sentences that the terminal, report.md and report.html share."""

from __future__ import annotations

from collections.abc import Iterator

from snntrain.report.comparison import METRIC, TESTED, Comparison
from snntrain.report.effects import Effects
from snntrain.report.numbers import figure
from snntrain.report.report import Report
from snntrain.runs.state import KILLED, KILLED_NOTE

MOST_LINKS = 20
COMPARED = (
    "the values of a factor are compared over the combinations of the other factors that all values share, with equal "
    "weights"
)
COLUMNS = (
    "±: standard deviation of the runs of a value; difference: from the mean over the factor's values; "
    "runs, combinations: how many the value has"
)
FITTED = "* the values share no combination: means of an additive model of all factors, fitted by least squares"


def ranking(comparison: Comparison) -> str:
    """Return the figure by which the runs are ranked, and whether the best run's test accuracy is unbiased."""
    rank = f"ranked by {comparison.metric}"
    if comparison.metric == METRIC:
        return f"{rank}: the test images do not affect the ranking, so the {TESTED} of the best run is unbiased"
    if comparison.metric.startswith(TESTED):
        return f"{rank}: the test images affect the ranking, so the figure of the best run is too good"
    return rank


def picked(comparison: Comparison) -> Iterator[str]:
    """Yield the best run and its test accuracy in one line, if the test accuracy does not affect the ranking."""
    best = comparison.best
    if best is not None and best.value is not None and comparison.metric == METRIC:
        tested = best.run.figures.get(TESTED)
        known = f"{TESTED} {figure(TESTED, tested)}" if tested is not None else "not tested"
        yield f"best run: {best.label}, {METRIC} {figure(METRIC, best.value)}, {known}"


def compared(effects: Effects) -> Iterator[str]:
    """Yield the method by which the values of the factors are compared, and the factors that cannot be compared."""
    if effects.found:
        yield COMPARED
        yield COLUMNS
    if any(effect.fitted for effect in effects.found):
        yield FITTED
    if effects.not_compared:
        names = ", ".join(effects.not_compared)
        yield f"not compared: {names}; other factors change together with their values"


def notes(report: Report) -> Iterator[str]:
    """Yield the remarks on single runs."""
    rows = report.comparison.rows
    if any(row.run.status == KILLED for row in rows):
        yield KILLED_NOTE
    yield from links(report)


def links(report: Report) -> Iterator[str]:
    """Yield the links through which runs were found, with their targets."""
    yield from report.linked[:MOST_LINKS]
    if len(report.linked) > MOST_LINKS:
        yield f"and {len(report.linked) - MOST_LINKS:,} more links"


def failures(report: Report) -> Iterator[str]:
    """Yield a line for each run that did not complete: status, folder, error and the command that resumes it."""
    for row in report.comparison.ended_badly:
        yield f"{row.run.status}: {row.label}: {row.run.ending}"
