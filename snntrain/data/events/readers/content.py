"""The bytes of a recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snntrain.data.events.checks import AGAIN
from snntrain.data.events.events import BadRecording
from snntrain.files import bounded

# The largest recordings of the known sets, of DVS128 Gesture, have some 60 MB. Events take up to four times the bytes
# of their file in memory.
MOST_BYTES = 2**30


def content(path: Path) -> bytes:
    """Return the bytes of a recording.

    Raises:
        BadRecording: the file cannot be read, or has more than `MOST_BYTES`.
    """
    with reported(path):
        return bounded.read(path, MOST_BYTES)


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Report a file that cannot be opened or read while the block runs.

    Raises:
        BadRecording: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise BadRecording(
            path, f"it cannot be read: {error.strerror or error}; {AGAIN}, or make it readable"
        ) from error
    except bounded.Refused as error:
        raise BadRecording(path, f"{error}; leave the file out") from error
