"""The file of a checkpoint: known to be whole when it is read, and read without running any code of it.

It is what torch.save writes, and torch.load reads it. The archive's comment holds the SHA-256 of all the rest.
"""

import hashlib
import os
import struct
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import nn

from snntrain.errors import UserError

FORMAT = 2
# The archive ends with the length of its comment, two bytes, and the comment; torch writes none.
NO_COMMENT = struct.pack("<H", 0)
MARK = b"sha256:"
COMMENT = len(MARK) + 2 * hashlib.sha256().digest_size


def write(file: IO[bytes], state: dict[str, Any]) -> None:
    """Writes `state` into a new file.

    Raises:
        OSError: it cannot be written.
    """
    hashing = _Hashing(file)
    hashing.save({"format": FORMAT, **state})
    comment = MARK + hashing.digest.hexdigest().encode()
    file.seek(-len(NO_COMMENT), os.SEEK_END)
    file.write(struct.pack("<H", len(comment)) + comment)


def load(path: Path) -> dict[str, Any]:
    """The state that was saved, its tensors on the CPU.

    Raises:
        UserError: there is no such file, it is damaged, or it is no checkpoint of this program.
    """
    try:
        whole = _is_whole(path)
        state = torch.load(path, map_location="cpu", weights_only=True) if whole else None
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such checkpoint") from None
    except Exception as error:  # Bytes that are no pickle may raise anything.
        raise _damaged(path) from error
    if not whole:
        raise _damaged(path)
    if not isinstance(state, dict) or state.get("format") != FORMAT or "model" not in state:
        raise UserError(f"{path}: not a checkpoint that this version of snntrain can read (format {FORMAT})")
    return state


def restore(net: nn.Module, path: Path) -> dict[str, Any]:
    """Puts the checkpoint's evaluated weights into `net`, and returns the rest of it.

    Raises:
        UserError: what `load` raises, or weights that do not fit the network.
    """
    state = load(path)
    try:
        net.load_state_dict(state["model"])
    except (RuntimeError, TypeError, AttributeError) as error:
        detail = " ".join(str(error).split("\n", 1)[-1].split())
        raise UserError(
            f"{path}: its weights do not fit this network; was an override given? ({detail:.200})"
        ) from error
    return state


class _Hashing:
    """What torch.save writes to a file, and the digest of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()
        self.failure: OSError | None = None

    def save(self, state: dict[str, Any]) -> None:
        try:
            torch.save(state, cast(IO[bytes], self))
        except RuntimeError:
            # torch says no more than that it could not write.
            if self.failure is not None:
                raise self.failure from None
            raise

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        try:
            return self.file.write(content)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        self.file.flush()


def _is_whole(path: Path) -> bool:
    """Whether the file ends with the digest of what stands before it."""
    if path.exists() and not path.is_file():  # A pipe would be waited for.
        return False
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END) - COMMENT - len(NO_COMMENT)
        if end < 0:
            return False
        file.seek(0)
        digest = hashlib.sha256()
        while chunk := file.read(min(end - file.tell(), 2**20)):
            digest.update(chunk)
        digest.update(NO_COMMENT)
        return file.read() == struct.pack("<H", COMMENT) + MARK + digest.hexdigest().encode()


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path}: damaged, or no checkpoint of snntrain: its checksum does not fit; try the run's other one"
    )
