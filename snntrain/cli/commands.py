"""The commands, for the command line, the help and completion."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

from snntrain.cli.arguments import parse
from snntrain.cli.imports import slow_imports


@dataclass(frozen=True)
class Command:
    """One command.

    Args:
        name: first word of the command line.
        module: module of `snntrain.cli` with the function `command`; it is imported only when it is called, because
            imports take time.
        usage: lines in the help, with their meanings.
        runs: whether the command names a run, with run= and checkpoint=.
        folders: whether it names folders.
        overrides: whether it takes overrides of the configuration.
        words: words that only this command reads.
        sets: whether it names data sets.
    """

    name: str
    module: str
    usage: tuple[tuple[str, str], ...]
    runs: bool = False
    folders: bool = False
    overrides: bool = True
    words: tuple[str, ...] = ()
    sets: bool = False

    def __call__(self, argv: Sequence[str]) -> None:
        """Run the command with its arguments."""
        # A wrong flag is reported without waiting for the import.
        parse(argv)
        with slow_imports():
            module = importlib.import_module(f"snntrain.cli.{self.module}")
        module.command(argv)


TRAIN = Command(
    "train",
    "train",
    (
        ("[group=option …] [key=value …]", "train; with -m, or --multirun, sweep over a,b,c values"),
        ("resume=<folder>|latest [key=value …]", "resume a run that has stopped, or train a completed one further"),
    ),
)
COMMANDS = (
    TRAIN,
    Command(
        "search",
        "search.command",
        (
            (
                "search [group=option …] [key=value …] key=values …",
                "try values, learn which are good, stop what is hopeless",
            ),
        ),
    ),
    Command(
        "eval",
        "evaluate",
        (
            (
                "eval run=<folder> [checkpoint=best|last] [group=option …] [key=value …]",
                "accuracy, confusion matrix, firing rates and cost of a finished run",
            ),
        ),
        runs=True,
    ),
    Command(
        "inspect",
        "inspect",
        (
            (
                "inspect run=<folder> [sample=<index>,…|image=<file>] [layer=<name>,…] [out=<folder>]",
                "voltages and spikes of a finished run: pictures, a page, raw data",
            ),
        ),
        runs=True,
        words=("sample=", "image=", "layer=", "out="),
    ),
    Command(
        "report",
        "report",
        (("report <folder>… [metric=<figure>] [out=<folder>]", "a table and a page that compare the runs in folders"),),
        folders=True,
        overrides=False,
        words=("metric=", "out="),
    ),
    Command(
        "data",
        "data.command",
        (
            ("data list", "all data sets: size, licence, source, and whether they are here"),
            ("data get <set>…", "download data sets"),
            (
                "data show dataset=<set> [sample=<index>] [split=test] [out=<folder>] [key=value …]",
                "a picture and an animation of a sample as the network gets it",
            ),
            ("data clear [<set>…]", "delete converted recordings"),
        ),
        words=("list", "get", "show", "clear", "sample=", "split=", "out="),
        sets=True,
    ),
    Command(
        "doctor",
        "doctor",
        (("doctor [group=option …] [key=value …]", "what this machine offers, its speed, and how to make it faster"),),
    ),
)
BY_NAME = {command.name: command for command in COMMANDS}
