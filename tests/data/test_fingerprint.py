"""The digest of a data set: it changes with everything that training sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from snntrain.data import digits
from snntrain.data.dataset import Data, ImageTensors, Split
from snntrain.data.fingerprint import fingerprint


@dataclass(frozen=True)
class Outside:
    """A split without a tensor of all images."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def data(kind: type = ImageTensors, n: int = 100) -> Data:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, n, 1, 4, 6), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (3, n), generator=generator)
    return Data("some", *(kind(x, y) for x, y in zip(images, labels, strict=True)), class_names=tuple("0123456789"))


def changed(split: Split, name: str, index: int) -> Split:
    values = getattr(split, name).clone()
    values[index] += 1
    return replace(split, **{name: values})


@pytest.mark.parametrize("kind", [ImageTensors, Outside])
def test_the_same_content_has_the_same_digest_wherever_it_lies(kind: type) -> None:
    assert fingerprint(data(kind)) == fingerprint(data(kind)) == fingerprint(replace(data(kind), name="other"))


def test_it_is_the_same_in_the_next_process() -> None:
    # A digest that changes with the versions of Python, NumPy or torch would refuse runs that could be resumed.
    tiny = Data("tiny", *[ImageTensors(torch.ones(2, 1, 1, 1, dtype=torch.uint8), torch.arange(2))] * 3, ("a", "b"))
    assert fingerprint(tiny) == "3dcb3e2bc0d5aac4a2d90901d42dbd6f"


@pytest.mark.parametrize("name", ["images", "labels"])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_byte_or_a_label_of_any_split_changes_it(part: str, name: str) -> None:
    for kind, index in ((ImageTensors, 57), (Outside, 0), (Outside, 99)):
        whole = data(kind)
        assert fingerprint(replace(whole, **{part: changed(getattr(whole, part), name, index)})) != fingerprint(whole)


def test_the_order_and_the_shape_of_the_same_bytes_change_it() -> None:
    whole = data()
    split = whole.train
    digests = {
        fingerprint(replace(whole, train=ImageTensors(images, labels)))
        for images, labels in (
            (split.images, split.labels),
            (split.images.flip(0), split.labels.flip(0)),
            (split.images.flip(0), split.labels),
            (split.images.reshape(100, 1, 6, 4), split.labels),
            (split.images[:99], split.labels[:99]),
        )
    }
    swapped = replace(whole, validation=whole.test, test=whole.validation)
    assert len(digests | {fingerprint(swapped)}) == 6


def test_images_that_are_not_contiguous_are_read_in_their_order() -> None:
    whole = data()
    strided = whole.train.images.to(memory_format=torch.channels_last)
    assert fingerprint(replace(whole, train=ImageTensors(strided, whole.train.labels))) == fingerprint(whole)


def test_a_split_outside_memory_is_not_read_as_a_whole() -> None:
    asked: list[int] = []

    class Asked(Outside):
        def __getitem__(self, index: int) -> Tensor:
            asked.append(index)
            return super().__getitem__(index)

    whole = data(Asked, 1000)
    fingerprint(whole)
    assert len(asked) == 3 * 64
    assert (asked[0], asked[63]) == (0, 999)


def test_another_division_into_splits_has_another_digest() -> None:
    assert fingerprint(digits.load(split_seed=0)) != fingerprint(digits.load(split_seed=1))
