"""The header of AEDAT files of the versions 2.0 and 3.1: lines that begin with #."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from snntrain.data.events.checks import AGAIN
from snntrain.data.events.events import BadRecording

# jAER may write all preferences of the sensor into it.
MOST_BYTES = 2**22
VERSION = re.compile(rb"#!AER-DAT(\d{1,3}\.\d{1,3})")
END = b"#!END-HEADER"


@dataclass(frozen=True)
class Header:
    """The header of a file.

    Args:
        version: as in "2.0".
        lines: its lines, without their ends.
        size: its bytes; the data begin after them.
    """

    version: str
    lines: tuple[bytes, ...]
    size: int


def header_of(path: Path, content: bytes) -> Header:
    """Return the header of the file `path`, which begins with `content`.

    It ends after the line #!END-HEADER, or before the first line that does not begin with #. An address of a DVS128
    does not begin with #: its first byte is 0.

    Raises:
        BadRecording: the file is not an AEDAT file, or the header is too long.
    """
    lines: list[bytes] = []
    start = 0
    while content[start : start + 1] == b"#" and (not lines or lines[-1] != END):
        end = content.find(b"\n", start, MOST_BYTES)
        if end < 0:
            raise BadRecording(path, f"its header does not end within {MOST_BYTES:,} bytes; {AGAIN}", start)
        lines.append(content[start:end].rstrip(b"\r"))
        start = end + 1
    versions = [found[1].decode() for line in lines if (found := VERSION.match(line))]
    if not versions:
        begins = content[:8].hex(" ") or "nothing"
        raise BadRecording(
            path, f"it is not an AEDAT file: it begins with {begins}, not with the line #!AER-DAT; name its format", 0
        )
    return Header(versions[0], tuple(lines), start)
