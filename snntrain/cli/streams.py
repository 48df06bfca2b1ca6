"""Standard input, output and error of a command, in whatever state the caller leaves them.

closed       as by >&- or under cron: nothing is read or written, and that is not an error.
no reader    as in snntrain … | head -1: the command ends with its current status.
full         as on a full disk, or another error: a command that only prints ends with status 1.

Training, a sweep and resume continue: train.log and the reports have all of their output. A standard error that cannot
be written does not end a command.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

from snntrain.errors import WRITTEN_OUT


class Output(io.TextIOWrapper):
    """A text stream that accepts writes even after one has failed.

    Args:
        number: the file descriptor, which stays open.
        before: the stream that is replaced.
        dispensable: whether a failed write raises no error.
    """

    def __init__(self, number: int, before: TextIO | None, *, dispensable: bool) -> None:
        self.descriptor = _Descriptor(number, dispensable)
        encoding = before.encoding if before else "utf-8"
        # The user asks for unbuffered streams with PYTHONUNBUFFERED.
        lines = isinstance(before, io.TextIOWrapper) and (before.line_buffering or before.write_through)
        super().__init__(
            io.BufferedWriter(self.descriptor), encoding=encoding, errors=WRITTEN_OUT, line_buffering=lines
        )


class _Descriptor(io.FileIO):
    """A descriptor that remembers the first failed write, and drops all later ones."""

    def __init__(self, number: int, dispensable: bool) -> None:
        super().__init__(number, "wb", closefd=False)
        self.dispensable = dispensable
        self.failure: OSError | None = None

    def write(self, content: Any) -> int | None:  # type: ignore[override]
        if self.failure is None:
            try:
                return super().write(content)
            except OSError as error:
                self.failure = error
                if not self.dispensable:
                    raise
        return memoryview(content).nbytes


def prepare() -> None:
    """Replace the streams of this process: none of them can end it then. Call this before a file is opened."""
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        _open_if_closed(number, flags)
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    sys.stdout = Output(1 if sys.stdout else _nowhere(), sys.stdout, dispensable=False)
    sys.stderr = Output(2 if sys.stderr else _nowhere(), sys.stderr, dispensable=True)


def output_is_dispensable() -> None:
    """Continue in silence if the output of this command cannot be written."""
    if isinstance(sys.stdout, Output):
        sys.stdout.descriptor.dispensable = True


def lost() -> OSError | None:
    """Return the error that lost output; None if all was written, the output is dispensable, or its reader left."""
    failure = _failure()
    return None if failure is None or failure.errno == errno.EPIPE else failure


def is_of_output(error: BaseException) -> bool:
    """Return whether an error belongs to standard output, not to another file or pipe."""
    return error is _failure()


def flush() -> None:
    """Write the buffered output; `lost` returns the error if that fails."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not is_of_output(error):
            raise


def _failure() -> OSError | None:
    stream = sys.stdout
    return stream.descriptor.failure if isinstance(stream, Output) and not stream.descriptor.dispensable else None


def _open_if_closed(number: int, flags: int) -> None:
    """Open a closed descriptor; otherwise the next file would get its number, and printed text would go into it."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _nowhere() -> int:
    """Return a descriptor for a stream that was closed when Python started; its number may be in use now."""
    return os.open(os.devnull, os.O_WRONLY)
