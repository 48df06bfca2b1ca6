"""Parts of a split, and the samples held out for validation."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.data.dataset import ImageTensors, Rows, hold_out, part_of


class OnDisk:
    """A split outside memory, which counts what it reads."""

    def __init__(self) -> None:
        self.labels = torch.arange(20) % 2
        self.lengths = torch.arange(20) % 3 + 1
        self.read: list[int] = []

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Tensor:
        self.read.append(index)
        return torch.full((3, 1, 2, 2), index, dtype=torch.uint8)


def test_a_part_of_a_split_on_disk_reads_its_own_samples_alone() -> None:
    disk = OnDisk()
    part = part_of(disk, torch.tensor([4, 11]))
    assert isinstance(part, Rows)
    assert not disk.read
    assert int(part[1].max()) == 11
    assert disk.read == [11]
    assert part.labels.tolist() == [0, 1]
    assert part.lengths is not None
    assert part.lengths.tolist() == [2, 3]


def test_a_part_of_a_split_in_memory_is_in_memory() -> None:
    images = ImageTensors(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.arange(4))
    assert isinstance(part_of(images, torch.tensor([1, 3])), ImageTensors)


def test_whole_groups_are_held_out() -> None:
    disk = OnDisk()
    speakers = torch.arange(20) // 4
    data = hold_out("digits", disk, disk, ("a", "b"), validation=0.2, split_seed=0, groups=speakers)
    assert isinstance(data.train, Rows)
    assert isinstance(data.validation, Rows)
    assert (len(data.train), len(data.validation)) == (16, 4)
    assert len(set(speakers[data.validation.rows].tolist())) == 1
