"""A disk that a test holds, so that a checkpoint is written while training continues."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snntrain.training.saving import checkpoint
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.pack import Sink, pack
from snntrain.training.saving.saver import Saver

from .jobs import OURS, trained

# Each epoch is better than the one before, so that the best weights change, too.
GIVEN = (
    *(OURS, "loss._target_=tests.training.jobs.Interrupting", "trainer.epochs=4", "trainer.limit_batches=4"),
    *("trainer.ema=0.5", "optimizer.lr=0.02", "encoder=poisson"),
)

SECONDS = 60


class Disk:
    """A stand-in for the disk to which a run writes `last.pt`.

    Attributes:
        saved: each `last.pt`, as it was when it got its name.
        release: each write waits for it after its first bytes.
        begun: set while a checkpoint is being written.
        failure: the error that a write then raises.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.saved: list[dict[str, Any]] = []
        self.release, self.begun = threading.Event(), threading.Event()
        self.failure: OSError | None = None
        save = Checkpoints.save

        def watched(checkpoints: Checkpoints, content: dict[str, Any]) -> None:
            save(checkpoints, content)
            loaded = checkpoint.load(checkpoints.folder.path / "last.pt")
            loaded["progress"].pop("clock")
            self.saved.append(loaded)

        patch.setattr(Checkpoints, "save", watched)
        patch.setattr(checkpoint, "pack", self.pack)

    def pack(self, sink: Sink, content: dict[str, Any]) -> None:
        if "trained" not in content:
            pack(sink, content)
            return
        pack(Held(sink, self), content)

    def hold(self, sink: Any) -> None:
        self.begun.set()
        end = time.monotonic() + SECONDS
        while not self.release.wait(0.002):
            sink.check()
            assert time.monotonic() < end
        if self.failure is not None:
            raise self.failure


class Held:
    """A sink that waits for the disk after its first bytes."""

    def __init__(self, sink: Sink, disk: Disk) -> None:
        self.sink, self.disk = sink, disk

    @property
    def size(self) -> int:
        return self.sink.size

    def write(self, content: Any) -> int:
        written = self.sink.write(content)
        self.disk.hold(self.sink)
        return written

    def flush(self) -> None:
        self.sink.flush()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.release.set()


@pytest.fixture
def before_the_end(monkeypatch: pytest.MonkeyPatch, disk: Disk) -> list[dict[str, Any]]:
    """Release the disk when all epochs are trained; return the contents of summary.json at that moment."""
    wait, summaries = Saver.wait, []

    def release(saver: Saver) -> None:
        summaries.append(json.loads((saver.run.path / "summary.json").read_text()))
        disk.release.set()
        wait(saver)

    monkeypatch.setattr(Saver, "wait", release)
    return summaries


def writing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "snntrain-writer"]


def one_after_the_other(folder: Path, patch: pytest.MonkeyPatch, disk: Disk) -> list[dict[str, Any]]:
    """Return the checkpoints of a run that waits for each."""
    save = Saver.save

    def each(saver: Saver) -> None:
        save(saver)
        saver.wait()

    with patch.context() as patched:
        patched.setattr(Saver, "save", each)
        trained(folder, *GIVEN)
    saved = disk.saved.copy()
    disk.saved.clear()
    disk.release.clear()
    return saved
