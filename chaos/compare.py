"""Compare two runs to the bit: weights, figures and events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

# Values that depend on the clock or the folder, and so may differ.
BY_THE_CLOCK = {
    "seconds",
    "images_per_second",
    "train_seconds",
    "training/images_per_second",
    "final/images_per_second",
}
# The sizes of the run's files when the checkpoint was written: the text of a time may be longer or shorter.
BY_THE_CLOCK |= {"sizes"}
FIGURES = (
    *("status", "error", "test_accuracy", "test_accuracy_last", "test_ties", "test_ties_last", "val_accuracy"),
    *("best_epoch", "epochs", "cost"),
)
CHECKPOINTS = ("last.pt", "best.pt")
# Written when a run begins, resumes or ends.
ONCE = ("_hparams_/", "config/", "custom_scalars__config__")


def differences(run: Path, reference: Path, *, events: bool = True) -> list[str]:
    """Return a line for each difference from the undisturbed run; none if they are the same.

    Args:
        events: whether TensorBoard's files are compared as well.
    """
    found = [*_summary(run, reference), *_metrics(run, reference)]
    for name in CHECKPOINTS:
        ours, theirs = (load(folder / "checkpoints" / name) for folder in (run, reference))
        found += [f"{name}: {line}" for line in unequal(ours, theirs)]
    return [*found, *_scalars(run, reference), *_raw_events(run, reference)] if events else found


def load(path: Path) -> Any:
    """Load a checkpoint without the checks of the command line."""
    return torch.load(path, map_location="cpu", weights_only=True)


def unequal(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Yield a line for each difference of two nested structures; tensors are compared to the bit."""
    if type(ours) is not type(theirs):
        yield f"{at}: {type(ours).__name__} instead of {type(theirs).__name__}"
    elif isinstance(ours, torch.Tensor):
        if ours.dtype != theirs.dtype or ours.shape != theirs.shape or _bytes(ours) != _bytes(theirs):
            yield f"{at}: another tensor"
    elif isinstance(ours, dict):
        for key in ours.keys() | theirs.keys():
            if key in BY_THE_CLOCK:
                continue
            if key in ours and key in theirs:
                yield from unequal(ours[key], theirs[key], f"{at}/{key}")
            else:
                yield f"{at}/{key}: in one of the two alone"
    elif isinstance(ours, list | tuple):
        if len(ours) != len(theirs):
            yield f"{at}: {len(ours)} entries instead of {len(theirs)}"
        for index, pair in enumerate(zip(ours, theirs, strict=False)):
            yield from unequal(*pair, f"{at}/{index}")
    elif ours != theirs and not (ours != ours and theirs != theirs):
        yield f"{at}: {ours!r} instead of {theirs!r}"


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _summary(run: Path, reference: Path) -> list[str]:
    ours, theirs = (json.loads((folder / "summary.json").read_text()) for folder in (run, reference))
    return [
        f"summary.json: {key} {ours[key]!r} instead of {theirs[key]!r}" for key in FIGURES if ours[key] != theirs[key]
    ]


def _metrics(run: Path, reference: Path) -> list[str]:
    ours, theirs = (rows(folder) for folder in (run, reference))
    if [row["epoch"] for row in ours] != [row["epoch"] for row in theirs]:
        return [f"metrics.jsonl: epochs {[row['epoch'] for row in ours]} instead of 1 to {len(theirs)}"]
    return [f"metrics.jsonl: {line}" for line in unequal(ours, theirs)]


def rows(run: Path) -> list[dict[str, Any]]:
    """Return the epochs in metrics.jsonl."""
    path = run / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _scalars(run: Path, reference: Path) -> list[str]:
    """Compare the scalars as TensorBoard reads them."""
    ours, theirs = (_accumulated(folder / "tensorboard") for folder in (run, reference))
    found = [f"TensorBoard: {tag} in one of the two alone" for tag in ours.keys() ^ theirs.keys()]
    return found + [f"TensorBoard: {tag} differs" for tag in ours.keys() & theirs.keys() if ours[tag] != theirs[tag]]


def _accumulated(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag not in BY_THE_CLOCK]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


def _raw_events(run: Path, reference: Path) -> list[str]:
    """Compare everything in the files, pictures and histograms too: each once, and the same."""
    ours, theirs = (list(raw_events(folder)) for folder in (run, reference))
    found = []
    for (tag, step), count in Counter((tag, step) for tag, step, _ in ours).items():
        if count > 1:
            found.append(f"event files: {tag} of step {step} {count} times")
    ours_by, theirs_by = ({(tag, step): value for tag, step, value in events} for events in (ours, theirs))
    found += [f"event files: {tag} of step {step} is missing" for tag, step in theirs_by.keys() - ours_by.keys()]
    found += [f"event files: {tag} of step {step} is too much" for tag, step in ours_by.keys() - theirs_by.keys()]
    for key in ours_by.keys() & theirs_by.keys():
        if key[0] not in BY_THE_CLOCK and ours_by[key] != theirs_by[key]:
            found.append(f"event files: {key[0]} of step {key[1]} differs")
    return found


def raw_events(run: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield tag, step and content of every value in the event files, in their order."""
    for path in sorted((run / "tensorboard").glob("events*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if not value.tag.startswith(ONCE):
                    yield value.tag, event.step, value.SerializeToString(deterministic=True)
