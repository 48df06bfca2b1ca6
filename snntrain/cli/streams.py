"""Standard input, output and error of a command, in whatever state the caller leaves them.

closed       as by >&- or under cron: nothing is read or written, and that is not an error.
no reader    as in snntrain … | head -1: the command ends with the status that it has at that time.
full         as a full disk, or another error: a command that gives only its output ends with status 1.

Training, a sweep and resume continue: train.log and the reports have all of their output. A standard error that cannot
be written ends nothing.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

from snntrain.errors import WRITTEN_OUT


class Output(io.TextIOWrapper):
    """A text stream that accepts everything, even after a write has failed.

    Args:
        number: the file descriptor, which stays open.
        before: the stream that it replaces.
        dispensable: whether a write that fails raises nothing.
    """

    def __init__(self, number: int, before: TextIO | None, *, dispensable: bool) -> None:
        self.descriptor = _Descriptor(number, dispensable)
        encoding = before.encoding if before else "utf-8"
        # Unbuffered is what PYTHONUNBUFFERED asks for.
        lines = isinstance(before, io.TextIOWrapper) and (before.line_buffering or before.write_through)
        super().__init__(
            io.BufferedWriter(self.descriptor), encoding=encoding, errors=WRITTEN_OUT, line_buffering=lines
        )


class _Descriptor(io.FileIO):
    """Remembers the first write that failed, and drops all later ones."""

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
    """Replace the streams of this process, so that none of them can end it; call it before a file is opened."""
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        _open_if_closed(number, flags)
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    sys.stdout = Output(1 if sys.stdout else _nowhere(), sys.stdout, dispensable=False)
    sys.stderr = Output(2 if sys.stderr else _nowhere(), sys.stderr, dispensable=True)


def output_is_dispensable() -> None:
    """Let the command continue in silence if its output cannot be written."""
    if isinstance(sys.stdout, Output):
        sys.stdout.descriptor.dispensable = True


def lost() -> OSError | None:
    """Return the error that has lost output; None if there is none, the output is dispensable, or its reader left."""
    failure = _failure()
    return None if failure is None or failure.errno == errno.EPIPE else failure


def is_of_output(error: BaseException) -> bool:
    """Return whether an error is that of standard output, not of another file or pipe."""
    return error is _failure()


def flush() -> None:
    """Write what was printed; `lost` returns the error if that fails."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not is_of_output(error):
            raise


def _failure() -> OSError | None:
    stream = sys.stdout
    return stream.descriptor.failure if isinstance(stream, Output) and not stream.descriptor.dispensable else None


def _open_if_closed(number: int, flags: int) -> None:
    """Open a closed descriptor; else the next file would get its number, and printed text would go into that file."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _nowhere() -> int:
    """Return a descriptor for a stream that was closed when Python started; its number may be in use by now."""
    return os.open(os.devnull, os.O_WRONLY)
