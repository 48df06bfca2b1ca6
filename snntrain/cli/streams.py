"""Standard input, output and error of a command, whatever the caller has made of them.

closed       as by >&- or under cron: reads and writes nothing, and nothing is wrong with that.
no reader    as in snntrain … | head -1: the command ends, with the status that it has by then.
full         as a disk, or broken otherwise: the command, which gives nothing but its output, ends with status 1.

Training, a sweep and resume do not end for it: train.log and the reports have all that they say. Nothing ends because
standard error cannot be written.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

from snntrain.errors import WRITTEN_OUT


class Output(io.TextIOWrapper):
    """A text stream that takes whatever is written, also after a write has failed.

    Args:
        number: of the file descriptor, which stays open.
        before: the stream that it takes the place of.
        dispensable: a write that fails raises nothing.
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
    """Remembers the first write that failed, and takes and forgets all that comes after it."""

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
    """Makes the streams of this process such that none of them can end it; to be called before a file is opened."""
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        _open_if_closed(number, flags)
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    sys.stdout = Output(1 if sys.stdout else _nowhere(), sys.stdout, dispensable=False)
    sys.stderr = Output(2 if sys.stderr else _nowhere(), sys.stderr, dispensable=True)


def output_is_dispensable() -> None:
    """The command does not end where its output cannot be written: it goes on in silence."""
    if isinstance(sys.stdout, Output):
        sys.stdout.descriptor.dispensable = True


def lost() -> OSError | None:
    """What was lost of an output that is all the command gives; None: nothing, or nobody wanted to read on."""
    failure = _failure()
    return None if failure is None or failure.errno == errno.EPIPE else failure


def is_of_output(error: BaseException) -> bool:
    """Whether an error is that of standard output, and no other file's or pipe's."""
    return error is _failure()


def flush() -> None:
    """Writes what was printed; `lost` knows what could not be."""
    try:
        sys.stdout.flush()
    except OSError as error:
        if not is_of_output(error):
            raise


def _failure() -> OSError | None:
    stream = sys.stdout
    return stream.descriptor.failure if isinstance(stream, Output) and not stream.descriptor.dispensable else None


def _open_if_closed(number: int, flags: int) -> None:
    """Else the next file that is opened would get the number, and what is printed would go into it."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _nowhere() -> int:
    """A descriptor for a stream that was closed when Python began: somebody else may have its number by now."""
    return os.open(os.devnull, os.O_WRONLY)
