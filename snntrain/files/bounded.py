"""Files that may come from a stranger: regular ones alone, opened once, and no more than can be held."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, cast

# Bytes that are read of a file that grows, or does not say how many it has, as those of /proc.
AT_A_TIME = 2**20


class Refused(ValueError):
    """A file that is not read, and why."""


def open_regular(file: Path, most: int | None = None) -> BinaryIO:
    """Open a file to read its bytes; what is read by it is of this one file, whatever takes its place.

    Args:
        file: may be a link to one.
        most: how many bytes it may have; None for as many as it has.

    Raises:
        OSError: it cannot be opened, or is a folder.
        Refused: it has more bytes, or is a device or a pipe: these have no end, or never begin.
    """
    opened = cast(BinaryIO, open(file, "rb", opener=_at_once))  # noqa: SIM115
    try:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Refused("it is no regular file")
        if most is not None and found.st_size > most:
            raise _too_long(most)
    except BaseException:
        opened.close()
        raise
    return opened


def read(file: Path, most: int) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError, Refused: as `open_regular`; also where it grows beyond `most` while it is read.
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


def text(file: Path, most: int, errors: str = "strict") -> str:
    """Return the UTF-8 text of a file.

    Raises:
        OSError, Refused: as `read`.
        UnicodeDecodeError: it is no UTF-8, unless `errors` says what to put in place of what is none.
    """
    return read(file, most).decode("utf-8", errors)


def memory() -> int:
    """How many bytes this machine's memory has: a file of more cannot be held."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _too_long(most: int) -> Refused:
    return Refused(f"it has more than {most / 1e6:,.0f} MB")


def _at_once(path: str, flags: int) -> int:
    """Opens a pipe that nobody writes to as well, without waiting for somebody; of a terminal it does not take hold."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
