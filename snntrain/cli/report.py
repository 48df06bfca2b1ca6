"""`snntrain report <folder>…`: what the runs below some folders were asked, and which came out best."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

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
a page of its own without need of a network.
  metric   a figure of summary.json, as test_accuracy or train_seconds; by default val_accuracy, so that the test
           images have no part in the choice: the test accuracy of the run that is picked stands beside it
  out      where the three files go; by default into the folder, or into the current one if several are given"""
KEYS = ("metric", "out")
# Of a pipe: every column is written.
UNLIMITED = 1_000_000


def command(argv: Sequence[str]) -> None:
    """Runs `snntrain report` with the arguments `argv`.

    Raises:
        UserError: arguments that cannot be used, no runs, or a folder that cannot be written.
    """
    arguments = parse(argv)
    if "--help" in arguments.flags:
        print(HELP)
        return
    for flag in arguments.flags:
        raise UserError(f"{flag}: report takes folders, metric=<figure> and out=<folder>")
    folders, given = _taken_apart(arguments.overrides)
    report = make(folders, given.get("metric", METRIC), time.time())
    out = user_path(given["out"], "out") if "out" in given else folders[0] if len(folders) == 1 else Path()
    written = write(report, out)
    print(f"{report.counts} in {report.title}\n")
    tell(report, written)
    if report.comparison.ended_badly:
        print("", *failures(report), sep="\n")


def tell(report: Report, written: Sequence[Path]) -> None:
    """Prints the tables, and where the files lie."""
    print(terminal(report, _width()), f"\nreport: {', '.join(map(str, written))}", sep="\n")


def _taken_apart(words: Sequence[str]) -> tuple[list[Path], dict[str, str]]:
    """The folders and the keys with their values; a sweep's folders have = in their names."""
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
    """The columns of the terminal; as many as are needed where the output is no terminal, unless COLUMNS says."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return UNLIMITED
