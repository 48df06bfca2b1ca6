"""Arrays of the user's own in one .npz file: the shortest way from a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.data.dataset import Data, ImageTensors
from snntrain.data.own import npz
from snntrain.data.own.labels import numbered
from snntrain.data.own.listing import TEST, TRAIN, VALIDATION
from snntrain.data.own.numbers import as_stored, laid_out
from snntrain.data.own.parts import divided
from snntrain.errors import UserError
from snntrain.files.paths import shown, user_path

NAME = "tensors"
PARTS = (TRAIN, VALIDATION, TEST)
CLASSES = "classes"
NAMES = (*(f"{kind}_{part}" for part in PARTS for kind in ("x", "y", "lengths")), CLASSES)


def load(
    root: str | None = None,
    validation: float = 0.1,
    split_seed: int = 0,
    test: float = 0.2,
    file: str | None = None,
    axes: str | None = None,
) -> Data:
    """Return the samples in a file with the arrays x_train and y_train, and maybe x_val, y_val, x_test and y_test.

    Bytes stay bytes: an image has intensities in [0, 1], 255 for 1; the frames of a sequence are counts. Numbers with a
    fraction are kept as float32, in any range. Labels may be any whole numbers, or texts: they are numbered in their
    order, and keep their names. `lengths_train` has the valid steps of each sequence, `classes` the name of each label.

    Args:
        root: folder of the file, if its path is relative; None for the working directory.
        validation: share of the training samples that is held out, without x_val.
        split_seed: seed of the parts that are held out.
        test: share of all training samples that is held out for the test, without x_test.
        file: the file.
        axes: the dimensions of the arrays, as NHWC; None for NHW, NCHW or NTCHW, by their number.

    Raises:
        UserError: the file or an array cannot be used, or a class has too few samples for all parts.
    """
    path = _path(root, file)
    arrays = npz.read(path, NAMES)
    given = _given(path, arrays)
    stored = {part: as_stored(laid_out(arrays[f"x_{part}"], f"x_{part}", axes), f"x_{part}") for part in given}
    _check_alike(stored)
    labels, class_names = numbered(
        {part: arrays[f"y_{part}"] for part in given},
        {part: len(stored[part]) for part in given},
        arrays.get(CLASSES),
    )
    parts = {
        part: ImageTensors(stored[part], labels[part], _lengths(arrays.get(f"lengths_{part}"), part, stored[part]))
        for part in given
    }
    images = parts[TRAIN].images
    is_bytes_of_images = images.dtype == torch.uint8 and images.ndim == 4
    return divided(
        NAME,
        parts,
        class_names,
        validation=validation,
        test=test,
        split_seed=split_seed,
        scale=255.0 if is_bytes_of_images else 1.0,
    )


def _path(root: str | None, file: str | None) -> Path:
    if file is None:
        raise UserError(f"dataset={NAME}: needs dataset.file=<file>.npz, with the arrays x_train and y_train")
    path = user_path(file, "dataset.file")
    return path if root is None else user_path(root, "dataset.root") / path


def _given(path: Path, arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the parts that the file has."""
    for part in PARTS:
        if (f"x_{part}" in arrays) != (f"y_{part}" in arrays) or (part == TRAIN and f"x_{part}" not in arrays):
            there = ", ".join(arrays) or "none of these"
            raise UserError(
                f"{shown(path)}: needs x_{part} with y_{part}, the samples and their classes, and has {there}; "
                f"numpy.savez('my.npz', x_{part}=…, y_{part}=…) writes them"
            )
    return [part for part in PARTS if f"x_{part}" in arrays]


def _check_alike(stored: Mapping[str, Tensor]) -> None:
    first = stored[TRAIN]
    for part, samples in stored.items():
        if samples.shape[1:] != first.shape[1:] or samples.dtype != first.dtype:
            raise UserError(
                f"x_{part}: has samples {list(samples.shape[1:])} of {str(samples.dtype).removeprefix('torch.')}, and "
                f"x_{TRAIN} has {list(first.shape[1:])} of {str(first.dtype).removeprefix('torch.')}; all parts need "
                "the same shape and the same type"
            )


def _lengths(given: NDArray[Any] | None, part: str, samples: Tensor) -> Tensor | None:
    """Return the valid steps of each sequence; None if all are valid."""
    if given is None:
        return None
    steps = samples.shape[1]
    if (
        samples.ndim == 4
        or given.shape != (len(samples),)
        or given.dtype.kind not in "iu"
        or not (given.min() >= 1 and given.max() <= steps)
    ):
        raise UserError(
            f"lengths_{part}: must be one whole number per sequence, from 1 to its steps, and it is {given.dtype} "
            f"{list(given.shape)} for samples {list(samples.shape)}"
        )
    return torch.from_numpy(given.astype("int64"))
