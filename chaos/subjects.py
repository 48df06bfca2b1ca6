"""The subjects that can be disturbed, and their selection on the command line."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chaos import (
    board,
    cache,
    checkpoints,
    clock,
    data,
    disk,
    kills,
    memory,
    numbers,
    processes,
    ranks,
    signals,
    starts,
)
from chaos.case import Case

DESCRIPTION = "Disturb small trainings in many ways, and compare each with an undisturbed one, to the bit."
# The function that makes the cases of a subject, and how many it makes in a full and in a quick run.
SUBJECTS = {
    "kills": (kills.cases, 200, 14),
    "ranks": (ranks.cases, 30, 2),
    "checkpoints": (checkpoints.cases, 120, 6),
    "disk": (disk.cases, 16, 2),
    "processes": (processes.cases, 5, 1),
    "board": (board.cases, 3, 1),
    "data": (data.cases, 3, 1),
    "cache": (cache.cases, 6, 1),
    "memory": (memory.cases, 2, 1),
    "clock": (clock.cases, 4, 1),
    "signals": (signals.cases, 60, 6),
    "numbers": (numbers.cases, 3, 1),
    "starts": (starts.cases, 5, 1),
}
# Those that `--kills` counts.
KILLS = ("kills", "ranks")


def cases(arguments: argparse.Namespace) -> Iterator[Case]:
    """Yield the cases that the command line asks for."""
    for name, (make, full, quick) in SUBJECTS.items():
        if arguments.only in (None, name):
            count = arguments.kills if name in KILLS and arguments.kills else quick if arguments.quick else full
            yield from make(count)


def parsed(argv: list[str]) -> argparse.Namespace:
    """Parse the words of the command line."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="a few cases of each subject")
    parser.add_argument("--only", choices=list(SUBJECTS), help="a single subject")
    parser.add_argument("--list", action="store_true", help="print the number of cases of each scenario, and run none")
    parser.add_argument("--kills", type=int, help="number of kill -9 (default 200; of one of two processes 30)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices (default 0)")
    parser.add_argument("--jobs", type=int, default=2, help="cases that run at the same time (default 2)")
    parser.add_argument(
        "--out", type=Path, default=Path(tempfile.gettempdir()), help="folder of chaos.json and chaos.md"
    )
    parser.add_argument(
        "--below", type=Path, default=None, help="folder in which the trainings write (default: a temporary one)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders of the trainings")
    return parser.parse_args(argv)
