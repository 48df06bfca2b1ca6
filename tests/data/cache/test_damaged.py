"""A cache that is damaged, foreign or of another version is noticed, bounded in memory, and made anew."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from snntrain.data.cache import layout
from snntrain.data.cache.layout import HEAD, MAGIC, START, Index, Unusable
from snntrain.files.folder import Folder

from .recordings import Bad, cached, files, only_file, padded, ragged, skip_bad

COUNT = 12


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def patched(place: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:place] + new + content[place + len(new) :]


def with_version(content: bytes, version: int) -> bytes:
    """Return the content with another version and the right checksum."""
    known = list(HEAD.unpack(content[: HEAD.size])[:-1])
    known[1] = version
    index = content[known[3] :]
    return HEAD.pack(*known, layout._checksum(tuple(known), index)) + content[HEAD.size :]


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (cut(0), "it was not completed"),
    "cut in the head": (lambda content: content[:20], "it is not a cache"),
    "cut after the head": (lambda content: content[: HEAD.size], "it has 72 bytes, and should have"),
    "cut in half": (cut(0.5), "and should have"),
    "cut by a byte": (lambda content: content[:-1], "and should have"),
    "longer": (lambda content: content + b"\0", "and should have"),
    "zeros": (lambda content: bytes(len(content)), "it was not completed"),
    "no head yet": (patched(0, bytes(START)), "it was not completed"),
    "text": (lambda content: b"a text of somebody" * 100, "it is not a cache"),
    "another version": (lambda content: with_version(content, 2), "it has version 2 of the format, not 1"),
    "a bit of the head": (patched(30, b"\xff"), "and should have"),
    "a bit of the index": (lambda content: content[:-3] + bytes([content[-3] ^ 4]) + content[-2:], "index is damaged"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_cache_is_made_anew_with_one_line(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage, words = DAMAGES[kind]
    cached(tmp_path, ragged(COUNT))
    path = only_file(tmp_path)
    content = path.read_bytes()
    path.write_bytes(damage(content))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "snntrain"):
        split = cached(tmp_path, ragged(COUNT))
    assert torch.equal(split.stack(range(COUNT)), padded(ragged(COUNT)))
    (line,) = caplog.messages
    assert words in line
    assert line.endswith("; it is made anew")
    assert path.read_bytes() == content
    assert files(tmp_path) == [path.name]


def test_any_flipped_bit_of_head_and_index_is_noticed(tmp_path: Path) -> None:
    cached(tmp_path, ragged(COUNT))
    path = only_file(tmp_path)
    content = path.read_bytes()
    place = HEAD.unpack(content[: HEAD.size])[3]
    draw = random.Random(0)
    for _ in range(300):
        where = draw.choice([draw.randrange(HEAD.size), draw.randrange(place, len(content))])
        path.write_bytes(patched(where, bytes([content[where] ^ 1 << draw.randrange(8)]))(content))
        with path.open("rb") as file, pytest.raises(Unusable):
            layout.read(file.fileno())


def planted(index: Index, data_bytes: int) -> bytes:
    """Return a file with this index, and right checksums, as a stranger may write it."""
    content = layout.encoded(index)
    known = (MAGIC, layout.VERSION, 0, START + data_bytes, len(content), len(index))
    return HEAD.pack(*known, layout._checksum(known, content)).ljust(START, b"\0") + bytes(data_bytes) + content


def honest(**changed: Any) -> Index:
    given: dict[str, Any] = {
        "digest": "0" * 64,
        "is_sequence": True,
        "shape": (2, 3),
        "labels": np.arange(2),
        "lengths": np.array([1, 2]),
        "rows": np.arange(2),
        "checksums": np.zeros(2, np.uint32),
    }
    return replace(Index(**given), **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"lengths": np.array([1, 2**40])},
        {"lengths": np.array([2**62, 2**62])},
        {"lengths": np.array([4, -1])},
        {"lengths": np.array([3, 0])},
        {"lengths": np.array([1, 1])},
        {"shape": (2**20, 2**20)},
        {"shape": (0, 3)},
        {"shape": (-2, -3)},
        {"shape": (2, 2**39)},
        {"shape": ()},
        {"shape": (1, 1, 1, 2, 3)},
        {"shape": (2.0, 3)},
        {"shape": ("2", 3)},
        {"is_sequence": False},
        {"rows": np.array([1, 0])},
        {"rows": np.array([-1, 0])},
        {"skipped": (layout.Skipped(-1, "x"),)},
        {"skipped": (layout.Skipped(2, 3),)},  # type: ignore[arg-type]
        {"digest": None},
        {"labels": np.array([], np.int64), "lengths": np.array([], np.int64), "rows": np.array([], np.int64)}
        | {"checksums": np.array([], np.uint32)},
    ],
    ids=str,
)
def test_numbers_that_do_not_fit_the_file_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "planted.frames"
    path.write_bytes(planted(honest(), 18))
    with path.open("rb") as file:
        assert len(layout.read(file.fileno())) == 2
    path.write_bytes(planted(honest(**changed), 18))
    with path.open("rb") as file, pytest.raises(Unusable):
        layout.read(file.fileno())


def test_holes_of_any_size_and_deep_nesting_need_no_memory(tmp_path: Path) -> None:
    holes = tmp_path / "holes"
    with holes.open("wb") as file:
        for length, count in ((2**40, 1), (2**43 - START, 2**38)):
            known = (MAGIC, layout.VERSION, 0, 2**43 - length, length, count)
            file.seek(0)
            file.write(HEAD.pack(*known, bytes(32)))
            file.truncate(2**43)
            file.flush()
            with holes.open("rb") as found, pytest.raises(Unusable):
                layout.read(found.fileno())
    text = b"[" * 200_000
    content = layout.TEXT.pack(len(text)) + text + bytes(layout.BYTES_PER_SAMPLE)
    known = (MAGIC, layout.VERSION, 0, START + 1, len(content), 1)
    path = tmp_path / "brackets"
    head = HEAD.pack(*known, layout._checksum(known, content)).ljust(START, b"\0")
    path.write_bytes(head + b"\0" + content)
    with path.open("rb") as file, pytest.raises(Unusable):
        layout.read(file.fileno())


def test_the_cache_of_other_data_under_this_name_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for part in ("train", "test"):
        cached(tmp_path, ragged(COUNT), part=part)
    one, other = sorted((tmp_path / ".snntrain-cache").iterdir())
    one.replace(other)
    with caplog.at_level(logging.WARNING, "snntrain"):
        cached(tmp_path, ragged(COUNT), part="train")
    assert "it belongs to other data; it is made anew" in caplog.text


def test_a_cache_that_lacks_recordings_is_made_anew_once_they_can_be_read(tmp_path: Path) -> None:
    recordings = ragged(COUNT)
    partly = [*recordings[:5], Bad(5), *recordings[6:]]
    assert len(cached(tmp_path, partly, skip=skip_bad)) == COUNT - 1
    assert len(cached(tmp_path, recordings)) == COUNT
    assert cached(tmp_path, recordings, skip=skip_bad).skipped == ()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "device"])
def test_something_else_in_the_place_of_the_file_is_replaced_or_reported(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    from snntrain.errors import UserError

    cached(tmp_path, ragged(COUNT))
    path = only_file(tmp_path)
    path.unlink()
    own = tmp_path / "own"
    own.write_text("of the user")
    if kind == "folder":
        path.mkdir()
        with pytest.raises(UserError, match=r"cannot be written into .*\(Is a directory\)"):
            cached(tmp_path, ragged(COUNT))
        assert files(tmp_path) == [path.name]
        return
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(own if kind == "link" else "/dev/zero")
    with caplog.at_level(logging.WARNING, "snntrain"):
        split = cached(tmp_path, ragged(COUNT))
    assert torch.equal(split[3], padded(ragged(COUNT))[3])
    assert "it is made anew" in caplog.text
    assert own.read_text() == "of the user"
    assert Folder(tmp_path / ".snntrain-cache").fault(path.name) is None
