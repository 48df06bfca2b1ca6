"""Folders of small pictures, written by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

Pixels = np.ndarray


def pixels(seed: int, height: int = 8, width: int = 8) -> Pixels:
    """Return grey noise, uint8 `[height, width]`."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def save(path: Path, content: Pixels) -> Path:
    """Write a picture, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(content).save(path)
    return path


def classes(root: Path, count: int = 10, names: tuple[str, ...] = ("cat", "dog")) -> Path:
    """Write `count` pictures of each class below `root`, all different; return `root`."""
    for label, name in enumerate(names):
        for number in range(count):
            save(root / name / f"{number:03}.png", pixels(1000 * label + number))
    return root
