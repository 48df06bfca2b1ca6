"""The training step, forward, loss, backward, Adam, on MNIST-shaped images: snntrain's own path and the peers.

    python -m benchmarks.train_step [--device cuda] [--network paper] [--T 4] [--batch 128] [--precision auto]

README.md in this folder explains the lines.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import machine
from benchmarks.peers import KINDS, PEERS, chosen
from benchmarks.report import Row, Section, show, write
from benchmarks.tasks import NETWORKS, Task, mnist_root
from benchmarks.trainers import Spec
from benchmarks.workers import Outcome, alternate


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = alternate(_specs(settings, task(settings, Path(scratch))), settings.repeats)
    size = f"{settings.network} network, {settings.neuron}, T={settings.T}, batch {settings.batch}"
    usual = [outcome for outcome in outcomes if not _is_second(outcome.spec)]
    also = [outcome for outcome in outcomes if outcome.spec.key == "snntrain" or _is_second(outcome.spec)]
    found = [section(f"training step, {size}, {settings.device}: each as its users have it", usual)]
    if len(also) < len(outcomes):
        found.append(section(f"training step, {size}, {settings.device}: all with our settings", also))
    finish("train_step", settings, found)


def parser(name: str, described: str) -> argparse.ArgumentParser:
    """Return a parser with the options of all benchmarks that train."""
    made = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=described)
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    made.add_argument("--network", choices=NETWORKS, default="small")
    made.add_argument("--neuron", choices=KINDS, default="lif")
    made.add_argument("--T", type=int, help="time steps; the network's own")
    made.add_argument("--batch", type=int, default=128)
    made.add_argument("--precision", choices=("auto", "fp32", "tf32", "bf16", "fp16"), default="auto", help="of ours")
    made.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further configuration of ours")
    made.add_argument("--steps", type=int, help="a reading; 8 on a CPU, 50 on a GPU")
    made.add_argument("--repeats", type=int, default=9, help="rounds")
    made.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the CPU")
    made.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    made.add_argument("--out", type=Path, help="folder; default benchmarks/results/<date>-<device name>")
    return made


def complete(settings: argparse.Namespace) -> argparse.Namespace:
    """Fill in the options that depend on others."""
    if settings.quick:
        settings.network, settings.batch, settings.steps, settings.repeats = "tiny", 4, 1, 2
    settings.T = settings.T or NETWORKS[settings.network].T
    settings.steps = settings.steps or (50 if settings.device.startswith("cuda") else 8)
    return settings


def task(settings: argparse.Namespace, scratch: Path) -> Task:
    """Return the task of the command line; without MNIST, write random images into `scratch`."""
    images = 200 if settings.quick else 60_000
    data, settings.real_mnist = mnist_root(scratch, images)
    return Task(
        network=settings.network,
        neuron=settings.neuron,
        T=settings.T,
        batch=settings.batch,
        device=settings.device,
        threads=settings.threads,
        data=str(data),
        images=60_000 if settings.real_mnist else images,
    )


def section(title: str, outcomes: Sequence[Outcome]) -> Section:
    """Return a table of images per second, each compared with the first."""
    first = outcomes[0].times
    rows: list[Row] = []
    for outcome in outcomes:
        if outcome.times is None:
            rows.append({"name": outcome.spec.name, "failed": outcome.failed})
            continue
        row: Row = {
            "name": outcome.spec.name,
            "images/s": outcome.spec.task.batch / outcome.times.median,
            "ms/step": outcome.times.median * 1e3,
            "ratio": outcome.times.median / first.median if first else None,
            "±": outcome.times.spread,
            "runs": outcome.runs,
        }
        rows.append(row)
    return Section(title, "images/s", rows, "ratio: time, as a multiple of the first line's")


def finish(name: str, settings: argparse.Namespace, found: Sequence[Section]) -> None:
    """Show and write the results."""
    device = torch.device(settings.device)
    for table in found:
        show(table)
    described = machine.describe(device) | {"threads": settings.threads}
    write(name, settings.out or machine.results_folder(device), described, vars(settings), found)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    made = parser("train_step", __doc__.splitlines()[0])
    made.add_argument("--peers", default="all", help="all, none or some of them, separated by commas")
    settings = complete(made.parse_args(argv))
    try:
        settings.peer_keys = chosen(settings.peers)
    except ValueError as error:
        made.error(str(error))
    return settings


def _specs(settings: argparse.Namespace, given: Task) -> list[Spec]:
    """Return ours first, then each peer as its users run it, then the other lines of the second table."""
    ours = Spec(
        "snntrain", "snntrain", given, settings.steps, settings.precision, keep_memory=True, overrides=(*settings.set,)
    )
    specs = [ours]
    if settings.precision != "fp32":
        specs.append(replace(ours, name="snntrain fp32", precision="fp32"))
    if given.device.startswith("cuda") and settings.precision != "tf32":
        specs.append(replace(ours, name="snntrain tf32", precision="tf32"))
    usual = [Spec(PEERS[key].name, key, given, settings.steps) for key in settings.peer_keys]
    second = [replace(spec, keep_memory=True) for spec in usual]
    autocast = [
        replace(spec, name=f"{spec.name} bf16 autocast", precision="bf16")
        for spec in second
        if spec.key == "spikingjelly"
    ]
    # The allocator is that of the host: on a GPU the second lines would repeat the first.
    return specs + usual + ([] if given.device.startswith("cuda") else second) + autocast


def _is_second(spec: Spec) -> bool:
    return spec.key != "snntrain" and spec.keep_memory


if __name__ == "__main__":
    main()
