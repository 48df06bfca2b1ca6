"""The data that the scripts of the page draw, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snntrain.report.curves import Curve, curve, mean_curve, rows_to_draw, thinned
from snntrain.report.numbers import figure
from snntrain.report.report import Report
from snntrain.report.statistics import repeated
from snntrain.report.table import NOTHING
from snntrain.runs.order import in_order

# As many colours as everyone can distinguish.
MOST_COLOURS = 7
# The costs of a run, and their names on the page.
COSTS = {"spikes_per_image": "spikes", "energy_nj_per_image": "energy"}


def plot_data(report: Report) -> dict[str, Any]:
    """Return the figures of every run, the curves of the best runs, and their means over seeds."""
    comparison = report.comparison
    place = {id(row): index for index, row in enumerate(comparison.rows)}
    drawn: dict[int, Curve] = {}
    for row in rows_to_draw(comparison.rows, report.groups):
        if found := curve(row.run):
            drawn[place[id(row)]] = found
    bands = []
    for group in report.groups if repeated(report.groups) else ():
        members = [place[id(row)] for row in group.rows]
        if all(member in drawn for member in members):
            bands.append({"runs": members, **thinned(mean_curve([drawn[member] for member in members]))})
    runs = [
        {
            "label": row.label,
            "settings": dict(row.settings),
            "shown": NOTHING if row.value is None else figure(comparison.metric, row.value),
            "value": row.value if row.counts else None,
            **{cost: row.run.figures.get(cost) for cost in COSTS},
        }
        for row in comparison.rows
    ]
    curves = [{"runs": [index], **thinned(found)} for index, found in drawn.items()]
    factors = _colour_factors(report, [str(runs[index]["label"]) for index in drawn])
    lower = {"metric": comparison.metric, "lower": comparison.lower_is_better}
    return {**lower, "factors": factors, "runs": runs, "curves": curves, "bands": bands}


def _colour_factors(report: Report, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the factors that can colour the curves, the largest effect first; if runs are few, also the run."""
    ordered = [effect.factor for effect in report.effects.found]
    ordered += [factor for factor in report.comparison.factors if factor not in ordered]
    found = []
    for name in ordered:
        values = {row.settings[name] for row in report.comparison.rows if name in row.settings}
        if 2 <= len(values) <= MOST_COLOURS:
            found.append({"name": name, "values": sorted(values, key=in_order)})
    if len(labels) <= MOST_COLOURS:
        found.append({"name": "run", "values": list(labels)})
    return found
