"""report.html: one file with everything in it, to look at without a network and to send to others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import snntrain
from snntrain.report.curves import MOST_CURVES, Curve, chosen, curve, mean_curve, thinned
from snntrain.report.markup import bounds, cell, element, heading, linked, section, select, status, strip
from snntrain.report.report import Report
from snntrain.report.runs import STALE_RULE
from snntrain.report.statistics import in_order, repeated
from snntrain.report.table import (
    NOTHING,
    SUBSTITUTED,
    effects_table,
    figure,
    runs_table,
    seeds_table,
    signed,
    spread_shown,
)
from snntrain.report.text import DIFFERENCE

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("table.js", "chart.js", "plots.js")
# As many as there are colours that everyone can tell apart.
MOST_COLOURS = 7
FEW = 5
COSTS = {"spikes_per_image": "spikes", "energy_nj_per_image": "energy"}
CURVE_WORDS = {
    "val_accuracy": "validation accuracy",
    "val_loss": "validation loss",
    "train_accuracy": "training accuracy",
    "train_loss": "training loss",
}


def html(report: Report, links: Sequence[str]) -> str:
    """The page; `links` lead to the folders of the runs."""
    data = _data(report)
    sections = [
        _glance(report, links),
        *_errors(report, links),
        _runs(report, links),
        *_curves(report, data),
        *_seeds(report),
        *_effects(report),
        *_costs(data),
        *_shared(report),
    ]
    return Template(_file("template.html")).substitute(
        title=escape(report.title),
        subtitle=escape(f"{report.counts} · by {report.comparison.metric} · {datetime.now():%Y-%m-%d %H:%M}"),
        sections="\n".join(sections),
        notes="\n".join(element("p", escape(note)) for note in _notes(report)),
        data=in_script(data),
        style=_file("style.css"),
        script="\n".join(map(_file, SCRIPTS)),
    )


def _file(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def in_script(data: Any) -> str:
    """JSON that no text inside can end: HTML's and JavaScript's signs are written as numbers."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _data(report: Report) -> dict[str, Any]:
    """What the scripts draw: every run's figures, the curves of the best, and their means over seeds."""
    comparison = report.comparison
    place = {id(row): index for index, row in enumerate(comparison.rows)}
    drawn: dict[int, Curve] = {}
    for row in chosen(comparison.rows, report.groups):
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
    """What the curves may be coloured by, the factor of the greatest effect first; few runs each by itself."""
    ordered = [effect.factor for effect in report.effects]
    ordered += [factor for factor in report.comparison.factors if factor not in ordered]
    found = []
    for name in ordered:
        values = {row.settings[name] for row in report.comparison.rows if name in row.settings}
        if 2 <= len(values) <= MOST_COLOURS:
            found.append({"name": name, "values": sorted(values, key=in_order)})
    if len(labels) <= MOST_COLOURS:
        found.append({"name": "run", "values": list(labels)})
    return found


def _glance(report: Report, links: Sequence[str]) -> str:
    comparison = report.comparison
    cards = []
    best = next((index for index, row in enumerate(comparison.rows) if row.counts), None)
    if best is not None:
        row = comparison.rows[best]
        told = " ".join(f"{key}={value}" for key, value in row.settings.items()) or row.label
        cards.append(_card("Best run", figure(comparison.metric, row.value or 0.0), linked(told, links[best])))
    if repeated(report.groups):
        group = report.groups[0]
        first = group.rows[0].settings
        told = " ".join(f"{key}={first[key]}" for key in comparison.factors if key in first)
        value = spread_shown(comparison.metric, group.spread)
        seeds = f"mean of {group.spread.count}" if group.spread.count > 1 else "one run"
        cards.append(_card("Best over seeds", value, escape(f"{told or 'all alike'}, {seeds}")))
    if report.effects:
        effect = report.effects[0]
        means = [level.spread.mean for level in effect.levels]
        top = effect.levels[means.index(max(means))]
        told = f"from its lowest mean to its highest, {figure(comparison.metric, max(means))} of {top.value}"
        cards.append(_card("Greatest effect", effect.factor, escape(told), signed(comparison.metric, effect.range)))
    total = sum(row.run.figures.get("train_seconds", 0.0) for row in comparison.rows)
    cards.append(_card("Runs", f"{len(comparison.rows):,}", escape(f"{_duration(total)} of training in all")))
    return element("section", "\n".join(cards), class_="glance")


def _card(title: str, value: str, told: str, beside: str = "") -> str:
    """`told` is HTML."""
    small = f" {element('small', escape(beside))}" if beside else ""
    shown = element("div", f"{escape(value)}{small}", class_="value")
    return element("div", f"{element('h2', escape(title))}{shown}{element('p', told, class_='muted')}")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    return f"{minutes} minutes" if minutes < 100 else f"{minutes / 60:,.1f} hours"


