"""An archive of a data set: its name, its addresses and its checksum."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from snntrain.files.bounded import open_regular

# The largest archive, of DVS128 Gesture, has 3 GB.
MOST_BYTES = 2**34
AT_A_TIME = 2**20


class Unusable(Exception):
    """An archive cannot be downloaded, or must not be unpacked; the message says why."""


@dataclass(frozen=True)
class Archive:
    """An archive that holds one file or folder of a data set.

    Args:
        name: its name, as its publisher gives it.
        holds: the file or folder in it that belongs to the data set.
        md5: the published checksum, in hexadecimal digits.
        urls: addresses that serve it, tried in turn; empty if it must be fetched by hand.
    """

    name: str
    holds: str
    md5: str
    urls: tuple[str, ...] = ()

    def check(self, path: Path) -> None:
        """Check that a file is this archive.

        Raises:
            Unusable: its checksum is another one.
            OSError: it cannot be read.
        """
        digest = hashlib.md5(usedforsecurity=False)
        with open_regular(path, MOST_BYTES) as file, bar(f"checking {self.name}", path.stat().st_size) as progress:
            while part := file.read(AT_A_TIME):
                digest.update(part)
                progress.update(len(part))
        self.compare(digest.hexdigest())

    def compare(self, found: str) -> None:
        """Check a checksum.

        Raises:
            Unusable: it is another one.
        """
        if found != self.md5:
            raise Unusable(f"the MD5 checksum of {self.name} is {found}, not {self.md5}")


def bar(title: str, total: int | None) -> tqdm[Any]:
    """Return a progress bar in bytes, which is shown on a terminal only."""
    return tqdm(
        desc=title,
        total=total,
        unit="B",
        unit_scale=True,
        leave=False,
        file=sys.stdout,
        disable=not sys.stdout.isatty(),
        dynamic_ncols=True,
    )
