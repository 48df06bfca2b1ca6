"""Sets in the shape of the Spiking Heidelberg Digits: spikes of units over time, sequences of different length."""

from __future__ import annotations

import numpy as np
import torch

from snntrain.data.dataset import Data, ImageTensors

UNITS, GROUP = 700, 5


def spoken(count: int, classes: int, shortest: int, longest: int, seed: int) -> ImageTensors:
    """Return utterances as counts of spikes `[N, T, 140]`.

    A class has three bands of units, whose middles move as the formants of a word do, at the speed of the speaker. Each
    utterance has bands that are shifted a little, and spikes of noise. The padding has any values.
    """
    random = np.random.default_rng(seed)
    # The bands of a class are the same in every split.
    bands = np.random.default_rng(0).uniform(50, UNITS - 50, (classes, 3, 2))
    labels = np.arange(count) % classes
    lengths = random.integers(shortest, longest + 1, count)
    counts = random.integers(0, 256, (count, longest, UNITS // GROUP), dtype=np.uint8)
    for utterance, label, length in zip(counts, labels, lengths, strict=True):
        utterance[:length] = 0
        begin, end = bands[label, :, :1], bands[label, :, 1:]
        middle = begin + (end - begin) * np.linspace(0, 1, length) + random.normal(0, 8, (3, 1))
        units = random.normal(middle[..., None], 12, (3, length, 3))
        noise = random.uniform(0, UNITS, (1, length, 3))
        units = np.concatenate([units, noise]).round().clip(0, UNITS - 1).astype(int)
        steps = np.broadcast_to(np.arange(length)[:, None], units.shape)
        np.add.at(utterance, (steps.ravel(), units.ravel() // GROUP), 1)
    return ImageTensors(torch.from_numpy(counts), torch.from_numpy(labels), torch.from_numpy(lengths))


def shd_shaped(root: str | None, validation: float, split_seed: int) -> Data:
    """Return 20 classes in 40 to 100 steps of 10 ms, as SHD has them."""
    splits = [spoken(count, 20, 40, 100, seed) for seed, count in enumerate((1600, 200, 400))]
    return Data("shd_shaped", *splits, class_names=tuple(map(str, range(20))), scale=1.0)


def words(root: str | None, validation: float, split_seed: int) -> Data:
    """Return 4 classes in 6 to 12 steps."""
    splits = [spoken(count, 4, 6, 12, seed) for seed, count in enumerate((96, 24, 32))]
    return Data("words", *splits, class_names=("ja", "nein", "eins", "zwei"), scale=1.0)


def even(root: str | None, validation: float, split_seed: int) -> Data:
    """Return the same words, all of 12 steps."""
    splits = [ImageTensors(s.images, s.labels) for s in (spoken(n, 4, 12, 12, i) for i, n in enumerate((96, 24, 32)))]
    return Data("even", *splits, class_names=("ja", "nein", "eins", "zwei"), scale=1.0)
