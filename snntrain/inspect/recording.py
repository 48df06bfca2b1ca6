"""Recordings of a network's activity. This module does not import torch: the drawing process starts quickly then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

# The label of an image of unknown class.
UNKNOWN = -1


@dataclass(frozen=True)
class Recording:
    """The activity of one layer; all sequences are `[T, N, *]`.

    Args:
        h: membrane potential after charging, float32.
        v: membrane potential after the reset, float32.
        s: spikes, bool.
        v_threshold: a neuron fires if `h` is `>=` this.
        v_reset: potential after a spike; None for the soft reset.
        more: by name, each further state after each step, float32, and `threshold` if it changes.
    """

    h: NDArray[np.float32]
    v: NDArray[np.float32]
    s: NDArray[np.bool_]
    v_threshold: float
    v_reset: float | None
    more: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """The predictions for a few images, as `snntrain.network.readout` makes them.

    Args:
        scores: `[N, classes]`: the spikes of a class over all steps and votes; or, if the output does not spike, its
            sum over the steps.
        classes: the predicted class of each image `[N]`.
        tied: whether several classes share the largest score `[N]`; the first of them is predicted.
        votes: spiking neurons per class; None if the output does not spike.
    """

    scores: NDArray[np.float64]
    classes: Sequence[int]
    tied: Sequence[bool]
    votes: int | None


@dataclass(frozen=True)
class Probes:
    """The inspected images or sequences, and a network's activity for them.

    Args:
        images: the images before the encoder `[N, C, H, W]`, in [0, 1]; of sequences, their means over time `[N, *]`.
        labels: true classes `[N]`, or UNKNOWN.
        class_names: the names of all classes.
        recordings: the recording of each spiking layer `[T, N, *]` by name, in the order of the network.
        output: the input of the loss `[T, N, classes]`.
        answers: the predictions.
        sequence: the sequences before the encoder `[T, N, *]`; None for images.
        lengths: valid time steps of each sequence `[N]`; the steps after them are padding. None if all are valid.
        scale: the data set's: stored bytes divided by it are the values of `images` and `sequence`.
    """

    images: NDArray[np.float32]
    labels: Sequence[int]
    class_names: Sequence[str]
    recordings: Mapping[str, Recording]
    output: NDArray[np.float32]
    answers: Answers
    sequence: NDArray[np.float32] | None = None
    lengths: Sequence[int] | None = None
    scale: float = 255.0

    @property
    def kind(self) -> str:
        """The word for one of them."""
        return "image" if self.sequence is None else "sample"

    def length(self, sample: int) -> int:
        """Return the number of valid time steps of a sample."""
        return len(self.output) if self.lengths is None else self.lengths[sample]


def of_sample(recording: Recording, sample: int, length: int | None = None) -> Recording:
    """Return one sample of a recording `[T, N, *]`, flattened to `[T, neurons]`.

    Args:
        recording: the recording of all samples.
        sample: the index of the sample.
        length: the number of its valid time steps, which are returned; None for all T.
    """
    T = len(recording.s[:length])
    return replace(
        recording,
        h=recording.h[:T, sample].reshape(T, -1),
        v=recording.v[:T, sample].reshape(T, -1),
        s=recording.s[:T, sample].reshape(T, -1),
        more={name: values[:T, sample].reshape(T, -1) for name, values in recording.more.items()},
    )
