"""The results of a benchmark: tables on the screen, a JSON file and a bar chart."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Row = dict[str, Any]

OURS, OTHERS = "tab:blue", "tab:gray"


@dataclass
class Section:
    """One table: rows with the same columns, the name first.

    Args:
        title: the subject of the comparison.
        chart: the column that the chart shows.
        rows: `name` and the columns, in the order of the table; a row that failed has `name` and `failed`.
        note: one line on how to read it.
    """

    title: str
    chart: str
    rows: list[Row] = field(default_factory=list)
    note: str = ""


def show(section: Section) -> None:
    """Print the section as an aligned table."""
    columns, cells = _table(section)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [any(isinstance(row.get(column), int | float) for row in section.rows) for column in columns]
    print(f"\n{section.title}")
    for line in cells:
        padded = zip(line, numeric, widths, strict=True)
        aligned = (f"{cell:{'>' if right else '<'}{width}}" for cell, right, width in padded)
        print("  " + "  ".join(aligned).rstrip())
    for row in section.rows:
        if "failed" in row:
            print(f"  {row['name']} did not run: {row['failed']}")
    if section.note:
        print(f"  {section.note}")


def markdown(machine: dict[str, Any], found: Sequence[Section]) -> str:
    """Return the sections as Markdown tables, below a line about the machine."""
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items() if version)
    lines = [
        f"`{machine['command']}`, {machine['date'][:10]}, commit {machine['commit']}, {machine['cpu']}; {versions}"
    ]
    for section in found:
        lines += ["", f"## {section.title}", "", table(section)]
    return "\n".join(lines) + "\n"


def table(section: Section) -> str:
    """Return the section as a Markdown table, without its title."""
    header, *rows = ("| " + " | ".join(cells) + " |" for cells in _table(section)[1])
    return "\n".join([header, re.sub(r"[^|]+", "---", header), *rows])


def _table(section: Section) -> tuple[list[str], list[list[str]]]:
    """Return the columns, and the lines of a table, the names of the columns first."""
    columns = list(dict.fromkeys(key for row in section.rows for key in row if key != "failed"))
    return columns, [columns, *([_cell(row, column) for column in columns] for row in section.rows)]


def _cell(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def write(name: str, folder: Path, machine: dict[str, Any], settings: dict[str, Any], found: Sequence[Section]) -> None:
    """Write `<name>.json` and `<name>.png` into `folder`, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "settings": settings, "sections": [asdict(section) for section in found]}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2, default=str) + "\n")
    _chart(machine, found).savefig(folder / f"{name}.png", dpi=110)
    print(f"\n{folder / name}.json, .png")


def _chart(machine: dict[str, Any], found: Sequence[Section]) -> Figure:
    """Draw one panel of bars per section, ours in colour."""
    drawn = [(section, [row for row in section.rows if row.get(section.chart) is not None]) for section in found]
    drawn = [(section, rows) for section, rows in drawn if rows]
    heights = [len(rows) + 2 for _, rows in drawn]
    figure = Figure(figsize=(10, 0.28 * sum(heights) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{machine['device']}, {machine['threads']} threads, {machine['date'][:10]}", fontsize=10)
    panels = figure.subplots(len(drawn), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (section, rows) in zip(panels, drawn, strict=True):
        values = [row[section.chart] for row in rows]
        colours = [OURS if row["name"].startswith("snntrain") else OTHERS for row in rows]
        bars = axes.barh([row["name"] for row in rows], values, color=colours)
        axes.bar_label(bars, [_cell(row, section.chart) for row in rows], padding=3, fontsize=7)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.tick_params(labelsize=7)
        axes.set_title(f"{section.title}: {section.chart}", fontsize=8, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    return figure
