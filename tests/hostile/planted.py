"""Things that a stranger may put in the place of a file, and a user's files outside, which must stay unchanged."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

# The files that a run writes in place or piece by piece, and those that it writes whole.
GROWING = ("metrics.jsonl", "train.log", "run.lock")
WHOLE = ("config.yaml", "summary.json", "environment.json", "test.json")
HYDRA = tuple(f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides"))
CHECKPOINTS = tuple(f"checkpoints/{name}.pt" for name in ("last", "previous", "best"))
TEMPORARY = tuple(f"{name}.tmp" for name in (*WHOLE, *CHECKPOINTS))
FOLDERS = ("checkpoints", "tensorboard", ".hydra")
EVENTS = "tensorboard/events.out.tfevents.1000000000.host.1.0"

LINKS = ("link to a file", "link to nothing", "link to a folder", "link to a device")
NO_FILES = ("pipe", "socket")
KINDS = (*LINKS, *NO_FILES, "hard link", "folder")
SECONDS = 60
MORE_BYTES = 2**31
# On Linux: the memory pages of this process.
STATM = Path("/proc/self/statm")


class Outside:
    """A user's files that links lead to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file, self.below, self.nothing = folder / "file", folder / "below", folder / "nothing"
        self.below.mkdir(parents=True)
        self.file.write_text('{"mine": true}\n')
        (self.below / "last.pt").write_text("mine")
        (self.below / "events.out.tfevents.0000000001.host.1.0").write_text("mine")
        (self.below / "index.html").write_text("mine")
        self.before = self.content()

    def content(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def untouched(self) -> bool:
        return self.content() == self.before


def plant(kind: str, path: Path, outside: Outside) -> None:
    """Replace whatever is at `path` by `kind`."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[], object]] = {
        "link to a file": lambda: path.symlink_to(outside.file),
        "link to nothing": lambda: path.symlink_to(outside.nothing),
        "link to a folder": lambda: path.symlink_to(outside.below),
        "link to a device": lambda: path.symlink_to("/dev/zero"),
        "hard link": lambda: os.link(outside.file, path),
        "pipe": lambda: os.mkfifo(path),
        "socket": lambda: _socket(path),
        "folder": path.mkdir,
    }
    makers[kind]()


def _socket(path: Path) -> None:
    # The name of a socket is limited to about a hundred letters.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class TooLong(BaseException):
    """A command waits without an end."""


@contextmanager
def soon() -> Iterator[None]:
    """Fail if the block takes minutes, for example if it waits for a pipe or takes memory without an end."""

    def over(number: int, frame: FrameType | None) -> None:
        raise TooLong

    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    try:
        if STATM.exists():
            used = int(STATM.read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MORE_BYTES, limits[1]))
        yield
    except (TooLong, MemoryError) as error:
        pytest.fail(f"it hangs, or takes all memory: {error!r}")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)
