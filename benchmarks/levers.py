"""Our training step with each of its levers switched off in turn, to show the gain of each.

    python -m benchmarks.levers [--device cuda] [--network paper] [--only allocator,bf16]

Options as in benchmarks.train_step. A lever is switched off by a setting or a patch inside the worker (see
`trainers.LEVERS`), not by a flag of the product.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.tasks import Task
from benchmarks.train_step import complete, finish, parser, section, task
from benchmarks.trainers import LEVERS, Spec
from benchmarks.workers import alternate


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = alternate(_specs(settings, task(settings, Path(scratch))), settings.repeats)
    title = f"levers, {settings.network} network, {settings.neuron}, T={settings.T}, batch {settings.batch}"
    finish("levers", settings, [section(f"{title}, {settings.device}", outcomes)])


def _parse(argv: list[str] | None) -> argparse.Namespace:
    made = parser("levers", __doc__.splitlines()[0])
    made.add_argument("--only", default=",".join(LEVERS), help="levers, separated by commas")
    settings = complete(made.parse_args(argv))
    settings.levers = settings.only.split(",")
    if unknown := [lever for lever in settings.levers if lever not in LEVERS]:
        made.error(f"--only {','.join(unknown)}: there are {', '.join(LEVERS)}")
    return settings


def _specs(settings: argparse.Namespace, given: Task) -> list[Spec]:
    ours = Spec(
        "snntrain", "snntrain", given, settings.steps, settings.precision, keep_memory=True, overrides=(*settings.set,)
    )
    without = [
        replace(ours, name=f"snntrain without {lever}", without=lever, keep_memory=lever != "allocator")
        for lever in settings.levers
    ]
    return [ours, *without]


if __name__ == "__main__":
    main()
