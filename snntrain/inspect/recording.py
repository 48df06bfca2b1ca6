"""What is kept of a few images' way through a network; no torch, so that what draws it starts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

# The label of an image whose class nobody has told.
UNKNOWN = -1


@dataclass(frozen=True)
class Recording:
    """What one layer did, each `[T, N, *]`.

    Args:
        h: membrane potential after charging, float32.
        v: after the reset, float32.
        s: spikes, bool.
        v_threshold: a neuron fires where `h` is `>=` this.
        v_reset: potential after a spike; None for the soft reset.
        more: by name, each further state after each step, float32, and `threshold`, if it moves.
    """

    h: NDArray[np.float32]
    v: NDArray[np.float32]
    s: NDArray[np.bool_]
    v_threshold: float
    v_reset: float | None
    more: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """What a network takes a few images for, as `snntrain.network.readout` decides.

    Args:
        scores: `[N, classes]`: spikes of a class over all steps and votes; where the output is not made of spikes, its
            sum over the steps.
        classes: the class of each image `[N]`.
        tied: whether several classes share its greatest score `[N]`; then the first of them is its class.
        votes: spiking neurons a class; None where the output is not made of spikes.
    """

    scores: NDArray[np.float64]
    classes: Sequence[int]
    tied: Sequence[bool]
    votes: int | None


@dataclass(frozen=True)
class Probes:
    """The images that are looked at, and what a network did with them.

    Args:
        images: as they were before the encoder `[N, C, H, W]`, in [0, 1].
        labels: true classes `[N]`, or UNKNOWN.
        class_names: of all classes.
        recordings: of each spiking layer `[T, N, *]`, by name, in the order in which they ran.
        output: what the loss was given `[T, N, classes]`.
        answers: the classes that it says.
    """

    images: NDArray[np.float32]
    labels: Sequence[int]
    class_names: Sequence[str]
    recordings: Mapping[str, Recording]
    output: NDArray[np.float32]
    answers: Answers


def of_sample(recording: Recording, sample: int) -> Recording:
    """One sample's part of a recording `[T, N, *]`, its neurons in one row: `[T, neurons]`."""
    T = len(recording.s)
    return replace(
        recording,
        h=recording.h[:, sample].reshape(T, -1),
        v=recording.v[:, sample].reshape(T, -1),
        s=recording.s[:, sample].reshape(T, -1),
        more={name: values[:, sample].reshape(T, -1) for name, values in recording.more.items()},
    )
