"""report.csv: every run with all of its figures, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from snntrain.errors import printable
from snntrain.report.comparison import Comparison
from snntrain.report.table import WORDS, Value, is_number_text


def as_csv(comparison: Comparison, links: Sequence[str]) -> str:
    """Return every run with its folder, status, differing settings, all figures with all digits, and its error.

    A text that a spreadsheet would read as a formula gets an apostrophe in front, which makes it a text.
    """
    figures = list(dict.fromkeys(name for row in comparison.rows for name in row.run.figures))
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(map(_no_formula, ["run", "status", *comparison.columns, *figures, *WORDS, "error"]))
    for row, link in zip(comparison.rows, links, strict=True):
        settings = [row.settings.get(name) for name in comparison.columns]
        values = [row.run.figures.get(name) for name in figures]
        words = [row.run.words.get(name) for name in WORDS]
        writer.writerow(map(_no_formula, [printable(link), row.run.status, *settings, *values, *words, row.run.error]))
    return lines.getvalue()


def _no_formula(value: Value) -> Value:
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@")) and not is_number_text(value)
    return f"'{value}" if formula else value
