"""The file of a checkpoint: written whole or not at all, known to be whole when it is read, and looked through before.

It is what torch.save writes, and torch.load reads it. The archive's comment holds the SHA-256 of all the rest.
"""

import hashlib
import io
import os
import struct
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import nn

from snntrain import bounded
from snntrain.config.explain import first_line
from snntrain.errors import UserError
from snntrain.training.memory import is_out_of_memory
from snntrain.training.saving import archive
from snntrain.whole_file import beside, put_in_place

FORMAT = 2
# The archive ends with the length of its comment, two bytes, and the comment; torch writes none.
NO_COMMENT = struct.pack("<H", 0)
MARK = b"sha256:"
COMMENT = len(MARK) + 2 * hashlib.sha256().digest_size


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes `state` into the file `path`, whole or not at all.

    Raises:
        OSError: it cannot be written; what was there is unchanged.
    """
    write_beside(path, state)
    put_in_place(path)


def write_beside(path: Path, state: dict[str, Any]) -> None:
    """Writes what `put_in_place` makes the file `path`, and waits until it is on the disk."""
    with beside(path) as file:
        hashing = _Hashing(file)
        hashing.save({"format": FORMAT, **state})
        comment = MARK + hashing.digest.hexdigest().encode()
        file.seek(-len(NO_COMMENT), os.SEEK_END)
        file.write(struct.pack("<H", len(comment)) + comment)


def load(path: Path) -> dict[str, Any]:
    """Return the state that was saved, its tensors on the CPU.

    The file is read once: what was found good is what is loaded.

    Raises:
        UserError: there is no such file, it is damaged, or it is no checkpoint of this program.
    """
    try:
        content = bounded.read(path, bounded.memory())
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such checkpoint") from None
    except (OSError, bounded.Refused) as error:
        raise _damaged(path, first_line(error)) from error
    if not _is_whole(content):
        raise _damaged(path, "its checksum does not fit")
    try:
        archive.check(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # Bytes that are no pickle may raise anything.
        if is_out_of_memory(error):
            raise
        raise _damaged(path, f"it has {first_line(error)}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or "model" not in state:
        raise UserError(f"{path}: not a checkpoint that this version of snntrain can read (format {FORMAT})")
    return state


def restore(net: nn.Module, path: Path, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Put the checkpoint's evaluated weights into `net`, and return the rest of it.

    Args:
        net: the network.
        path: of the checkpoint.
        state: what `load` has returned of it; None to load it now.

    Raises:
        UserError: what `load` raises, or weights that do not fit the network.
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


def _is_whole(content: bytes) -> bool:
    """Whether a file ends with the digest of what stands before it."""
    begun = len(content) - COMMENT - len(NO_COMMENT)
    if begun < 0:
        return False
    digest = hashlib.sha256(memoryview(content)[:begun])
    digest.update(NO_COMMENT)
    return content[begun:] == struct.pack("<H", COMMENT) + MARK + digest.hexdigest().encode()


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path}: damaged, or no checkpoint of snntrain: {why}; try the run's other one")
