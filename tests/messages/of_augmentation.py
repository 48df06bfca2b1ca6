"""Messages of mixing and of random operations."""

from __future__ import annotations

from tests.training.jobs import OURS, prepared

from .of_sequences import WORDS
from .world import Case, together

CASES: dict[str, Case] = {
    "mixing with a loss that takes labels alone": (
        lambda _: prepared(OURS, "loss._target_=tests.training.jobs.Infinite", "dataset.augment.mixup=0.5"),
        ("loss=Infinite: dataset.augment.mixup", "does not declare that it takes them", "takes_probabilities = True"),
    ),
    "mixing of words of different length": (
        lambda _: prepared(*WORDS, "dataset.augment.mixup=0.5"),
        ("augment.mixup=0.5", "mixes sequences of equal length", "leave it out"),
    ),
    "operations on sequences": (
        lambda _: prepared(*WORDS, "dataset.augment.trivial_augment=true"),
        ("augment.trivial_augment=True", "needs still images", "leave it out"),
    ),
    "two policies": (
        together("dataset.augment={trivial_augment: true, rand_augment: 2}"),
        ("dataset.augment.trivial_augment=true", "in place of dataset.augment.rand_augment=2", "set one of them"),
    ),
}
