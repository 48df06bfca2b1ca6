"""Runs that signals interrupt again and again, and the comparison of their ends."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

from snntrain.files.folder import Folder
from snntrain.runs.event_files import event_files
from snntrain.signals import Stopped
from tests.inspect.event_files import events

from .jobs import OURS, Interrupting, kept_folder, rows, same, state, trained

LOSS = (OURS, "loss._target_=tests.training.jobs.Interrupting", "trainer.epochs=4", "trainer.limit_batches=4")

NETWORK = ("network=csnn", "network.channels=[4]", "network.hidden=[8]")

WATCHED = ("monitor=default", "monitor.layers=[out_neuron]", "monitor.samples=1", "monitor.neurons=3")

# A few runs that cover everything with a state between two steps.
RUNS = {
    "noise": (
        *("encoder=poisson", "network.dropout=0.3", "dataset.augment.degrees=20", "dataset.augment.translate=0.1"),
        *WATCHED,
    ),
    "averaged": ("trainer.ema=0.9", "trainer.accumulate=2", "optimizer=adamw", "reset=soft"),
    "cycled": ("optimizer=sgd", "scheduler=onecycle", "trainer.clip_grad_norm=0.5", "neuron=rif"),
    "streamed": ("dataset.resident=never", "dataset.workers=0", "scheduler=none", "trainer.precision=bf16"),
    "grouped": (
        *("neuron=plif", "optimizer=adamw", "optimizer.decay_norm=false"),
        *("scheduler=plateau", "scheduler.patience=0", "network.dropout=0.3", "trainer.accumulate=2"),
        "optimizer.groups=[{match: out*, lr: 0.01, schedule: {name: step, every: 1}}, {match: '*neuron.w', lr: 0.1}]",
        *("trainer.random_T=[2,4]", "trainer.checkpoint_layers=2"),
    ),
    "potentials": (
        *("readout=membrane", "readout.over=last", "loss.rate_weight=0.5", "trainer.ema=0.9", "network.dropout=0.3"),
        *WATCHED,
    ),
    "early": ("optimizer.lr=1e-20", "trainer.early_stopping=2", "network.dropout=0.3"),
}


def interrupted_at(*calls: int) -> None:
    Interrupting.calls, Interrupting.at = 0, set(calls)


def crashed_at(call: int) -> None:
    Interrupting.calls, Interrupting.crash = 0, call


def stopped(folder: Path, call: int) -> None:
    """Put a run that was interrupted at that loss into `folder`: trained the first time, a copy later."""
    shutil.copytree(_stopped(call), folder)


@cache
def _stopped(call: int) -> Path:
    place = kept_folder()
    interrupted_at(call)
    with pytest.raises(Stopped):
        trained(place / "run", *LOSS)
    interrupted_at()
    return place / "run"


def finished(folder: Path, *overrides: str) -> int:
    """Start the run until it has completed; return how often it was interrupted."""
    for count in range(100):
        try:
            trained(folder, *LOSS, *overrides)
        except Stopped:
            message = json.loads((folder / "summary.json").read_text())
            assert message["status"] == "interrupted"
        else:
            return count
    raise AssertionError("it never ends")


def points(folder: Path) -> list[tuple[str, int]]:
    """Return tag and step of every value in the event files, in the order in which TensorBoard reads them."""
    board = Folder(folder, "tensorboard")
    files = (str(board.path / name) for name in event_files(board))
    read = (event for file in files for event in LegacyEventFileLoader(file).Load())
    return [(value.tag, event.step) for event in read for value in event.summary.value]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    read = events(folder / "tensorboard")
    tags = [tag for tag in read.Tags()["scalars"] if "images_per_second" not in tag]
    return {tag: [(point.step, point.value) for point in read.Scalars(tag)] for tag in tags}


def same_end(one: Path, other: Path) -> None:
    assert same(state(one), state(other), apart=("sizes",))
    assert same(state(one, "best"), state(other, "best"))
    assert rows(one) == rows(other)
    assert scalars(one) == scalars(other)
    assert sorted(points(one)) == sorted(points(other))
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (one, other)]
    for key in ("status", "test_accuracy", "test_accuracy_last", "val_accuracy", "best_epoch", "epochs", "cost"):
        assert summaries[0][key] == summaries[1][key], key
