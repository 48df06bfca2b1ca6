"""The overhead of a sweep: a job in one process and in a worker, the start, the report, the files.

`python -m benchmarks.sweeps [--jobs N] [--runs N] [--rounds N]`. A job is a run of two batches, which takes tenths of a
second, so that the overhead shows. All processes get the same four cores at most, on which `sweep.workers=auto` starts
one worker. Each round runs both sweeps in turn, so that other load on the machine affects them alike.

`overhead` is the additional time of a job in a worker as a share of a job of one second. The report is made of copies
of one run folder.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.report import Section, show
from benchmarks.start_up import PROGRAM, ROOT, ended, seconds

# On four cores, sweep.workers=auto has one worker.
CORES = 4
JOB = ("debug=smoke", "network=mlp", "network.hidden=[16]", "monitor=off", "trainer.device=cpu")
SWEEPS = {"one process": (), "one worker": ("sweep.workers=auto",)}
SECOND = 1.0


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=40, help="jobs of each sweep")
    parser.add_argument("--runs", type=int, default=1000, help="runs of the report")
    parser.add_argument("--rounds", type=int, default=3)
    settings = parser.parse_args(argv)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    # Kernels are compiled at the first use on a machine.
    seconds(ROOT, PROGRAM, JOB)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SWEEPS}
    with tempfile.TemporaryDirectory() as place:
        for _ in range(settings.rounds):
            for name, words in SWEEPS.items():
                found[name].append(measured(Path(place), settings.jobs, words))
        show(of_jobs(found, settings.jobs))
        show(of_report(Path(place), settings.runs))


def measured(place: Path, jobs: int, words: Sequence[str]) -> dict[str, float]:
    """Return the seconds of a sweep: until its first job has ended, of a further job, and the processor seconds."""
    shutil.rmtree(place / "sweep", ignore_errors=True)
    started = time.time()
    command = ["-m", *JOB, f"seed=range({jobs})", "hydra.sweep.dir=sweep", *words]
    _, computed = seconds(ROOT, PROGRAM, command, place=str(place))
    ends = sorted(map(ended, place.glob("sweep/*/train.log")))
    assert len(ends) == jobs
    gaps = [after - before for before, after in pairwise(ends)]
    return {"first": ends[0] - started, "further": statistics.median(gaps), "computed": computed / jobs}


def of_jobs(found: dict[str, list[dict[str, float]]], jobs: int) -> Section:
    rows: list[dict[str, Any]] = []
    for name, rounds in found.items():
        row = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        beyond = row["further"] - (rows[0]["further"] if rows else row["further"])
        rows.append({"name": name, **row, "overhead": beyond / SECOND})
    note = "first: until the end of the first job; further: a further job; computed: processor seconds of a job"
    return Section(f"{jobs} jobs, median of {len(found['one process'])} rounds, in seconds", "further", rows, note)


def of_report(place: Path, runs: int) -> Section:
    """Time the report of copies of one run of the last sweep."""
    (run,) = place.glob("sweep/0_*")
    files = sum(path.is_file() for path in run.rglob("*"))
    config = (run / "config.yaml").read_text()
    for number in range(runs):
        copy = place / "many" / f"{number}_seed={number}"
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("*.pt", "events.*"))
        (copy / "config.yaml").write_text(re.sub("^seed: .*$", f"seed: {number}", config, flags=re.MULTILINE))
    passed, computed = seconds(ROOT, PROGRAM, ["report", "many"], place=str(place))
    row = {"name": f"report of {runs:,} runs", "seconds": passed, "computed": computed, "files of a run": files}
    return Section("Report", "seconds", [row], "computed: processor seconds")


if __name__ == "__main__":
    main()
