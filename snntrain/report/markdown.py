"""report.md: a report in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from snntrain.report.report import Report
from snntrain.report.sentences import compared, failures, notes, picked, ranking
from snntrain.report.statistics import repeated
from snntrain.report.table import Column, effects_table, runs_table, seeds_table


def markdown(report: Report, links: Sequence[str]) -> str:
    """Return the document; `links` lead to the folders of the runs."""
    comparison, groups, effects = report.comparison, report.groups, report.effects
    lines = [f"# Runs in {markdown_text(report.title)}", "", f"{report.counts}; {ranking(comparison)}.", ""]
    lines += as_markdown(runs_table(comparison), links)
    for note in (*picked(comparison), *notes(report)):
        lines += ["", markdown_text(note)]
    if repeated(groups):
        lines += ["", "## Mean ± std over seeds", "", *as_markdown(seeds_table(comparison, groups))]
    if remarks := [markdown_text(line) for line in compared(effects)]:
        table = as_markdown(effects_table(comparison.metric, effects.found)) if effects.found else []
        lines += ["", "## Marginal effects", "", *table]
        lines += [line for paragraph in (*remarks, "completed runs only") for line in ("", f"{paragraph}.")]
    if comparison.ended_badly:
        lines += ["", "## Runs that did not complete", "", *(f"- {markdown_text(line)}" for line in failures(report))]
    return "\n".join(lines) + "\n"


def as_markdown(columns: Sequence[Column], links: Sequence[str] = ()) -> list[str]:
    """Return a table in Markdown; the cells of the column `run` get the `links`."""
    cells = [[markdown_text(cell.strip()) for cell in column.cells] for column in columns]
    for column, texts in zip(columns, cells, strict=True):
        if column.role == "run" and links:
            texts[:] = [f"[{text}]({link})" for text, link in zip(texts, links, strict=True)]
    heads = [markdown_text(column.name) for column in columns]
    rules = ["---:" if column.is_numeric else "---" for column in columns]
    return [f"| {' | '.join(line)} |" for line in (heads, rules, *zip(*cells, strict=True))]


def markdown_text(text: str) -> str:
    """Escape a text so that Markdown shows it unchanged."""
    # Inside a word, _ has no meaning in Markdown.
    escaped = re.sub(r"[\\`*\[\]|#]|\b_|_\b|(?<=_)_", r"\\\g<0>", text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
