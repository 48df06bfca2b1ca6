"""An event file of TensorBoard, written by a thread during training."""

from __future__ import annotations

import itertools
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from snntrain.files.folder import Folder
from snntrain.runs.layout import EVENTS_PREFIX

# The first event of each file.
VERSION = "brain.Event:2"


class EventWriter:
    """A writer of events into a new file of a folder, which is made if missing.

    TensorBoard's own writer opens its file by the path again and again, and would follow a link placed there. This
    writer keeps its file open.

    Args:
        folder: the folder of the event files.
        purged: TensorBoard drops the events of earlier files from this step on; None to drop nothing.

    Raises:
        OSError: the file cannot be made. From `add`, `flush` and `close`: an earlier event could not be written, and
            later events are not written.
    """

    def __init__(self, folder: Folder, purged: int | None = None) -> None:
        folder.make()
        self._file, self.name = _new_file(folder)
        self._records = RecordWriter(self._file)
        # One thread only, so that events are written in order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._failure: Exception | None = None
        self._submit(Event(file_version=VERSION))
        if purged is not None:
            self._submit(Event(file_version=VERSION, step=purged))
            self._submit(Event(step=purged, session_log=SessionLog(status=SessionLog.START)))

    def add(self, summary: Summary, step: int | None = None) -> None:
        """Queue a summary of `step` for writing."""
        self._raise()
        self._submit(Event(summary=summary, step=step))

    def flush(self) -> None:
        """Wait until all queued events are in the file."""
        # The queue runs this call after all earlier ones.
        self._thread.submit(int).result()
        self._raise()

    def close(self) -> None:
        """Wait as `flush` does, and close the file."""
        self._thread.shutdown()
        self._file.close()
        self._raise()

    def _submit(self, event: Event) -> None:
        event.wall_time = time.time()
        self._thread.submit(self._write, event.SerializeToString())

    def _write(self, record: bytes) -> None:
        # Nothing can be read after an incomplete record.
        if self._failure is None:
            try:
                self._records.write(record)
                self._records.flush()
            except Exception as error:
                self._failure = error

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure


def _new_file(folder: Folder) -> tuple[IO[bytes], str]:
    for number in itertools.count():
        name = f"{EVENTS_PREFIX}{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{number}"
        try:
            return folder.create(name), name
        except FileExistsError:
            continue
    raise AssertionError("numbers have no end")
