"""Messages of sequences: units, lengths, and their augmentation."""

from __future__ import annotations

from pathlib import Path

import torch

from snntrain.data import picture_file
from snntrain.data.dataset import Data, ImageTensors
from tests.training.jobs import OURS, prepared

from .world import Case, World, line

WORDS = (OURS, "dataset._target_=tests.training.spoken.words")
DOTS = (OURS, "dataset._target_=tests.training.jobs.moving_dots", "dataset.mean=[0,0]", "dataset.std=[1,1]")


def _picture_of_units(_: World) -> None:
    split = ImageTensors(torch.zeros(2, 3, 140, dtype=torch.uint8), torch.arange(2))
    picture_file.read(Path("me.png"), Data("words", split, split, split, ("a", "b")))


CASES: dict[str, Case] = {
    "picture of units": (
        _picture_of_units,
        ("image=me.png", "words has sequences of 140 units", "take sample=3,14"),
    ),
    "convolution of units": (
        lambda _: prepared(*WORDS, "network=csnn"),
        ("CSNN", "needs images [N, C, H, W] or frames", "use network=mlp"),
    ),
    "means of units": (
        lambda _: prepared(*WORDS, "dataset.mean=[1,2]", "dataset.std=[1,2]"),
        ("dataset.mean=[1, 2]", "one number per channel", "140 units, which share one number"),
    ),
    "rotation of units": (
        lambda _: prepared(*WORDS, "dataset.augment.degrees=5"),
        ("dataset=words: augment.degrees=5.0", "needs pixels in two dimensions", "leave it out"),
    ),
    "crop of images in time": (
        lambda _: prepared("dataset.augment.temporal_crop=0.5"),
        ("augment.temporal_crop=0.5", "needs sequences, and these samples are images", "leave it out"),
    ),
    "polarity of units": (
        lambda _: prepared(*WORDS, "dataset.augment.polarity_flip=true"),
        ("augment.polarity_flip=True", "needs frames of two channels, ON and OFF", "leave it out"),
    ),
    "unknown augmentation": (
        line("dataset.augment=dvs_wid"),
        ("dataset/augment=dvs_wid", "there are cifar, dvs_wide, none", "did you mean dvs_wide?"),
    ),
    "augmentation of a finished run": (
        lambda world: world.good("dataset.augment=dvs_wide"),
        ("dataset.augment=dvs_wide", "presets are for training", "give the keys to change"),
    ),
}
