"""A split in a cache: its samples are those of the recordings, wherever and however they are read."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snntrain.data.augment import Augment
from snntrain.data.batches import Batches, fits
from snntrain.data.dataset import Data, ImageTensors, Rows, Split, hold_out, some_of
from snntrain.data.fingerprint import fingerprint
from snntrain.data.workers import stack
from snntrain.errors import RunFailed

from .recordings import Noise, cached, only_file, padded, ragged


@pytest.mark.parametrize("rest", [(2, 4, 5), (7,)], ids=["frames", "units"])
def test_sequences_are_padded_to_the_longest(tmp_path: Path, rest: tuple[int, ...]) -> None:
    recordings = ragged(10, rest)
    split = cached(tmp_path, recordings)
    assert torch.equal(split.stack(range(10)), padded(recordings))
    assert split.lengths is not None
    assert split.lengths.tolist() == [1 + seed % 4 for seed in range(10)]
    assert split.labels.tolist() == [seed % 3 for seed in range(10)]
    assert (split.labels.dtype, split.lengths.dtype) == (torch.int64, torch.int64)
    assert split.nbytes == sum(recording.read().nbytes for recording in recordings)


def test_sequences_of_one_length_have_no_lengths(tmp_path: Path) -> None:
    split = cached(tmp_path, [Noise(seed) for seed in range(4)])
    assert split.lengths is None
    assert split[2].shape == (3, 2, 4, 5)


def test_images_have_neither_time_nor_lengths(tmp_path: Path) -> None:
    recordings = [Noise(seed, (3, 4, 5)) for seed in range(4)]
    split = cached(tmp_path, recordings)
    assert split.lengths is None
    assert torch.equal(split[3], torch.from_numpy(recordings[3].read()))


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    rest=st.lists(st.integers(1, 5), min_size=1, max_size=3).filter(lambda sides: len(sides) != 2),
    rows=st.lists(st.integers(0, 11), max_size=20),
)
def test_any_samples_come_back_as_they_were(lengths: list[int], rest: list[int], rows: list[int]) -> None:
    recordings = [Noise(seed, (length, *rest)) for seed, length in enumerate(lengths)]
    rows = [row % len(lengths) for row in rows]
    with tempfile.TemporaryDirectory() as root:
        split = cached(Path(root), recordings)
        assert torch.equal(split.stack(rows), padded(recordings)[rows])


def test_a_sample_is_asked_for_as_in_a_sequence(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(5))
    assert torch.equal(split[-1], split[4])
    assert len(list(split)) == len(split) == 5
    for beyond in (5, -6):
        with pytest.raises(IndexError):
            split[beyond]


def test_another_process_opens_the_file_again(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(5))
    sent = pickle.loads(pickle.dumps(split))
    assert torch.equal(sent.stack(range(5)), split.stack(range(5)))
    assert torch.equal(sent.labels, split.labels)
    # A set of any size is sent without its samples.
    assert len(pickle.dumps(cached(tmp_path, [Noise(0, (100, 2, 64, 64))], part="large"))) < 2000


def test_parts_of_a_split_are_read_at_once_in_their_order(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(10))
    part = Rows(Rows(split, torch.tensor([7, 1, 5, 3])), torch.tensor([3, 0, 1]))
    expected = padded(ragged(10))[[3, 7, 1]]
    assert torch.equal(stack(part, [0, 1, 2]), expected)
    assert torch.equal(torch.stack([part[index] for index in range(3)]), expected)
    assert stack(part, []).shape == (0, 4, 2, 4, 5)
    assert torch.equal(some_of(part, [2, 0]).images, expected[[2, 0]])


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_the_same_samples_in_memory(tmp_path: Path, resident: bool, workers: int) -> None:
    recordings = ragged(22)
    split = Rows(cached(tmp_path, recordings), torch.arange(22).flip(0))
    in_memory = ImageTensors(padded(recordings).flip(0), split.labels, split.lengths)
    given = {"batch_size": 4, "scale": 1.0, "device": "cpu", "shuffle": True, "augment": Augment(degrees=20)}
    expected = Batches(in_memory, **given).epoch(3)
    found = Batches(split, **given, resident=resident, workers=workers).epoch(3)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.labels, other.labels)
        assert one.lengths is not None
        assert torch.equal(one.lengths, other.lengths)


def test_a_split_is_held_in_memory_if_it_is_small_with_its_padding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = cached(tmp_path, ragged(10))
    needed = padded(ragged(10)).nbytes
    for free, kept in ((needed, False), (4 * needed, True)):
        monkeypatch.setattr("snntrain.process.memory.available", lambda free=free: free)
        assert fits(split, "cpu") is kept
        assert fits(Rows(split, torch.arange(10)), "cpu") is kept
    assert fits(Rows(split, torch.arange(2)), "cpu", share=0.06)
    assert not fits(split, "cpu", share=0.0)


def data_of(split: Split) -> Data:
    return hold_out("noise", split, split, ("a", "b", "c"), validation=0.3, split_seed=0, scale=1.0)


def test_the_fingerprint_is_that_of_the_samples_and_not_of_the_file(tmp_path: Path) -> None:
    recordings = [Noise(seed) for seed in range(200)]
    one = fingerprint(data_of(cached(tmp_path / "one", recordings)))
    assert fingerprint(data_of(cached(tmp_path / "two", recordings, key={"T": 4}))) == one
    # Evenly spaced samples alone would miss a change of one of the others.
    changed = [*recordings[:101], Noise(101 + 3_000), *recordings[102:]]
    assert fingerprint(data_of(cached(tmp_path / "three", changed))) != one
    other_order = [*recordings[3:6], *recordings[:3], *recordings[6:]]
    assert fingerprint(data_of(cached(tmp_path / "four", other_order))) != one


def test_a_changed_byte_is_never_taken_for_a_sample(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(5))
    with only_file(tmp_path).open("r+b") as file:
        file.seek(4096)
        byte = file.read(1)[0]
        file.seek(4096)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(RunFailed, match=r"\.frames: .*sample 0 is damaged.*delete the file") as failed:
        split.stack([3, 0])
    assert "\n" not in str(failed.value)
    assert torch.equal(split[3], padded(ragged(5))[3])


def test_a_file_that_is_cut_while_it_is_read_does_not_kill_the_process(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(5))
    with only_file(tmp_path).open("r+b") as file:
        file.truncate(4096 + 10)
    with pytest.raises(RunFailed, match="sample 4 is damaged"):
        split[4]


def test_a_file_that_is_deleted_stays_until_it_is_closed(tmp_path: Path) -> None:
    split = cached(tmp_path, ragged(5))
    only_file(tmp_path).unlink()
    assert torch.equal(split.stack(range(5)), padded(ragged(5)))
    with pytest.raises(RunFailed, match="No such file"):
        pickle.loads(pickle.dumps(split)).stack([0])
