"""Files of a data set that change during a training."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from chaos.case import Case
from chaos.training import CONVOLUTIONAL, SMALL, Bench, Training, stopped_by

SCENARIO = "data changed"
TRAINED, TESTED = 600, 200
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def cases(count: int) -> Iterator[Case]:
    """Yield `count` cases of each kind."""
    for _ in range(count):
        yield Case(SCENARIO, while_running, twins=())
        yield Case(SCENARIO, before_the_resume, twins=())


def write_mnist(root: Path) -> Path:
    """Write the embedded digits, enlarged, in the format of MNIST; return the folder of the files."""
    from snntrain.data import digits

    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    data = digits.load()
    for prefix, split, count in (("train", data.train, TRAINED), ("t10k", data.test, TESTED)):
        images = torch.stack([split[index][0] for index in range(count)]).float() * (255 / data.scale)
        large = torch.nn.functional.interpolate(images[:, None], (28, 28)).round().byte().numpy()
        labels = split.labels[:count].byte().numpy()
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + large.tobytes())
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + labels.tobytes())
    return folder


def change(folder: Path, rng: np.random.Generator) -> None:
    """Change one pixel or the order of all labels; the sizes stay."""
    name, head = (IMAGES, 16) if rng.random() < 0.5 else (LABELS, 8)
    content = bytearray((folder / name).read_bytes())
    if name == IMAGES:
        content[head + int(rng.integers(len(content) - head))] ^= 0x40
    else:
        content[head:] = content[head:][::-1]
    (folder / name).write_bytes(content)


def _prepared(bench: Bench) -> tuple[Training, Path]:
    """Return a training on the small data set, and the folder of its files."""
    files = write_mnist(bench.place / "data")
    given = (*SMALL, *CONVOLUTIONAL, "trainer.epochs=4", "monitor=off", "dataset=mnist", "dataset.root=data")
    return bench.training_of(*given), files


def while_running(bench: Bench) -> None:
    """The data is in memory: a change of its files has no effect."""
    training, files = _prepared(bench)
    process = training.start()
    process.until(training.has_checkpoint)
    change(files, np.random.default_rng(bench.rng.randrange(2**32)))
    bench.outcome.faults += 1
    training.ends(process)


def before_the_resume(bench: Bench) -> None:
    """A resume on other images is refused. With the old images back it works."""
    training, files = _prepared(bench)
    kept = {path: path.read_bytes() for path in files.iterdir()}
    process = training.start()
    process.until(training.has_rows(1))
    process.kill_all()
    change(files, np.random.default_rng(bench.rng.randrange(2**32)))
    for argv in (training.resume, training.command):
        stopped_by(training.start(argv), bench.outcome, [2], "dataset")
        bench.outcome.faults += 1
    for path, content in kept.items():
        path.write_bytes(content)
    training.finish()
