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

# All epochs are better than the ones before them, so that the best weights change, too.
GIVEN = (
    *(OURS, "loss._target_=tests.training.jobs.Interrupting", "trainer.epochs=4", "trainer.limit_batches=4"),
    *("trainer.ema=0.5", "optimizer.lr=0.02", "encoder=poisson"),
)

SECONDS = 60


class Disk:
    """What a run meets where it writes `last.pt`.

    Attributes:
        saved: each `last.pt`, as it was when it had its name.
        release: what is written waits for it after its first bytes.
        begun: whether something is being written.
        failure: what is raised then.
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
    """Releases the disk when all is trained; what summary.json says then."""
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
    """The checkpoints of a run that waits for each."""
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
