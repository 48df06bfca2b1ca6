"""Random samples in the shape of the published data sets."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.config.schema import Config
from snntrain.config.values import value_at
from snntrain.data.catalogue import KNOWN
from snntrain.data.dataset import Data, ImageTensors

# Samples to train on, to validate with and to test with.
COUNTS = (4, 2, 2)
# Frames with `frames_by=duration` are as many as a recording is long.
STEPS = 12


def random_set(config: Config) -> Data:
    """Return a few random samples in the shape that the data set of a configuration has, with its number of classes.

    Images are bytes; recordings are counts of events, and those of units have different lengths.
    """
    known = KNOWN[config.dataset._target_]
    random = torch.Generator().manual_seed(0)
    shape = _shape(config, known.shape)
    splits = [_split(config, shape, known.classes, count, random) for count in COUNTS]
    names = tuple(f"class {index}" for index in range(known.classes))
    return Data(config.dataset._target_.rpartition(".")[2], *splits, class_names=names, scale=_scale(config))


def _is_recorded(config: Config) -> bool:
    return value_at(config.dataset, "frames_by") is not None


def _scale(config: Config) -> float:
    return 1.0 if _is_recorded(config) else 255.0


def _shape(config: Config, written: str) -> tuple[int, ...]:
    """Return the shape of an image or of one step."""
    if written.endswith(" units"):
        return (int(written.removesuffix(" units")) // (value_at(config.dataset, "group_units") or 1),)
    channels, *sides = map(int, written.split("x"))
    return (channels, *(side // (value_at(config.dataset, "downsample") or 1) for side in sides))


def _split(config: Config, shape: tuple[int, ...], classes: int, count: int, random: torch.Generator) -> ImageTensors:
    labels = torch.randint(classes, (count,), generator=random)
    if not _is_recorded(config):
        return ImageTensors(_bytes((count, *shape), 256, random), labels)
    varies = value_at(config.dataset, "frames_by") == "duration"
    steps = STEPS if varies else config.T
    counts = _bytes((count, steps, *shape), 2 if value_at(config.dataset, "binary") else 3, random)
    lengths = torch.randint(1, steps + 1, (count,), generator=random) if varies else None
    return ImageTensors(counts, labels, lengths)


def _bytes(shape: tuple[int, ...], end: int, random: torch.Generator) -> Tensor:
    return torch.randint(end, shape, generator=random, dtype=torch.uint8)
