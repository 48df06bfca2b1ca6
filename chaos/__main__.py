"""Hurts small trainings in every way one can think of, and compares their end with an undisturbed one's, to the bit.

    python -m chaos                          # all of it, a quarter of an hour on two cores
    python -m chaos --quick                  # a little of each, a minute or two
    python -m chaos --only kills --kills 20
    python -m chaos --out folder             # chaos.json and chaos.md are written there

Prints a table and what did not hold, and ends with 1 if anything was lost, different or wrong. Linux only; as root it
also mounts small file systems of its own. docs/reliability.md tells what is promised and what was measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

# Read when torch, NumPy and Numba are imported: a thread a process, since as many processes run as there are cores.
os.environ |= dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "GOMP_SPINCOUNT"), "1"
)
os.environ.pop("SNNTRAIN_DATA", None)

from chaos import (
    board,
    checkpoints,
    clock,
    compare,
    data,
    disk,
    kills,
    memory,
    numbers,
    outcome,
    process,
    processes,
    signals,
    starts,
    training,
)
from chaos.case import Case, carry_out
from chaos.outcome import Outcome

# Where the cases of a subject come from, and how many of them: in full, and in a quick run.
SUBJECTS = {
    "kills": (kills.cases, 200, 14),
    "checkpoints": (checkpoints.cases, 120, 6),
    "disk": (disk.cases, 16, 2),
    "processes": (processes.cases, 5, 1),
    "board": (board.cases, 3, 1),
    "data": (data.cases, 3, 1),
    "memory": (memory.cases, 2, 1),
    "clock": (clock.cases, 4, 1),
    "signals": (signals.cases, 60, 6),
    "numbers": (numbers.cases, 3, 1),
    "starts": (starts.cases, 5, 1),
}


def main() -> int:
    """Runs what the command line asks for; returns the exit status."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=arguments.below))
    started = time.monotonic()
    process.import_all(folder)
    outcomes = run(list(cases(arguments)), folder, arguments)
    shutil.rmtree(folder, ignore_errors=True) if not arguments.keep else print(f"kept: {folder}")
    outcome.write(arguments.out, outcomes, setting(arguments, time.monotonic() - started))
    print(f"\n{outcome.table(outcomes)}\n")
    for each in outcomes:
        for finding in each.findings:
            print(f"{each.scenario}: {finding}")
    return 0 if all(each.held for each in outcomes) else 1


def cases(arguments: argparse.Namespace) -> Iterator[Case]:
    """What is asked for."""
    for name, (make, full, quick) in SUBJECTS.items():
        if arguments.only in (None, name):
            count = arguments.kills if name == "kills" and arguments.kills else quick if arguments.quick else full
            yield from make(count)


def run(todo: list[Case], folder: Path, arguments: argparse.Namespace) -> list[Outcome]:
    """The outcomes by scenario; the undisturbed twins come first, which the others are compared with."""
    references = folder / "references"
    references.mkdir()
    with ProcessPoolExecutor(arguments.jobs, get_context("fork"), process.end_with_parent) as pool:
        total = Outcome("undisturbed, twice")
        configs = list(dict.fromkeys(config for case in todo for config in case.twins))
        for each in pool.map(undisturbed, configs, [references] * len(configs)):
            total.add(each)
        outcomes = {total.scenario: total}
        if not total.held:
            return [total]
        given = (folder, references, arguments.seed)
        running = [pool.submit(carry_out, case, number, *given) for number, case in enumerate(todo)]
        for done, finished in enumerate(as_completed(running), 1):
            each = finished.result()
            outcomes.setdefault(each.scenario, Outcome(each.scenario)).add(each)
            state = "held" if each.held else " / ".join(each.findings)
            print(f"{done}/{len(todo)} {each.scenario}: {each.faults} faults, {state}", flush=True)
    order = list(dict.fromkeys(case.scenario for case in todo))
    return [total, *(outcomes[name] for name in order)]


def undisturbed(config: str, references: Path) -> Outcome:
    """Runs a configuration twice, in a Python of its own and in a fork of this one: both must come to the same."""
    came, started = Outcome("undisturbed, twice", runs=2), time.monotonic()
    argv = training.command(config)
    for name, fresh in ((config, True), (f"{config} again", False)):
        begun = time.monotonic()
        one = process.start([*argv, f"hydra.run.dir={name}"], references, fresh=fresh)
        code = one.wait()
        came.lost += code != 0
        came.expect(code == 0, f"{config}: status {code}: {' / '.join(one.said()[-3:])}")
    (references / f"{config}.seconds").write_text(str(time.monotonic() - begun))
    if came.held and (found := compare.differences(references / f"{config} again", references / config)):
        came.different += 1
        came.findings.append(f"DIFFERENT {config}: {'; '.join(found[:4])}")
    came.seconds = time.monotonic() - started
    return came


def setting(arguments: argparse.Namespace, seconds: float) -> dict[str, object]:
    """What was run, on what."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = [line.partition(":")[2].strip() for line in described if line.startswith("model name")]
    packages = ("torch", "numpy", "numba", "hydra-core", "tensorboard")
    return {
        "command": " ".join(["python", *sys.argv]),
        "seconds": round(seconds),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {model[0] if model else platform.processor()}, {platform.system()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
        ),
        "seed": arguments.seed,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a little of each")
    parser.add_argument("--only", choices=list(SUBJECTS), help="one subject alone")
    parser.add_argument("--kills", type=int, help="how often kill -9 (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default 0)")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time (default 2)")
    parser.add_argument(
        "--out", type=Path, default=Path(tempfile.gettempdir()), help="folder of chaos.json and chaos.md"
    )
    parser.add_argument(
        "--below", type=Path, default=None, help="where the trainings write (default: a temporary folder)"
    )
    parser.add_argument("--keep", action="store_true", help="leave their folders there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
