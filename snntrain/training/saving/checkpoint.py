"""The file of a checkpoint: its checksum and its content are checked before it is loaded.

torch.load reads it like a file of torch.save. The comment of the archive holds the SHA-256 of everything else.
"""

import hashlib
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch
from torch import nn

from snntrain.errors import UserError, first_line
from snntrain.files import bounded
from snntrain.training.job.out_of_memory import is_out_of_memory
from snntrain.training.saving import archive
from snntrain.training.saving.pack import pack

FORMAT = 2
# The archive ends with the length of its comment (two bytes) and the comment; torch writes an empty comment.
NO_COMMENT = struct.pack("<H", 0)
MARK = b"sha256:"
COMMENT = len(MARK) + 2 * hashlib.sha256().digest_size


def write(file: IO[bytes], state: dict[str, Any], check: Callable[[], None] = lambda: None) -> None:
    """Write a state into a new file.

    Args:
        file: the new file.
        state: plain values and tensors.
        check: called between parts; if it raises, the writing ends.

    Raises:
        OSError: it cannot be written.
    """
    hashing = _Hashing(file, check)
    pack(hashing, {"format": FORMAT, **state})
    comment = MARK + hashing.digest.hexdigest().encode()
    file.seek(-len(NO_COMMENT), os.SEEK_END)
    file.write(struct.pack("<H", len(comment)) + comment)


def as_bytes(state: dict[str, Any]) -> bytes:
    """Return a state as the content of a file."""
    file = io.BytesIO()
    write(file, state)
    return file.getvalue()


def from_bytes(content: bytes) -> dict[str, Any]:
    """Return the state in the result of `as_bytes`, its tensors on the CPU."""
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def load(path: Path) -> dict[str, Any]:
    """Return the saved state, its tensors on the CPU.

    The file is read once: the bytes that are checked are the bytes that are loaded.

    Raises:
        UserError: no such file, a damaged one, or not a checkpoint of this program.
    """
    return parse(path, read(path))


def read(path: Path) -> bytes:
    """Return the content of a checkpoint; empty bytes for a file that does not end as one does.

    Raises:
        UserError: no such file, or it cannot be read.
    """
    try:
        with bounded.open_regular(path, bounded.memory()) as file:
            # A sparse file can have any length: read the file only if it ends as ours do.
            return file.read() if _is_sealed(file) else b""
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such checkpoint") from None
    except (OSError, bounded.Refused) as error:
        raise _damaged(path, first_line(error)) from error


def parse(path: Path, content: bytes) -> dict[str, Any]:
    """Return the state in the content of a checkpoint, its tensors on the CPU.

    Raises:
        UserError: as `load`.
    """
    if not _is_whole(content):
        raise _damaged(path, "its checksum does not fit")
    try:
        archive.check(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # Damaged bytes may raise anything.
        if is_out_of_memory(error):
            raise
        raise _damaged(path, f"it has {first_line(error)}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or "model" not in state:
        raise UserError(f"{path}: not a checkpoint that this version of snntrain can read (format {FORMAT})")
    return state


def restore(net: nn.Module, path: Path, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Load the evaluated weights of a checkpoint into `net`, and return its whole state.

    Args:
        net: the network.
        path: path of the checkpoint.
        state: the result of `load`; None to load it now.

    Raises:
        UserError: as `load`, or the weights do not fit the network.
    """
    state = load(path) if state is None else state
    try:
        net.load_state_dict(state["model"])
    except (RuntimeError, TypeError, AttributeError) as error:
        detail = " ".join(str(error).split("\n", 1)[-1].split())
        raise UserError(
            f"{path}: its weights do not fit this network; was an override given? ({detail:.200})"
        ) from error
    return state


class _Hashing:
    """A file wrapper that passes bytes on, and computes their `digest`."""

    def __init__(self, file: IO[bytes], check: Callable[[], None]) -> None:
        self.file, self.check = file, check
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        self.check()
        self.digest.update(content)
        self.size += len(content)
        return self.file.write(content)

    def flush(self) -> None:
        self.file.flush()


def _is_sealed(file: IO[bytes]) -> bool:
    """Return whether a file ends with a comment as ours do; its position is 0 afterwards."""
    begun = file.seek(0, os.SEEK_END) - COMMENT
    sealed = begun > 0 and file.seek(begun) == begun and file.read(len(MARK)) == MARK
    file.seek(0)
    return sealed


def _is_whole(content: bytes) -> bool:
    """Return whether a file ends with the digest of the bytes before it."""
    begun = len(content) - COMMENT - len(NO_COMMENT)
    if begun < 0:
        return False
    digest = hashlib.sha256(memoryview(content)[:begun])
    digest.update(NO_COMMENT)
    return content[begun:] == struct.pack("<H", COMMENT) + MARK + digest.hexdigest().encode()


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path}: damaged, or no checkpoint of snntrain: {why}; try the run's other one")
