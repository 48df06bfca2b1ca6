"""A file that must be refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bad:
    """A file that must be refused.

    Args:
        content: its bytes, or a function that makes it.
        reason: the message after the file name and the byte; … stands for any text of a library.
        byte: the byte that the message names; … is any.
        part: what the message names besides the file.
    """

    content: bytes | Callable[[Path], object]
    reason: str
    byte: int | str | None = None
    part: str = ""

    def make(self, path: Path) -> None:
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)

    def matches(self, path: Path, message: str) -> bool:
        """Return whether this is the message."""
        expected = f"{path}{self.part}{'' if self.byte is None else f', byte {self.byte}'}: {self.reason}"
        return bool(re.fullmatch(re.escape(expected).replace("…", ".*"), message))
