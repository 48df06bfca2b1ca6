"""Run folders as a run leaves them, small and written by hand."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

CLASSES = {"if": "IFNode", "lif": "LIFNode", "plif": "PLIFNode", "rif": "RIFNode"}
CURVE = (0.5, 0.8, 0.9)


def write_run(
    folder: Path,
    *,
    neuron: str = "lif",
    soft: bool = False,
    options: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    curve: Sequence[float] = CURVE,
    **summary: Any,
) -> Path:
    """Write a completed run; `summary` replaces keys of its summary, and `config` top-level keys of its configuration.

    `options` are options that Hydra recorded in addition to `neuron` and `reset`; `curve` is the validation accuracy.
    """
    (folder / ".hydra").mkdir(parents=True)
    settings = {
        "name": "snntrain",
        "T": 4,
        "seed": 0,
        "neuron": {"_target_": f"snntrain.neuron.{CLASSES[neuron]}", "v_threshold": 1.0},
        "reset": {"v_reset": None if soft else 0.0},
        "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.001, "betas": [0.9, 0.999]},
    }
    if neuron == "lif":
        settings["neuron"]["tau"] = 2.0
    (folder / "config.yaml").write_text(yaml.safe_dump({**settings, **(config or {})}, sort_keys=False))
    chosen = {"neuron": neuron, "reset": "soft" if soft else "hard", "optimizer": "adam", **(options or {})}
    lines = "".join(f"      {group}: {option}\n" for group, option in chosen.items())
    (folder / ".hydra" / "hydra.yaml").write_text(f"hydra:\n  runtime:\n    choices:\n{lines}  verbose: false\n")
    reported = {"status": "completed", "error": None, "name": "snntrain", "test_accuracy": 0.9, "val_accuracy": 0.91}
    (folder / "summary.json").write_text(json.dumps({**reported, "train_seconds": 10.0, "cost": None, **summary}))
    rows = [
        {
            "epoch": n,
            "val_accuracy": value,
            "val_loss": 1 - value,
            "train_accuracy": value,
            "train_loss": 0.5,
            "seconds": 2,
        }
        for n, value in enumerate(curve, start=1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def untouched(folder: Path, since: float) -> Path:
    """Set the modification times of the folder and of all its files to `since`, and return it."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (since, since))
    return folder
