"""The identity of a cache: a hash of the settings and of the source, which is a part of the file's name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snntrain.data.cache.layout import VERSION
from snntrain.errors import UserError
from snntrain.files.paths import shown

ENDING = ".frames"
# Letters of the hash in the name of the file.
LETTERS = 16
LONGEST_NAME = 80
# <name>-<part>-<hash>; neither name nor part has a hyphen.
PATTERN = re.compile(rf"([\w.]+)-([\w.]+)-([0-9a-f]{{{LETTERS}}})")


@dataclasses.dataclass(frozen=True)
class Identity:
    """The name and the hash of a cache.

    Args:
        name: the data set, as in the name of the file.
        part: its part, such as train.
        digest: hash of everything that decides the bytes, hexadecimal.
    """

    name: str
    part: str
    digest: str

    @property
    def stem(self) -> str:
        """The name of the file without its ending."""
        return f"{self.name}-{self.part}-{self.digest[:LETTERS]}"

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.stem + ENDING


def identify(
    name: str, part: str, key: Mapping[str, object], sources: Sequence[Path], root: Path, labels: Sequence[int]
) -> Identity:
    """Return the identity of a cache.

    It changes with each setting, with the version of the file's format, with name, size and time of each source, with
    their order, and with the labels. A data root that is moved or copied with its times keeps its caches.

    Args:
        name, part: the data set and its part.
        key: the settings.
        sources: the files that the recordings are read from; of a folder only the name counts.
        root: the data root; the names of files below it are taken relative to it.
        labels: the label of each recording.

    Raises:
        UserError: a source cannot be found.
    """
    digest = hashlib.sha256()
    settings = json.dumps([VERSION, name, part, key], sort_keys=True, default=_plain)
    digest.update(f"{settings}\n{len(sources)}\n".encode())
    above = f"{os.path.abspath(root)}{os.sep}"
    for source in sources:
        try:
            found = os.stat(source)
        except OSError as error:
            raise UserError(
                f"{shown(source)}: cannot be read ({error.strerror}); it is a source of {name}: put it there again"
            ) from error
        place = os.path.abspath(source).removeprefix(above)
        # The time of a folder changes when a cache is written into it.
        state = "folder" if stat.S_ISDIR(found.st_mode) else f"{found.st_size}\0{found.st_mtime_ns}"
        digest.update(os.fsencode(place) + f"\0{state}\n".encode())
    digest.update(json.dumps([int(label) for label in labels]).encode())
    return Identity(in_a_name(name), in_a_name(part), digest.hexdigest())


def in_a_name(text: str) -> str:
    """Return a text as it stands in the name of a file: letters, digits, dots and underscores."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", text)[:LONGEST_NAME] or "_"


def named(stem: str) -> tuple[str, str] | None:
    """Return the data set and the part that the name of a cache begins with; None if it is not the name of a cache."""
    found = PATTERN.match(stem)
    return (found[1], found[2]) if found else None


def _plain(value: Any) -> Any:
    """Return a setting as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # Numbers and arrays of NumPy and torch.
        return value.tolist()
    raise TypeError(f"a setting of a cache must be plain data, not {type(value).__name__}")
