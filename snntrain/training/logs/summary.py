"""The summary of a run: entries of summary.json, the first lines of its log, and the last one."""

from __future__ import annotations

from typing import Any

from snntrain.config.schema import Trainer
from snntrain.files.paths import shown
from snntrain.network.table import layer_table
from snntrain.runs.run_folder import RunFolder
from snntrain.training.job.build import Job
from snntrain.training.progress import Progress


def job_entries(job: Job) -> dict[str, Any]:
    """Return the entries of summary.json that are known before training."""
    return {
        "parameters": sum(p.numel() for p in job.model.parameters()),
        "device": str(job.world.device),
        "device_name": job.world.device_name,
        "precision": job.world.precision.name,
    }


def progress_entries(progress: Progress) -> dict[str, Any]:
    """Return the entries of summary.json about the finished epochs."""
    best = progress.best
    return {
        "best_epoch": best.epoch or None,
        "val_accuracy": best.score[0] if best.epoch else None,
        "epochs": progress.finished,
        "train_seconds": round(progress.train_seconds, 3),
        "images_per_second": round(progress.images / max(progress.train_seconds, 1e-9), 1),
    }


def first_lines(job: Job) -> str:
    """Return the table of the layers, the data set, and the settings of the computation."""
    batch, data = next(job.validation.epoch()), job.data
    one = batch.x[:, :1] if batch.is_sequence else batch.x[:1]
    what = "images" if data.steps is None else "sequences"
    processes = f", {job.world.size} processes" if job.world.size > 1 else ""
    return (
        f"{layer_table(job.model.network, job.model.encoder(one))}\n"
        f"{data.name}: {len(data.train):,} training, {len(data.validation):,} validation, "
        f"{len(data.test):,} test {what} of {_shown(data.shape)}, {job.classes} classes\n"
        f"{job.world.device_name}{processes}, {job.world.precision.name}, T={job.steps}, seed {job.config.seed}"
    )


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) if len(shape) == 3 else f"{shape[0]} units"


def paused_line(progress: Progress, trainer: Trainer, run: RunFolder) -> str:
    """Return a line about a run that pauses, with its best validation accuracy so far."""
    return (
        f"paused after {progress.finished} of {trainer.epochs} epochs, as trainer.pause_after={trainer.pause_after} "
        f"says: val_accuracy={run.summary['val_accuracy']:.6g} run={shown(run.path)}"
    )


def last_line(run: RunFolder) -> str:
    """Return the results of a finished run, as key=value."""
    keys = (
        "test_accuracy",
        "test_accuracy_last",
        "val_accuracy",
        "epochs",
        "train_seconds",
        "wall_seconds",
        "images_per_second",
    )
    results = " ".join(f"{key}={run.summary[key]:.6g}" for key in keys)
    return f"{results} run={shown(run.path)}"
