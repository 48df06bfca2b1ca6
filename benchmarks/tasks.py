"""The training task: the networks, the images, and the settings that all candidates share."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

MNIST_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
MEAN, STD = 0.1307, 0.3081
CLASSES = 10


@dataclass(frozen=True)
class Network:
    """Convolutions 3x3, each with batch normalisation, neurons and max pooling; then linear layers with neurons."""

    channels: tuple[int, ...]
    hidden: tuple[int, ...]
    votes: int
    T: int


NETWORKS = {
    # 32C3-BN-N-P-64C3-BN-N-P-FC512-N-FC10-N
    "small": Network((32, 64), (512,), 1, 4),
    # The PLIF paper's for MNIST (Fang et al., ICCV 2021): 128C3-P-128C3-P-FC2048-FC100-vote
    "paper": Network((128, 128), (2048,), 10, 8),
    # To check that everything runs.
    "tiny": Network((4, 4), (16,), 1, 2),
}


@dataclass(frozen=True)
class Task:
    """The task of all candidates.

    Args:
        network: a key of NETWORKS.
        neuron: if, lif or plif.
        T: time steps.
        batch: images per step.
        device: cpu or cuda.
        threads: threads of the CPU.
        data: the folder with `MNIST/raw`.
        images: number of training images in it.
    """

    network: str
    neuron: str
    T: int
    batch: int
    device: str
    threads: int
    data: str
    images: int


def mnist_root(scratch: Path, images: int) -> tuple[Path, bool]:
    """Return `SNNTRAIN_DATA` if it holds MNIST, or a folder in `scratch` with random images; and whether it is real."""
    given = Path(os.environ.get("SNNTRAIN_DATA", scratch / "none"))
    if all((given / "MNIST/raw" / name).is_file() for name in MNIST_FILES):
        return given, True
    _write_random(scratch / "MNIST/raw", images)
    return scratch, False


def _write_random(folder: Path, images: int) -> None:
    """Write random images in MNIST's format: 80 % dark, like digits, with every class equally often."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    for part, count in (("train", images), ("t10k", max(100, images // 10))):
        pixels = draw.integers(0, 256, (count, 28, 28), dtype=np.uint8) * (draw.random((count, 28, 28)) < 0.2)
        labels = (np.arange(count) % CLASSES).astype(np.uint8)
        header = struct.pack(">iiii", 0x803, count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.astype(np.uint8).tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">ii", 0x801, count) + labels.tobytes())


def ready_batches(task: Task, count: int) -> list[tuple[Tensor, Tensor]]:
    """Return the first batches, normalised and on the device, images `[N, 1, 28, 28]`, labels `[N]`."""
    folder = Path(task.data) / "MNIST/raw"
    needed = count * task.batch
    pixels = np.frombuffer((folder / MNIST_FILES[0]).read_bytes(), np.uint8, needed * 784, offset=16)
    classes = np.frombuffer((folder / MNIST_FILES[1]).read_bytes(), np.uint8, needed, offset=8)
    images = (torch.tensor(pixels).view(-1, 1, 28, 28).float() / 255 - MEAN) / STD
    labels = torch.tensor(classes).long()
    device = torch.device(task.device)
    return list(zip(images.to(device).split(task.batch), labels.to(device).split(task.batch), strict=True))
