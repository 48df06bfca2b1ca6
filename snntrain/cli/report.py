"""`snntrain report <folder>…`: compares the runs below some folders, the best first."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from snntrain.cli import one_process
from snntrain.cli.arguments import parse, unquoted
from snntrain.errors import UserError
from snntrain.files.paths import user_path
from snntrain.report.comparison import METRIC
from snntrain.report.files import write
from snntrain.report.report import Report, make
from snntrain.report.sentences import failures
from snntrain.report.terminal import terminal

HELP = """\
snntrain report <folder>… [metric=<figure>] [out=<folder>]

Compares the runs at any depth below the folders: finished, failed, interrupted, killed and running ones.
Prints a table of what differs between them, the best first, and writes report.csv, report.md and report.html,
a page that needs no network.
  metric   a figure of summary.json, as test_accuracy or train_seconds; by default val_accuracy, so that the test
           images play no part in the choice; the test accuracy of the chosen run is shown next to it
  out      where the three files go; by default into the folder, or into the current one if several are given"""
KEYS = ("metric", "out")
# The width without a terminal: every column is written.
UNLIMITED = 1_000_000


def command(argv: Sequence[str]) -> None:
    """Run `snntrain report`.

    Raises:
        UserError: arguments that cannot be used, no runs, or a folder that cannot be written.
    """
    arguments = parse(argv)
    if "--help" in arguments.flags:
        print(HELP)
        return
    for flag in arguments.flags:
        raise UserError(f"{flag}: report takes folders, metric=<figure> and out=<folder>")
    one_process.check()
    folders, given = _split(arguments.overrides)
    report = make(folders, given.get("metric", METRIC), time.time())
    out = user_path(given["out"], "out") if "out" in given else folders[0] if len(folders) == 1 else Path()
    written = write(report, out)
    print(f"{report.counts} in {report.title}\n")
    show(report, written)
    if report.comparison.ended_badly:
        print("", *failures(report), sep="\n")


def show(report: Report, written: Sequence[Path]) -> None:
    """Print the tables and the paths of the files."""
    print(terminal(report, _width()), f"\nreport: {', '.join(map(str, written))}", sep="\n")


def _split(words: Sequence[str]) -> tuple[list[Path], dict[str, str]]:
    """Return the folders, and the keys with their values; the folders of a sweep's jobs contain = as well."""
    folders, given = [], {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in KEYS:
            if not value:
                raise UserError(f"{word}: needs a value, as in metric=val_accuracy or out=comparison")
            given[key] = unquoted(value)
        elif equals and "/" not in key and not user_path(word).exists():
            raise UserError(f"{word}: there is no such folder, and no key '{key}'; the keys are {', '.join(KEYS)}")
        else:
            folders.append(user_path(word))
    if not folders:
        raise UserError("report needs the folders of runs or sweeps, as in snntrain report multirun")
    return folders, given


def _width() -> int:
    """Return the columns of the terminal; without a terminal COLUMNS, or else unlimited."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return UNLIMITED
