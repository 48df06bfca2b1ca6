"""The time of a start: a run of two batches compared with the import of torch, a job of a sweep, help, error messages.

`python -m benchmarks.start_up [--rounds N] [--package FOLDER …]`. Each command is a new Python process, and each round
runs all of them in turn, so that other load on the machine affects them alike. Medians are printed, of the elapsed
seconds and of the processor seconds; `of torch` is the share of the seconds in those of the import. With `--package`,
folders with a `snntrain` each are compared.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from benchmarks.report import Section, show

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "from snntrain.cli.main import main; main()"
TORCH = "import torch"
JOBS = 10
COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "--help": (0, ("--help",)),
    "two wrong values": (2, ("T=0", "lr=1")),
    "a wrong option": (2, ("neuron=pliff",)),
    "a wrong flag": (2, ("--nothing",)),
    "debug=smoke": (0, ("debug=smoke",)),
}
SWEEP = ("-m", "debug=smoke", f"seed=range({JOBS})")
# The start of a line in train.log.
WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ")

# Elapsed seconds, and processor seconds.
Seconds = tuple[float, float]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--package", type=Path, action="append", help="folders that hold a snntrain; default: this one")
    settings = parser.parse_args(argv)
    packages = settings.package or [ROOT]
    for package in packages:
        # Kernels are compiled at the first use on a machine.
        seconds(package, PROGRAM, COMMANDS["debug=smoke"][1])
    found: dict[tuple[str, str], list[Seconds]] = {}
    for _ in range(settings.rounds):
        found.setdefault(("", TORCH), []).append(seconds(ROOT, TORCH))
        for package in packages:
            for name, (code, words) in COMMANDS.items():
                found.setdefault((str(package), name), []).append(seconds(package, PROGRAM, words, code))
            found.setdefault((str(package), f"a further job of {JOBS}"), []).append(further_job(package))
    show(section(found))


def seconds(package: Path, program: str, words: Sequence[str] = (), code: int = 0, place: str | None = None) -> Seconds:
    """Time a new Python process that runs `program` with the arguments `words`, in `place` or a new folder.

    Args:
        package: the folder that holds `snntrain`.
        program, words, place: see above.
        code: the required exit status.
    """
    if place is None:
        with tempfile.TemporaryDirectory() as new:
            return seconds(package, program, words, code, new)
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            cwd=place,
            env=os.environ | {"PYTHONPATH": str(package.resolve())},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        passed = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != code:
            output.seek(0)
            raise RuntimeError(f"{' '.join(words)}: status {process.returncode}: {output.read().decode()[-2000:]}")
    return passed, used.ru_utime + used.ru_stime


def further_job(package: Path) -> Seconds:
    """Time a job of a sweep after the first: the median between the ends of two, and their share of the rest."""
    with tempfile.TemporaryDirectory() as place:
        _, single = seconds(package, PROGRAM, COMMANDS["debug=smoke"][1], place=place)
        _, whole = seconds(package, PROGRAM, [*SWEEP, "hydra.sweep.dir=sweep"], place=place)
        ends = sorted(map(ended, Path(place).glob("sweep/*/train.log")))
    assert len(ends) == JOBS
    return statistics.median(after - before for before, after in pairwise(ends)), (whole - single) / (JOBS - 1)


def ended(log: Path) -> float:
    """Return the time of the last line in a run's log."""
    moment, thousandths = WRITTEN.findall(log.read_text(encoding="utf-8"))[-1]
    return datetime.fromisoformat(moment).timestamp() + int(thousandths) / 1000


def section(found: dict[tuple[str, str], list[Seconds]]) -> Section:
    torch = statistics.median(passed for passed, _ in found["", TORCH])
    rows = [
        {
            "name": name,
            "package": package or "-",
            "seconds": statistics.median(passed for passed, _ in readings),
            "computed": statistics.median(computed for _, computed in readings),
            "of torch": statistics.median(passed for passed, _ in readings) / torch,
        }
        for (package, name), readings in found.items()
    ]
    note = "of torch: seconds as a share of the import of torch; a further job: until the end of the next one"
    return Section(f"Start, median of {len(found['', TORCH])} rounds", "seconds", rows, note)


if __name__ == "__main__":
    main()
