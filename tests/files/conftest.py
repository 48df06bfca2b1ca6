"""A folder with two files, a user's files elsewhere, and an almost full disk."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from snntrain.files.folder import Folder
from tests.files.contents import OLD
from tests.hostile.planted import Outside


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with two files."""
    (tmp_path / "folder").mkdir()
    for name, content in OLD.items():
        (tmp_path / "folder" / name).write_bytes(content)
    return Folder(tmp_path / "folder")


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """Files of the user outside the folder."""
    return Outside(tmp_path / "outside")


@pytest.fixture
def little_room() -> Iterator[None]:
    """Limit every file to 10 kB."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, ignored)
