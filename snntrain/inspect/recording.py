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
        spiking: False for neurons that never spike and have neither threshold nor reset: a leaky integrator.
    """

    h: NDArray[np.float32]
    v: NDArray[np.float32]
    s: NDArray[np.bool_]
    v_threshold: float
    v_reset: float | None
    more: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    spiking: bool = True


@dataclass(frozen=True)
class Answers:
    """The predictions for a few images, as `snntrain.network.readout` makes them.

    Args:
        scores: `[N, classes]`: the spikes of a class over all steps and votes; or, if the output does not spike, the
            scores of the readout.
        classes: the predicted class of each image `[N]`.
        tied: whether several classes share the largest score `[N]`; the first of them is predicted.
        votes: spiking neurons per class; None if the output does not spike.
        meaning: words for the scores.
        picture: name of the picture of the scores.
        course: values `[T, N, classes]` from which the scores come, over time; None for the output itself.
        course_meaning: words for these values.
    """

    scores: NDArray[np.float64]
    classes: Sequence[int]
    tied: Sequence[bool]
    votes: int | None
    meaning: str = "output"
    picture: str = "spike_counts"
    course: NDArray[np.float32] | None = None
    course_meaning: str = "output"


@dataclass(frozen=True)
class Probes:
    """The inspected images, and a network's activity for them.

    Args:
        images: the images before the encoder `[N, C, H, W]`, in [0, 1]; of frames `[T, C, H, W]` their mean over time,
            of units `[T, units]` a raster `[1, units, T]`.
        labels: true classes `[N]`, or UNKNOWN.
        class_names: the names of all classes.
        recordings: the recording of each layer of neurons `[T, N, *]` by name, in the order of the network.
        output: the input of the loss `[T, N, classes]`.
        answers: the predictions.
        sequences: the sequences before the encoder `[T, N, C, H, W]` or `[T, N, units]`; None if the samples are
            images.
        lengths: the valid time steps of each sequence; None if all steps are valid. The others are padding, with any
            values, in `sequences`, `recordings` and `output`.
        scale: the data set's: stored bytes divided by it are the values of `images` and `sequences`.
    """

    images: NDArray[np.float32]
    labels: Sequence[int]
    class_names: Sequence[str]
    recordings: Mapping[str, Recording]
    output: NDArray[np.float32]
    answers: Answers
    sequences: NDArray[np.float32] | None = None
    lengths: Sequence[int] | None = None
    scale: float = 255.0

    @property
    def kind(self) -> str:
        """The word for one of them."""
        return "image" if self.sequences is None else "sample"


def of_sample(recording: Recording, sample: int, lengths: Sequence[int] | None = None) -> Recording:
    """Return one sample of a recording `[T, N, *]`, flattened to `[T, neurons]`.

    Args:
        recording: the recording.
        sample: the index of the sample.
        lengths: the valid time steps of each sample; the others are left out. None if all are valid.
    """
    T = int(valid_steps(recording, lengths)[:, sample].sum())
    return replace(
        recording,
        h=recording.h[:T, sample].reshape(T, -1),
        v=recording.v[:T, sample].reshape(T, -1),
        s=recording.s[:T, sample].reshape(T, -1),
        more={name: values[:T, sample].reshape(T, -1) for name, values in recording.more.items()},
    )


def longest(recordings: Sequence[Recording]) -> int:
    """Return the time steps of the longest of some recordings `[T, neurons]`."""
    return max(len(recording.s) for recording in recordings)


def valid_steps(recording: Recording, lengths: Sequence[int] | None) -> NDArray[np.bool_]:
    """Return which time steps of a recording `[T, N, *]` are valid, `[T, N]`.

    Args:
        recording: the recording. If it has other time steps or rows than the samples, all are valid.
        lengths: the valid time steps of each sample; None if all are valid.
    """
    T, N = recording.s.shape[:2]
    if lengths is None or len(lengths) != N or max(lengths) > T:
        return np.ones((T, N), np.bool_)
    valid: NDArray[np.bool_] = np.arange(T)[:, None] < np.asarray(lengths)
    return valid
