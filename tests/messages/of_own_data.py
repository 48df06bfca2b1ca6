"""Messages of the user's own data: folders, arrays, classes of different size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snntrain.config import rules
from snntrain.data.dataset import Data, ImageTensors
from snntrain.data.encoder import Poisson
from snntrain.data.own import image_folder, listing, npz, tensors
from snntrain.data.own.listing import Kind
from snntrain.data.own.parts import divided
from snntrain.training.job import intensities, normalisation
from snntrain.training.loss import check_weights
from tests.data.own.folders import classes

from .world import Case, World, fake, line, together

KIND = Kind("image_folder", "pictures", frozenset({".png"}))
TWO = ("a/1.png", "b/1.png")


def _listed(*files: str, link: tuple[str, str] | None = None) -> Callable[[World], object]:
    """List the files of a new folder, one of which may be a link to another place."""

    def bring_about(world: World) -> object:
        root = world.folder / f"pictures {len(os.listdir(world.folder))}"
        for name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        if link is not None:
            (root / link[0]).symlink_to(root / link[1])
        return listing.listed(str(root), KIND)

    return bring_about


def _unreadable(world: World) -> object:
    with world.patch.context() as patch:

        def refuse(place: Path) -> Any:
            raise PermissionError(13, "Permission denied", str(place))

        patch.setattr(os, "scandir", refuse)
        return listing.listed(str(world.folder), KIND)


def _bad_pictures(world: World) -> object:
    root = classes(world.folder / "bad pictures", 2)
    (root / "cat" / "000.png").write_text("no picture")
    return image_folder.load(str(root))


def _images(count: int, *shape: int, kind: str = "uint8") -> np.ndarray:
    return np.zeros((count, *(shape or (2, 2))), kind)


def _split(labels: Sequence[int]) -> ImageTensors:
    return ImageTensors(torch.zeros(len(labels), 1, 2, 2, dtype=torch.uint8), torch.tensor(labels, dtype=torch.int64))


def _divided(test: float = 0.2, **parts: Sequence[int]) -> Callable[[World], object]:
    splits = {part: _split(labels) for part, labels in parts.items()}
    return lambda _: divided("some", splits, ("cat", "dog"), validation=0.2, test=test, split_seed=0)


def _loaded(axes: str | None = None, **arrays: Any) -> Callable[[World], object]:
    """Load a file with good training samples and labels, and other arrays in their place or beside them."""

    def bring_about(world: World) -> object:
        good = {"x_train": _images(12), "y_train": np.arange(12) % 2}
        np.savez(
            world.folder / "my.npz", **{name: array for name, array in (good | arrays).items() if array is not None}
        )
        return tensors.load(file=str(world.folder / "my.npz"), axes=axes)

    return bring_about


def _broken_file(world: World) -> object:
    (world.folder / "broken.npz").write_bytes(b"PK")
    return npz.read(world.folder / "broken.npz", ["x"])


def _beyond_one(_: World) -> object:
    split = ImageTensors(torch.full((2, 1, 2, 2), 3.0), torch.tensor([0, 1]))
    intensities.check(Poisson(2, [0.5], [0.5]), Data("some", split, split, split, ("a", "b"), 1.0))
    return []


CASES: dict[str, Case] = {
    # config/rules.py
    "own data: a mean in words": (together("dataset.mean=half"), ("dataset.mean=half", "must be auto", "as [0.5]")),
    "own data: another balance": (
        lambda _: list(rules.balance_is_known(fake(dataset={"balance": "all"}))),
        ("dataset.balance=all", "must be none", "sampler or loss"),
    ),
    "own data: a size of one number": (
        line("dataset=image_folder dataset.size=[8]"),
        ("dataset.size=[8]", "must be height and width", "as [32,32]"),
    ),
    "own data: two channels": (
        line("dataset=image_folder dataset.channels=2"),
        ("dataset.channels=2", "must be 1 for grey pictures", "or 3 for colours"),
    ),
    "own data: a sensor of one number": (
        line("dataset=event_folder dataset.sensor=[8]"),
        ("dataset.sensor=[8]", "must be height and width", "as [128,128]"),
    ),
    "own data: frames without a duration": (
        line("dataset=event_folder dataset.frames_by=duration"),
        ("dataset.frames_by=duration", "needs dataset.frame_us, the microseconds of a frame", "as 10000"),
    ),
    # data/own/listing.py
    "own data: no folder": (
        lambda _: listing.listed(None, KIND),
        ("dataset=image_folder", "needs dataset.root=<folder>", "train/<class>/"),
    ),
    "own data: a file as the folder": (
        lambda world: listing.listed(str(world.broken / "file"), KIND),
        ("dataset.root=", "is not a folder", "give one that holds train/<class>/"),
    ),
    "own data: a folder without rights": (_unreadable, ("", "cannot be read (Permission denied)", "make it readable")),
    "own data: a test without training": (_listed("test/a/1.png"), ("holds test/", "without train/", "rename test/")),
    "own data: a link in a class": (
        _listed(*TWO, link=("a/again", "a")),
        ("a/again", "is a link to a folder", "put the files there"),
    ),
    "own data: a link out": (
        _listed(*TWO, link=("a/2.png", "../mine")),
        ("a/2.png", "is a link that leads out of", "put the file itself there"),
    ),
    "own data: a class of the test alone": (
        _listed("train/a/1.png", "train/b/1.png", "test/c/1.png"),
        ("has the class c", "cannot learn a class without examples", "rename the folder"),
    ),
    "own data: one class": (
        _listed("a/1.png"),
        ("has 1 (a)", "needs at least 2 classes", "is dataset.root a folder too high"),
    ),
    "own data: an empty class": (
        _listed("a/1.png", "b/1.txt"),
        ("the class b", "has no pictures", "add some, or remove its"),
    ),
    # data/own/bad_files.py
    "own data: bad pictures": (
        _bad_pictures,
        ("dataset=image_folder: 1 of 4 pictures", "cannot be read", "leave them out with dataset.skip_bad=true"),
    ),
    # data/own/parts.py
    "own data: no share for the test": (
        _divided(test=1.5, train=[0, 1] * 5),
        ("dataset.test=1.5", "must lie between 0 and 1", "not 1.5"),
    ),
    "own data: a rare class": (
        _divided(train=[0] * 5 + [1]),
        ("the class dog has 1 sample", "needs 3, for training and validation and the test", "leave the class out"),
    ),
    "own data: an empty part": (
        _divided(train=[0, 1] * 5, val=[]),
        ("dataset=some: val", "has no samples", "or remove it to split train"),
    ),
    # data/own/npz.py
    "own data: no arrays": (
        lambda world: npz.read(world.folder / "absent.npz", ["x"]),
        ("dataset.file=", "there is no such file", "numpy.savez writes one"),
    ),
    "own data: a folder of arrays": (
        lambda world: npz.read(world.folder, ["x"]),
        ("dataset.file=", "cannot be read (Is a directory)", "make it readable"),
    ),
    "own data: objects": (
        _loaded(x_train=np.array([{}] * 12, dtype=object)),
        ("my.npz: x_train", "holds Python objects", "write it again with numpy.savez"),
    ),
    "own data: half an archive": (_broken_file, ("broken.npz", "is not a complete .npz file", "write it again")),
    # data/own/tensors.py
    "own data: no file": (
        lambda _: tensors.load(),
        ("dataset=tensors", "needs dataset.file=<file>.npz", "x_train and y_train"),
    ),
    "own data: no labels": (_loaded(y_train=None), ("my.npz", "needs x_train with y_train", "numpy.savez('my.npz'")),
    "own data: parts of another shape": (
        _loaded(x_test=_images(4, 3, 3), y_test=np.arange(4) % 2),
        (
            "x_test: has samples [1, 3, 3] of uint8",
            "x_train has [1, 2, 2] of uint8",
            "the same shape and the same type",
        ),
    ),
    "own data: lengths of images": (
        _loaded(lengths_train=np.ones(12)),
        ("lengths_train", "must be one whole number per sequence", "from 1 to its steps"),
    ),
    # data/own/numbers.py
    "own data: vectors": (
        _loaded(x_train=_images(12, 3)),
        ("x_train: has the shape [12, 3]", "must be as images", "dataset.axes"),
    ),
    "own data: other axes": (
        _loaded("NTU", x_train=_images(12, 1, 3, 3)),
        ("x_train: has the shape [12, 1, 3, 3]", "must be as", "dataset.axes=NTU has 3 dimensions"),
    ),
    "own data: no numbers": (
        _loaded(x_train=_images(12, 0, 2)),
        ("x_train: has the shape [12, 0, 2]", "without a single number", "give samples"),
    ),
    "own data: channels at the end": (
        _loaded(x_train=_images(12, 8, 8, 3)),
        ("[12, 8, 8, 3]", "looks like channels at the end", "give dataset.axes=NHWC"),
    ),
    "own data: numbers that are no bytes": (
        _loaded(x_train=_images(12, kind="int64") - 7),
        ("x_train: has whole numbers from -7 to -7", "bytes go from 0 to 255", "x_train.astype('float32')"),
    ),
    "own data: complex numbers": (
        _loaded(x_train=_images(12, kind="complex64")),
        ("x_train: is complex64", "must be uint8 or float32", "convert it"),
    ),
    "own data: numbers that are not finite": (
        _loaded(x_train=_images(12, kind="float32") + np.inf),
        ("12 of 12 samples", "not finite in float32", "repair them or leave them out"),
    ),
    # data/own/labels.py
    "own data: texts and numbers": (
        _loaded(x_test=_images(2), y_test=np.array(["0", "1"])),
        ("y_train, y_val, y_test", "some are texts and some are numbers", "give all of them alike"),
    ),
    "own data: a single label": (
        _loaded(y_train=np.zeros(12, int)),
        ("a single class (0)", "needs at least 2", "add another"),
    ),
    "own data: labels in columns": (
        _loaded(y_train=np.eye(12)),
        ("y_train: has the shape [12, 12]", "give one class per sample", "as y_train.argmax(1)"),
    ),
    "own data: too few labels": (
        _loaded(y_train=np.arange(7)),
        ("y_train: has the shape [7]", "x_train has 12 samples", "give one class for each"),
    ),
    "own data: fractions as labels": (
        _loaded(y_train=np.arange(12) / 2),
        ("y_train: holds float64", "not whole numbers", "give a class per sample"),
    ),
    "own data: the name of one class": (
        _loaded(classes=np.array(["a"])),
        ("classes: is <U1 [1]", "at least 2 different names", "np.array(['cat', 'dog'])"),
    ),
    "own data: labels without a name": (
        _loaded(y_train=np.arange(12) % 3, classes=np.array(["a", "b"])),
        ("names 2 classes", "the labels are from 0 to 2", "or leave classes out"),
    ),
    # training/
    "own data: weights for another loss": (
        lambda _: check_weights(nn.Identity()),
        ("loss=Identity takes no weights", "dataset.balance=loss", "use loss=mse_rate, ce_rate, ce, tet or mse_votes"),
    ),
    "own data: intensities beyond 1": (_beyond_one, ("encoder=poisson", "from 0 to 1", "or use encoder=direct")),
    "own data: numbers of a stranger": (
        lambda _: normalisation.kept({normalisation.KEY: 7}),
        ("in the checkpoint", "not numbers of channels", "put a good copy of it there"),
    ),
}
