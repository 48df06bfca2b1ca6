"""The cards at the top of the page: the best run, the best group, the largest effect, the time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from snntrain.report.comparison import METRIC, TESTED
from snntrain.report.markup import element, linked
from snntrain.report.numbers import figure, signed, spread_shown
from snntrain.report.report import Report
from snntrain.report.statistics import repeated


def glance(report: Report, links: Sequence[str]) -> str:
    """Return the cards; `links` lead to the folders of the runs."""
    comparison = report.comparison
    cards = []
    row = comparison.best
    if row is not None:
        settings = " ".join(f"{key}={value}" for key, value in row.settings.items()) or row.label
        value, link = figure(comparison.metric, row.value or 0.0), links[list(comparison.rows).index(row)]
        tested = row.run.figures.get(TESTED) if comparison.metric == METRIC else None
        beside = "" if tested is None else escape(f", {TESTED} {figure(TESTED, tested)}")
        cards.append(_card(f"Best run by {comparison.metric}", value, linked(settings, link) + beside))
    if repeated(report.groups):
        group = report.groups[0]
        first = group.rows[0].settings
        settings = " ".join(f"{key}={first[key]}" for key in comparison.factors if key in first)
        mean, *deviation = spread_shown(comparison.metric, group.spread).split(" ", maxsplit=1)
        seeds = f"mean of {group.spread.count}" if group.spread.count > 1 else "one run"
        if comparison.metric == METRIC and group.tested is not None:
            seeds += f", {TESTED} {spread_shown(TESTED, group.tested)}"
        cards.append(
            _card("Best over seeds", mean, escape(f"{settings or 'all settings equal'}, {seeds}"), "".join(deviation))
        )
    if report.effects.found:
        effect = report.effects.found[0]
        means = [level.spread.mean for level in effect.levels]
        top = effect.levels[means.index(max(means))]
        note = f"between its lowest and its highest mean; {top.value} has {figure(comparison.metric, max(means))}"
        cards.append(_card("Largest effect", effect.factor, escape(note), signed(comparison.metric, effect.range)))
    training, wall = (
        sum(row.run.figures.get(key, 0.0) for row in comparison.rows) for key in ("train_seconds", "wall_seconds")
    )
    note = f"{_duration(training)} of training in total" + (f", {_duration(wall)} from start to end" if wall else "")
    cards.append(_card("Runs", f"{len(comparison.rows):,}", escape(note)))
    return element("section", "\n".join(cards), class_="glance")


def _card(title: str, value: str, note: str, beside: str = "") -> str:
    """Return a card; `note` is HTML, the rest text."""
    small = f" {element('small', escape(beside))}" if beside else ""
    shown = element("div", f"{escape(value)}{small}", class_="value")
    return element("div", f"{element('h2', escape(title))}{shown}{element('p', note, class_='muted')}")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{minutes} minutes" if minutes < 100 else f"{minutes / 60:,.1f} hours"
