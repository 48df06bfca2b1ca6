"""The building blocks of the page in HTML, with all given texts escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from snntrain.report.statistics import Spread
from snntrain.report.table import Column

STRIP_WIDTH, STRIP_HEIGHT, STRIP_EDGE = 176, 20, 6


def element(tag: str, content: str, /, **attributes: str | None) -> str:
    """Return an element around `content`, which is HTML. Attributes are escaped; None leaves one out."""
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    written = "".join(f' {key}="{escape(value)}"' for key, value in given.items())
    return f"<{tag}{written}>{content}</{tag}>"


def section(title: str, note: str, *content: str) -> str:
    """Return a section of the page; `content` is HTML, the rest text."""
    intro = [element("p", escape(note), class_="muted")] if note else []
    return element("section", "\n".join([element("h2", escape(title)), *intro, *content]))


def select(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    """Return a labelled drop-down list; `options` are values and their texts."""
    items = "".join(element("option", escape(text), value=value) for value, text in options)
    return element("label", f"{escape(label)} {element('select', items, name=name)}")


def status(word: str) -> str:
    """Return the status of a run with its colour and its sign."""
    return element("span", escape(word), class_=f"status {word}")


def linked(text: str, link: str) -> str:
    """Return a text that leads to `link`."""
    return element("a", escape(text), href=link)


def heading(column: Column, sorted_: str | None) -> str:
    """Return a heading; `sorted_` is its order (none, ascending, descending), or None if it cannot be sorted by."""
    text = escape(column.name)
    if sorted_ is not None:
        text = element("button", text, type="button")
    return element("th", text, scope="col", class_="number" if column.is_numeric else None, aria_sort=sorted_)


def cell(column: Column, row: int, content: str | None = None, share: float | None = None) -> str:
    """Return a cell with the value used for sorting; `share` from 0 to 1 is the length of a metric's bar."""
    value = column.values[row]
    shown = column.cells[row].strip()
    known = "" if value is None else value if isinstance(value, str) else repr(value)
    return element(
        "td",
        escape(shown) if content is None else content,
        class_=" ".join(filter(None, ("number" if column.is_numeric else "", column.role))) or None,
        # The number in '0.9944 ± 0.0012', and in a figure with a star.
        data_value=known.partition(" ")[0].strip("*").replace(",", "") if column.is_numeric else known,
        style=None if share is None else f"--share: {share:.3f}",
        title=shown if content is None and len(shown) > 40 else None,
    )


def strip(spread: Spread, low: float, high: float, mean: float | None = None, single: Sequence[float] = ()) -> str:
    """Return a mean as a dot, with its deviation as a bar, on an axis from `low` to `high`.

    A dashed line marks `mean`, and rings mark the values of single runs.
    """
    middle = STRIP_HEIGHT / 2

    def x(value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{STRIP_EDGE + share * (STRIP_WIDTH - 2 * STRIP_EDGE):.1f}"

    def line(kind: str, x1: str, x2: str, y1: float, y2: float) -> str:
        return f'<line class="{kind}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'

    parts = [line("axis", "0", str(STRIP_WIDTH), middle, middle)]
    if mean is not None:
        parts.append(line("mean", x(mean), x(mean), 0, STRIP_HEIGHT))
    if spread.std is not None:
        parts.append(line("error", x(spread.mean - spread.std), x(spread.mean + spread.std), middle, middle))
    parts += [f'<circle class="seed" cx="{x(value)}" cy="{middle}" r="2.5"/>' for value in single]
    parts.append(f'<circle class="dot" cx="{x(spread.mean)}" cy="{middle}" r="4"/>')
    box = f"0 0 {STRIP_WIDTH} {STRIP_HEIGHT}"
    return element("svg", "".join(parts), class_="strip", viewBox=box, aria_hidden="true")


def bounds(spreads: Iterable[Spread]) -> tuple[float, float]:
    """Return the ends of an axis that covers all means and deviations."""
    ends = [(each.mean - (each.std or 0.0), each.mean + (each.std or 0.0)) for each in spreads]
    return min(low for low, _ in ends), max(high for _, high in ends)