def _errors(report: Report, links: Sequence[str]) -> Iterator[str]:
    by_row = zip(report.comparison.rows, links, strict=True)
    items = [
        element("li", f"{status(row.run.status)} {linked(row.label, link)} {element('code', escape(row.run.error))}")
        for row, link in by_row
        if row.run.error is not None
    ]
    if items:
        title = f"{len(items):,} {'run' if len(items) == 1 else 'runs'} with an error"
        shown = element("ul", "\n".join(items), class_="errors")
        if len(items) > FEW:
            shown = element("details", element("summary", "show all") + shown)
        yield section(title, "", shown)


def _runs(report: Report, links: Sequence[str]) -> str:
    comparison = report.comparison
    # What does not fit into the window is reached by scrolling: not the run and how it ended.
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
    told = '<span id="filtered" class="muted" role="status"></span>'
    search = '<label>filter <input id="filter" type="search" placeholder="words, as plif soft"></label>'
    controls = element("div", search + told, class_="controls")
    note = "The best first. A heading sorts; a run leads to its folder."
    return section("Runs", note, controls, element("div", table, class_="scroll"))


def _table(head: Sequence[str], lines: Sequence[str], name: str | None = None) -> str:
    top = element("thead", element("tr", "".join(head)))
    return element("table", f"{top}\n<tbody>\n{chr(10).join(lines)}\n</tbody>", id=name)


def _curves(report: Report, data: dict[str, Any]) -> Iterator[str]:
    count, total = len(data["curves"]), len(report.comparison.rows)
    if not count:
        return
    controls = [select("figure", "figure", CURVE_WORDS.items())]
    if data["bands"]:
        controls.append(select("over", "show", [("runs", "each run"), ("seeds", "mean ± std over seeds")]))
    controls += _colour_choice(data)
    note = "The pointer on a curve or on a row of the table shows which run it is."
    if total > count > MOST_CURVES - 1:
        note = f"The best {count} of {total:,} runs; the other {total - count:,} are in the table. {note}"
    yield _plot("Learning curves", note, controls, "curves")


def _colour_choice(data: dict[str, Any]) -> list[str]:
    names = [(factor["name"], factor["name"]) for factor in data["factors"]]
    return [select("colour", "colour", names)] if names else []


def _plot(title: str, note: str, controls: Sequence[str], name: str) -> str:
    bar = element("div", "".join(controls), class_="controls")
    place = element("div", "<noscript>The curves are drawn by a script.</noscript>", class_="plot", id=name)
    return section(title, note, bar, element("div", "", class_="legend"), place)


def _costs(data: dict[str, Any]) -> Iterator[str]:
    placed = [run for run in data["runs"] if run["value"] is not None]
    known = [(cost, word) for cost, word in COSTS.items() if len({run[cost] for run in placed} - {None}) > 1]
    if known:
        note = "Further left is cheaper. The dashed line joins the runs that none beats at the same or a lower cost."
        controls = [select("cost", "against", known), *_colour_choice(data)]
        yield _plot("What it costs", note, controls, "cost")


def _seeds(report: Report) -> Iterator[str]:
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
    note = "Completed runs that differ in the seed alone; sample standard deviation. Rings are single runs."
    yield section("Mean ± std over seeds", note, element("div", _table(head, lines), class_="scroll"))


def _scale(metric: str, low: float, high: float) -> str:
    return f"{figure(metric, low)} to {figure(metric, high)}"


def _effects(report: Report) -> Iterator[str]:
    if not report.effects:
        return
    metric = report.comparison.metric
    low, high = bounds([level.spread for effect in report.effects for level in effect.levels])
    blocks = []
    for effect in report.effects:
        columns = effects_table(metric, [effect])[1:]
        head = [heading(column, None) for column in columns]
        head.append(element("th", escape(_scale(metric, low, high)), scope="col"))
        lines = []
        for index, level in enumerate(effect.levels):
            drawn = element("td", strip(level.spread, low, high, effect.mean))
            lines.append(element("tr", "".join(cell(column, index) for column in columns) + drawn))
        blocks.append(element("div", element("h3", escape(effect.factor)) + _table(head, lines)))
    note = f"{DIFFERENCE[0].upper()}{DIFFERENCE[1:]}. All strips have the same scale."
    yield section("What each factor does", note, element("div", "\n".join(blocks), class_="effects"))


def _shared(report: Report) -> Iterator[str]:
    shared = report.comparison.shared
    if shared:
        items = "".join(
            element("div", element("dt", escape(key)) + element("dd", escape(value))) for key, value in shared.items()
        )
        head = element("summary", f"The same in all runs: {len(shared)} settings")
        yield element("section", element("details", head + element("dl", items)))


def _notes(report: Report) -> Iterator[str]:
    if any(row.substituted for row in report.comparison.rows):
        yield SUBSTITUTED
    yield f"Means are over completed runs. {STALE_RULE}."
    yield f"snntrain {snntrain.__version__}"
