"""report.html: a single file that needs no network and can be sent to others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import snntrain
from snntrain.report import sections
from snntrain.report.glance import glance
from snntrain.report.markup import element
from snntrain.report.plot_data import plot_data
from snntrain.report.report import Report
from snntrain.report.search import sections as searched
from snntrain.report.sentences import links
from snntrain.runs.state import KILLED_NOTE

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("table.js", "chart.js", "plots.js")


def html(report: Report, links: Sequence[str]) -> str:
    """Return the page; `links` lead to the folders of the runs."""
    data = plot_data(report)
    shown = [
        glance(report, links),
        *searched.sections(report.searches),
        *sections.errors(report, links),
        sections.runs(report, links),
        *sections.curves(report, data),
        *sections.seeds(report),
        *sections.effects(report),
        *sections.costs(data),
        *sections.shared(report),
    ]
    return Template(_file("template.html")).substitute(
        title=escape(report.title),
        subtitle=escape(f"{report.counts} · by {report.comparison.metric} · {datetime.now():%Y-%m-%d %H:%M}"),
        sections="\n".join(shown),
        notes="\n".join(element("p", escape(note)) for note in _notes(report)),
        data=in_script(data),
        style=_file("style.css"),
        script="\n".join(map(_file, SCRIPTS)),
    )


def _file(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def in_script(data: Any) -> str:
    """Return JSON for a script element, in which the special characters of HTML and JavaScript are escaped."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _notes(report: Report) -> Iterator[str]:
    yield from links(report)
    yield f"Means are over completed runs. {KILLED_NOTE[0].upper()}{KILLED_NOTE[1:]}."
    yield f"snntrain {snntrain.__version__}"
