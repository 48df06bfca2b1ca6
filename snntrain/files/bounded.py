"""Reading files that may come from strangers: only regular files, opened once, up to a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, cast

# Bytes per read from a file that grows, or that reports no size, such as those below /proc.
AT_A_TIME = 2**20
# The limit of a text in bytes. A configuration has 2 kB, the metrics of a thousand epochs have 0.5 MB.
MOST_TEXT = 64 * 2**20


class Refused(ValueError):
    """A file that must not be read; the message says why."""


def open_regular(file: Path, most: int | None = None) -> BinaryIO:
    """Open a file for reading. The opened file stays the same even if another one takes its name.

    Args:
        file: the file, or a link to it.
        most: the largest size in bytes; None for no limit.

    Raises:
        OSError: it cannot be opened, or is a folder.
        Refused: it is larger, or is a device or a pipe, for which reading may never start or never end.
    """
    opened = cast(BinaryIO, open(file, "rb", opener=_at_once))  # noqa: SIM115
    try:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Refused("it is not a regular file")
        if most is not None and found.st_size > most:
            raise _too_long(most)
    except BaseException:
        opened.close()
        raise
    return opened


def read(file: Path, most: int) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError, Refused: as `open_regular`; also if it grows beyond `most` while it is read.
    """
    with open_regular(file, most) as opened:
        parts = [opened.read(os.fstat(opened.fileno()).st_size)]
        length = len(parts[0])
        while part := opened.read(AT_A_TIME):
            parts.append(part)
            length += len(part)
            if length > most:
                raise _too_long(most)
    return b"".join(parts)


def text(file: Path, most: int = MOST_TEXT, errors: str = "strict") -> str:
    """Return the UTF-8 text of a file.

    Raises:
        OSError, Refused: as `read`.
        UnicodeDecodeError: it is not UTF-8, and `errors` does not handle that.
    """
    return read(file, most).decode("utf-8", errors)


def memory() -> int:
    """Return the bytes of memory in this machine: larger files cannot be loaded."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _too_long(most: int) -> Refused:
    return Refused(f"it has more than {most / 1e6:,.0f} MB")


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a pipe, and without making a terminal the controlling one."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
