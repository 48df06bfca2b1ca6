"""The files of a report: report.csv, report.md and report.html."""

from __future__ import annotations

from pathlib import Path

from snntrain.errors import printable
from snntrain.files.folder import Folder
from snntrain.files.output import write_output
from snntrain.report.markdown import markdown
from snntrain.report.page import html
from snntrain.report.report import Report
from snntrain.report.spreadsheet import as_csv


def write(report: Report, out: Path) -> list[Path]:
    """Write the files into the folder `out`, which is made if missing, and return their paths.

    Raises:
        UserError: the folder cannot be written.
    """
    contents: dict[str, str | bytes] = {
        "report.csv": as_csv(report.comparison, [printable(path) for path in report.paths(out)]),
        "report.md": markdown(report, report.links(out)),
        "report.html": html(report, report.links(out)),
    }
    write_output(Folder(out), contents)
    return [out / name for name in contents]
