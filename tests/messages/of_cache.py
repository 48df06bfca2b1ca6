"""Messages of converted recordings and their caches."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from snntrain.data.cache import clear, convert
from snntrain.data.cache.layout import Unusable
from tests.data.cache.recordings import Bad, Noise, cached, ragged, skip_bad

from .world import Case, World


class Full(Noise):
    """A recording that is read from a disk that is full for everybody else."""

    def read(self) -> NDArray[np.uint8]:
        return np.zeros((1, 1, 2**10, 2**10), np.uint8)


def _root(world: World) -> Path:
    return world.folder / "recordings"


def _source(world: World) -> None:
    cached(_root(world), ragged(2), sources=[world.folder / "no events.bin"])


def _nowhere(world: World) -> None:
    with world.patch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(world.broken / "file"))
        patch.setattr("tempfile.gettempdir", lambda: str(world.broken / "file"))
        cached(world.broken / "file", ragged(2))


def _full_disk(world: World) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with world.patch.context() as patch:
        patch.setattr(os, "fsync", full)
        cached(_root(world), ragged(2))


def _small_disk(world: World) -> None:
    usage = SimpleNamespace(total=2**20, used=0, free=0)
    with world.patch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: usage)
        cached(_root(world), [Full(seed) for seed in range(2000)])


def _unreadable(world: World) -> None:
    def unusable(*given: object, **more: object) -> None:
        raise Unusable("its index is damaged")

    with world.patch.context() as patch:
        patch.setattr(convert, "_opened", unusable)
        cached(_root(world), ragged(2))


def _lost(world: World) -> None:
    split = cached(_root(world), ragged(2), part="lost")
    os.truncate(split.path, 10)
    split.stack([0])


def _not_deleted(world: World) -> None:
    def refused(name: str, **more: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    cached(_root(world), ragged(2))
    with world.patch.context() as patch:
        patch.setattr(os, "unlink", refused)
        clear(_root(world))


CASES: dict[str, Case] = {
    "no recording": (
        lambda world: cached(_root(world), []),
        ("noise train", "there is no recording in", "put some there"),
    ),
    "a source that is missing": (_source, ("no events.bin", "cannot be read", "put it there again")),
    "no place for a cache": (_nowhere, ("broken/file", "cannot be kept there (it is a file)", "make one of them")),
    "a cache on a full disk": (_full_disk, ("noise train", "No space left on device", "make room there")),
    "a cache on a small disk": (_small_disk, ("noise train", "need 2.1 GB or more", "make room there")),
    "no recording that can be used": (
        lambda world: cached(_root(world), [Bad(0), Bad(1)], skip=skip_bad),
        ("noise train", "no recording can be used", "the first of 2: 0.bin, byte 7"),
    ),
    "recordings of two sizes": (
        lambda world: cached(_root(world), [Noise(0), Noise(1, (3, 2, 4, 6))]),
        ("noise train", "recording 1 of 2 does not fit the others", "all need the same"),
    ),
    "a cache that cannot be read again": (
        _unreadable,
        (".frames", "cannot be read again (its index is damaged)", "check the disk"),
    ),
    "a cache that was cut": (_lost, (".frames", "sample 0 is damaged", "delete the file, and give the command again")),
    "a cache that cannot be deleted": (
        _not_deleted,
        (".frames", "cannot be deleted (Operation not permitted)", "delete it as the user who has made it"),
    ),
}
