"""The recipes that two cores can train, to the end and with several seeds: accuracy, minutes, energy, learning curves.

`python -m benchmarks.recipes [mnist_fast …] [--seeds 3] [--out FOLDER] [--set KEY=VALUE …]`. Each run is one command,
`snntrain experiment=<recipe> seed=<seed>`, alone on the machine. The weights are those of the best epoch by validation,
and the test images are used once, by the run itself. `--out` keeps the runs; a run that it holds is not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks import machine, report
from benchmarks.report import Row, Section

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ("mnist_fast", "mnist_best_cpu", "fashion_cpu", "nmnist_1k")


def main(argv: Sequence[str] | None = None) -> None:
    settings = arguments(__doc__, RECIPES, "files of conf/experiment", "outputs/recipes").parse_args(argv)
    device = torch.device("cpu")
    out = settings.out or machine.results_folder(device)
    runs = {
        recipe: [
            trained(settings.runs, recipe, seed, [f"experiment={recipe}", *settings.set])
            for seed in range(settings.seeds)
        ]
        for recipe in settings.names
    }
    single = [
        {"name": recipe, "seed": seed} | figures(folder) for recipe in runs for seed, folder in enumerate(runs[recipe])
    ]
    sections = [summary(single), Section("Each seed", "test accuracy", single)]
    for section in sections:
        report.show(section)
    report.write("recipes", out, machine.describe(device), vars(settings), sections)
    curves(runs).savefig(out / "recipes_curves.png", dpi=110)


def arguments(doc: str | None, names: Sequence[str], kind: str, runs: str) -> argparse.ArgumentParser:
    """Return the command line of a benchmark of whole trainings.

    Args:
        doc: the text of its module; the first line is shown.
        names: what it trains, if the command line names nothing.
        kind: what such a name is.
        runs: folder of the runs.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0] if doc else None)
    parser.add_argument("names", nargs="*", default=list(names), help=kind)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further configuration")
    parser.add_argument("--runs", type=Path, default=Path(runs), help="folder of the runs")
    parser.add_argument("--out", type=Path, help="folder of the results")
    return parser


def trained(folder: Path, name: str, seed: int, words: Sequence[str]) -> Path:
    """Return the folder of a finished run; train it if it is not there, or resume it."""
    run = folder / f"{name}-{seed}"
    command = [sys.executable, "-m", "snntrain", *words, f"seed={seed}", f"hydra.run.dir={run}"]
    if not _is_finished(run):
        subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    return run


def _is_finished(run: Path) -> bool:
    summary = run / "summary.json"
    return summary.is_file() and json.loads(summary.read_text())["status"] == "completed"


def figures(run: Path) -> Row:
    """Return the figures of one run."""
    found = json.loads((run / "summary.json").read_text())
    return {
        "test accuracy": found["test_accuracy"],
        "validation accuracy": found["val_accuracy"],
        "best epoch": found["best_epoch"],
        "epochs": found["epochs"],
        "training minutes": found["train_seconds"] / 60,
        "minutes in all": found["wall_seconds"] / 60,
        "energy nJ": found["cost"]["energy_nj_per_image"],
        "spikes": found["cost"]["spikes_per_image"],
        "parameters": found["parameters"],
    }


def summary(single: Sequence[Row]) -> Section:
    """Return the mean and the standard deviation over the seeds of each recipe."""
    rows = []
    for name in dict.fromkeys(row["name"] for row in single):
        own = [row for row in single if row["name"] == name]
        accuracies = [row["test accuracy"] for row in own]
        means: dict[str, Any] = {
            key: statistics.fmean(row[key] for row in own)
            for key in ("validation accuracy", "training minutes", "minutes in all", "energy nJ", "spikes")
        }
        spread = statistics.stdev(accuracies) if len(own) > 1 else 0.0
        rows.append(
            {
                "name": name,
                "seeds": len(own),
                "test accuracy": statistics.fmean(accuracies),
                "in words": f"{statistics.fmean(accuracies):.4f} ± {spread:.4f}",
                "lowest": min(accuracies),
            }
            | means
        )
    return Section("Recipes", "test accuracy", rows, "± is the standard deviation over the seeds")


def curves(runs: dict[str, list[Path]]) -> Figure:
    """Draw the validation error of each run over the minutes of training, a panel for each recipe."""
    figure = Figure(figsize=(4 * len(runs), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (recipe, folders) in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs.items(), strict=True):
        for seed, folder in enumerate(folders):
            epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
            minutes = [sum(epoch["seconds"] for epoch in epochs[: n + 1]) / 60 for n in range(len(epochs))]
            axes.plot(minutes, [100 * (1 - epoch["val_accuracy"]) for epoch in epochs], label=f"seed {seed}", lw=1)
        axes.set_yscale("log")
        axes.set_title(recipe, fontsize=9)
        axes.set_xlabel("minutes of training", fontsize=8)
        axes.set_ylabel("validation error (%)", fontsize=8)
        axes.tick_params(labelsize=7, which="both")
        axes.legend(fontsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
