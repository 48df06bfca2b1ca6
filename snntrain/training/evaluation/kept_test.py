"""The results on the test images, kept in the run folder: test.json.

A JSON object with `best` and `last`, each {"weights": their digest, "loss": …, "confusion": one row per true class,
"ties": number of images}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snntrain.files import bounded, whole
from snntrain.files.folder import Folder
from snntrain.runs.layout import TEST
from snntrain.training.evaluation.evaluate import Metrics


def entry(network: nn.Module, metrics: Metrics) -> dict[str, Any]:
    """Return the entry for a network's current weights and its metrics."""
    counts = {"confusion": metrics.confusion.tolist(), "ties": metrics.ties}
    return {"weights": digest(network), "loss": metrics.loss, **counts}


def write(folder: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write test.json whole or not at all, one line per entry.

    Raises:
        OSError: it cannot be written.
    """
    lines = [f"{json.dumps(name)}: {json.dumps(content)}" for name, content in entries.items()]
    whole.write(Folder(folder), TEST, "{\n" + ",\n".join(lines) + "\n}\n")


def read(folder: Path, network: nn.Module, classes: int) -> Metrics | None:
    """Return the kept metrics of a network with exactly these weights; None if they are missing or damaged."""
    try:
        content = json.loads(bounded.text(folder / TEST))
        weights = digest(network)
        kept = next(entry for entry in content.values() if entry["weights"] == weights)
        loss, confusion, ties = kept["loss"], _matrix(kept["confusion"], classes), kept["ties"]
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, KeyError, StopIteration):
        return None
    if not isinstance(loss, float) or confusion is None:
        return None
    images = int(confusion.sum())
    if type(ties) is not int or not 0 <= ties <= images:
        return None
    return Metrics(loss, confusion.trace().item() / max(1, images), confusion, ties)


def _matrix(rows: Any, classes: int) -> Tensor | None:
    """Return the counts as `[classes, classes]`; None if `rows` is not such a matrix."""
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return None
    counts = [count for row in rows for count in row]
    if [len(row) for row in rows] != [classes] * classes or not all(type(n) is int and 0 <= n < 2**40 for n in counts):
        return None
    return torch.tensor(rows)


def digest(network: nn.Module) -> str:
    """Return a digest of the weights, the same on every device."""
    hashing = hashlib.sha256()
    for name, value in network.state_dict().items():
        hashing.update(name.encode())
        hashing.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return hashing.hexdigest()
