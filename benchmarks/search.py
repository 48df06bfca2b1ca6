"""A search with rungs compared with random searches of the same length: the best validation accuracy on the digits.

`python -m benchmarks.search [--seeds N] [--trials N] [--quick]`. For each seed the search with halving goes first. Then
come two random searches without rungs: one trains as many epochs, rounded up to a whole trial; the other starts trials
for as long as the first search took. Epochs do not depend on other load on the machine; the time does. Each search is a
process of its own. `epochs` and `seconds` are sums over the trials, `wall` is the time from the first file of the
search to its last.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import machine, report
from benchmarks.report import Row, Section

ROOT = Path(__file__).resolve().parents[1]
FIXED = ("network=mlp", "network.hidden=[64]", "T=4", "monitor=off", "trainer.device=cpu", "trainer.precision=fp32")
SPACE = ("optimizer.lr=log(1e-5,1)", "neuron=lif,plif", "surrogate.alpha=log(0.3,10)", "trainer.batch_size=32,64,128")
HALVING = ("sweep.search=tpe", "search.pruner=halving", "search.reduction=3")
RANDOM = ("sweep.search=random",)
NAMES = ("halving", "random, equal epochs", "random, equal time")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--batches", type=int, default=10, help="batches of an epoch")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="a few small trials; their numbers mean nothing")
    settings = parser.parse_args(argv)
    if settings.quick:
        settings.seeds, settings.trials, settings.epochs, settings.batches = 1, 4, 4, 2
    rows: list[Row] = []
    for seed in range(settings.seeds):
        with tempfile.TemporaryDirectory() as place:
            lengths = (f"trainer.epochs={settings.epochs}", f"trainer.limit_batches={settings.batches}")
            words = (*FIXED, *lengths, *SPACE, f"search.seed={seed}")
            first = searched(Path(place) / "halving", *words, *HALVING, f"search.trials={settings.trials}")
            trials = math.ceil(first["epochs"] / settings.epochs)
            second = searched(Path(place) / "random", *words, *RANDOM, f"search.trials={trials}")
            limits = (f"search.timeout_minutes={first['wall'] / 60}", "search.trials=1000")
            third = searched(Path(place) / "as_long", *words, *RANDOM, *limits)
        rows += [{"name": name, "seed": seed} | row for name, row in zip(NAMES, (first, second, third), strict=True)]
    sections = [Section("Search on the digits", "val_accuracy", rows), summary(rows)]
    for section in sections:
        report.show(section)
    device = torch.device("cpu")
    out = settings.out or machine.results_folder(device)
    report.write("search", out, machine.describe(device), vars(settings), sections)


def searched(folder: Path, *words: str) -> dict[str, Any]:
    """Run a search in a process of its own, and return what it found and used."""
    subprocess.run(
        [sys.executable, "-m", "snntrain", "search", *words, f"hydra.sweep.dir={folder}"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    runs = [json.loads(file.read_text()) for file in folder.glob("*/summary.json")]
    found = json.loads((folder / "search.json").read_text())
    best = next(trial for trial in found["trials"] if trial["number"] == found["best"][0]["number"])
    summary_of_best = json.loads((folder / best["folder"] / "summary.json").read_text())
    return {
        "val_accuracy": summary_of_best["val_accuracy"],
        "test_accuracy": summary_of_best["test_accuracy"],
        "trials": len(runs),
        "complete": sum(run["status"] == "completed" for run in runs),
        "epochs": sum(run["epochs"] or 0 for run in runs),
        "seconds": round(sum(run["train_seconds"] or 0 for run in runs), 1),
        "wall": round((folder / "search.json").stat().st_mtime - (folder / "multirun.yaml").stat().st_mtime, 1),
    }


def summary(rows: Sequence[Row]) -> Section:
    """Return the mean over the seeds."""
    means = []
    for name in NAMES:
        own = [row for row in rows if row["name"] == name]
        columns = ("val_accuracy", "test_accuracy", "trials", "epochs", "wall")
        means.append({"name": name} | {column: statistics.fmean(row[column] for row in own) for column in columns})
    return Section("Mean over the seeds", "val_accuracy", means, "the best trial by val_accuracy of each search")


if __name__ == "__main__":
    main()
