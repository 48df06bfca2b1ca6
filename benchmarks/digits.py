"""Every network of images on the 8x8 digits, with the default neuron: accuracy and seconds of training.

`python -m benchmarks.digits [csnn sew_resnet …] [--seeds 3] [--out FOLDER] [--set KEY=VALUE …]`. Each run is one
command `snntrain`, with the words of `NETWORKS` below, alone on the machine. The weights are those of the best epoch by
validation, and the test images are used once, by the run itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import machine, report
from benchmarks.recipes import arguments, figures, trained
from benchmarks.report import Row, Section

# Of all networks; the default neuron.
SHARED = ("scheduler=onecycle", "optimizer.lr=5e-3", "trainer.batch_size=32", "monitor=off")
RATES = (*SHARED, "loss=ce_rate")
CURRENTS = (*SHARED, "readout=current", "loss=ce")
NETWORKS = {
    "csnn": (*RATES, "trainer.epochs=12"),
    "mlp": (*RATES, "trainer.epochs=30"),
    "layers": (*RATES, "network.layers={16C3-BN-N-P2}*2-10K-N-V10", "trainer.epochs=20"),
    "sew_resnet": (*CURRENTS, "T=2", "network.width=8", "trainer.epochs=20"),
    "sew_resnet_gesture": (*CURRENTS, "network.channels=[16,16,16]", "trainer.epochs=20"),
    "sew_resnet_cifar10_dvs": (*CURRENTS, "network.channels=[16,32]", "trainer.epochs=20"),
    "ms_resnet": (*CURRENTS, "T=2", "network.width=8", "trainer.epochs=15"),
    "spiking_resnet19": (
        *(*CURRENTS, "T=2", "network.width=8", "network.hidden=64", "trainer.epochs=30"),
        # 17 neurons one after the other learn with larger currents and a wider surrogate.
        *("network.alpha=4", "surrogate.alpha=0.5"),
    ),
    "vgg": (*CURRENTS, "T=2", "network.width=8", "network.pools=3", "trainer.epochs=20"),
    "spikformer": (
        *(*CURRENTS, "network.dim=64", "network.depth=1", "network.heads=4", "network.patch=2"),
        "trainer.epochs=12",
    ),
    "qkformer": (
        *(*CURRENTS, "network.dims=[16,32]", "network.depths=[1,1]", "network.heads=4"),
        "trainer.epochs=10",
    ),
}


def main(argv: Sequence[str] | None = None) -> None:
    settings = arguments(__doc__, list(NETWORKS), "options of network=", "outputs/digits").parse_args(argv)
    device = torch.device("cpu")
    rows = [row_of(network, settings.seeds, settings.runs, settings.set) for network in settings.names]
    section = Section("Networks on the digits", "test accuracy", rows, "± is the standard deviation over the seeds")
    report.show(section)
    report.write(
        "digits", settings.out or machine.results_folder(device), machine.describe(device), vars(settings), [section]
    )


def row_of(network: str, seeds: int, folder: Path, words: Sequence[str]) -> Row:
    """Return the line of one network: the mean over the seeds, and the longest of its trainings."""
    runs = [
        figures(trained(folder, network, seed, [f"network={network}", *NETWORKS[network], *words]))
        for seed in range(seeds)
    ]
    accuracies = [run["test accuracy"] for run in runs]
    return {
        "name": network,
        "test accuracy": statistics.fmean(accuracies),
        "lowest": min(accuracies),
        "spread": statistics.stdev(accuracies) if seeds > 1 else 0.0,
        "seconds, at most": 60 * max(run["training minutes"] for run in runs),
        "epochs": runs[0]["epochs"],
        "parameters": runs[0]["parameters"],
        "energy nJ": statistics.fmean(run["energy nJ"] for run in runs),
    }


if __name__ == "__main__":
    main()
