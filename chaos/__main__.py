"""Disturb small trainings in many ways, and compare each with an undisturbed one, to the bit.

    python -m chaos                          # everything, a quarter of an hour on two cores
    python -m chaos --quick                  # a few cases of each subject, a minute or two
    python -m chaos --only kills --kills 20
    python -m chaos --list                   # the number of cases of each scenario; runs none
    python -m chaos --out folder             # writes chaos.json and chaos.md there

Prints a table and the broken promises. The exit status is 1 if anything was lost, different or wrong. Linux only; as
root it also mounts small file systems of its own. docs/reliability.md lists the promises and the measurements.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

# Read when torch, NumPy and Numba are imported. One thread per process, since there are as many processes as cores.
os.environ |= dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "GOMP_SPINCOUNT"), "1"
)
os.environ.pop("SNNTRAIN_DATA", None)

from chaos import compare, outcome, process, subjects, training
from chaos.case import Case, carry_out
from chaos.outcome import Outcome


def main() -> int:
    """Run what the command line asks for, and return the exit status."""
    arguments = subjects.parsed(sys.argv[1:])
    if arguments.list:
        for scenario, count in Counter(case.scenario for case in subjects.cases(arguments)).items():
            print(f"{count:4}  {scenario}")
        return 0
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=arguments.below))
    started = time.monotonic()
    process.import_all(folder)
    outcomes = run(list(subjects.cases(arguments)), folder, arguments)
    shutil.rmtree(folder, ignore_errors=True) if not arguments.keep else print(f"kept: {folder}")
    outcome.write(arguments.out, outcomes, setting(arguments, time.monotonic() - started))
    print(f"\n{outcome.table(outcomes)}\n")
    for each in outcomes:
        for finding in each.findings:
            print(f"{each.scenario}: {finding}")
    return 0 if all(each.held for each in outcomes) else 1


def run(todo: list[Case], folder: Path, arguments: argparse.Namespace) -> list[Outcome]:
    """Return the outcome of each scenario. The undisturbed twins run first: the others are compared with them."""
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
    """Run a configuration twice, in a new Python and in a fork of this one. Both must end alike."""
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
    """Return the options of this run, and the machine."""
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


if __name__ == "__main__":
    sys.exit(main())
