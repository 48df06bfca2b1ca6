"""The classes of samples, given as any whole numbers or texts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.errors import UserError

log = logging.getLogger(__name__)

# Labels that a message shows.
MOST_SHOWN = 5


def numbered(
    given: Mapping[str, NDArray[Any]], samples: Mapping[str, int], classes: NDArray[Any] | None
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return labels from 0 on for each part, int64 `[N]`, and the names of the classes.

    Args:
        given: the labels of each part, whole numbers or texts `[N]` or `[N, 1]`.
        samples: the number of samples of each part.
        classes: the name of each label, if the labels are numbers from 0 on; None to name them by their labels.

    Raises:
        UserError: there is not one label per sample, labels are not whole numbers or texts, there are fewer than two
            classes, or `classes` does not name all.
    """
    labels = {part: _labels(array, part, samples[part]) for part, array in given.items()}
    if len({array.dtype.kind for array in labels.values()}) > 1:
        raise UserError("y_train, y_val, y_test: some are texts and some are numbers; give all of them alike")
    together = np.concatenate(list(labels.values()))
    if classes is not None:
        names = _names(classes, together)
        return {part: _tensor(array) for part, array in labels.items()}, names
    values = np.unique(together)
    if len(values) < 2:
        raise UserError(f"y_train: has a single class ({values[0]}), and a data set needs at least 2; add another")
    if values.dtype.kind == "i" and not np.array_equal(values, np.arange(len(values))):
        shown = ", ".join(map(str, values[:MOST_SHOWN])) + (", …" if len(values) > MOST_SHOWN else "")
        log.info("labels %s become classes 0 to %d, which keep these names", shown, len(values) - 1)
    indices = {part: _tensor(np.searchsorted(values, array)) for part, array in labels.items()}
    return indices, tuple(map(str, values))


def _labels(array: NDArray[Any], part: str, samples: int) -> NDArray[Any]:
    """Return labels as int64 or texts, `[N]`."""
    name = f"y_{part}"
    labels = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if labels.ndim == 2 and len(labels) == samples:
        raise UserError(f"{name}: has the shape {list(array.shape)}; give one class per sample, as {name}.argmax(1)")
    if labels.shape != (samples,):
        raise UserError(
            f"{name}: has the shape {list(array.shape)}, and x_{part} has {samples:,} samples; give one class for each"
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "backslashreplace")
    if labels.dtype.kind == "U":
        return labels
    whole = labels.dtype.kind in "biu" or (labels.dtype.kind == "f" and bool((labels == np.floor(labels)).all()))
    if not whole or (labels.dtype.kind in "uf" and samples and not bool((abs(labels) < 2.0**62).all())):
        raise UserError(f"{name}: holds {labels.dtype} that are not whole numbers; give a class per sample, 0, 1, 2 …")
    return labels.astype(np.int64)


def _names(classes: NDArray[Any], labels: NDArray[Any]) -> tuple[str, ...]:
    if classes.ndim != 1 or classes.dtype.kind != "U" or len(classes) < 2 or len(set(classes.tolist())) != len(classes):
        raise UserError(
            f"classes: is {classes.dtype} {list(classes.shape)}, and must be at least 2 different names, as "
            "np.array(['cat', 'dog'])"
        )
    if labels.dtype.kind != "i" or labels.min() < 0 or labels.max() >= len(classes):
        shown = f"from {labels.min()} to {labels.max()}" if labels.dtype.kind == "i" else "texts"
        raise UserError(
            f"classes: names {len(classes)} classes, and the labels are {shown}; give labels from 0 to "
            f"{len(classes) - 1}, or leave classes out"
        )
    return tuple(classes.tolist())


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.int64))
