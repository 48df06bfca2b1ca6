"""Runs that are saved while they go on."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.errors import Interrupted, RunFailed
from snntrain.signals import State, Stopped, machine
from snntrain.training.saving import checkpoint
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.pack import Sink, pack
from snntrain.training.saving.saver import Saver, check_weights
from tests.messages.world import fake_training

from .jobs import OURS, Interrupting, rows, same, state, trained

ROOT = Path(__file__).resolve().parents[2]
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
            sink.go_on()
            assert time.monotonic() < end
        if self.failure is not None:
            raise self.failure


class Held:
    """A sink that goes on after its first bytes when the disk does."""

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


@pytest.fixture(autouse=True)
def _interrupted_by_nobody() -> Iterator[None]:
    yield
    Interrupting.calls, Interrupting.at, Interrupting.crash = 0, set(), 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.release.set()


@pytest.fixture
def before_the_end(monkeypatch: pytest.MonkeyPatch, disk: Disk) -> list[dict[str, Any]]:
    """Releases the disk when all is trained; what summary.json says then."""
    wait, told = Saver.wait, []

    def release(saver: Saver) -> None:
        told.append(json.loads((saver.run.path / "summary.json").read_text()))
        disk.release.set()
        wait(saver)

    monkeypatch.setattr(Saver, "wait", release)
    return told


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


def test_a_checkpoint_is_of_its_moment_though_training_goes_on_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk, before_the_end: list[dict[str, Any]]
) -> None:
    expected = one_after_the_other(tmp_path / "waits", monkeypatch, disk)
    assert [one["epoch"] for one in expected] == [1, 2, 3, 4]
    assert not torch.equal(*(one["progress"]["best"]["weights"]["fc1.weight"] for one in expected[::3]))
    trained(tmp_path / "goes_on", *GIVEN)
    assert [one["epoch"] for one in disk.saved] == [1, 4]
    assert same(disk.saved[0], expected[0], apart=("sizes",))
    assert same(disk.saved[1], expected[3], apart=("sizes",))
    assert same(state(tmp_path / "goes_on", "previous"), disk.saved[0])
    lines = (tmp_path / "goes_on" / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    assert [one["sizes"]["metrics"] for one in disk.saved] == [len(lines[0]), len(b"".join(lines))]
    (first,), (last,) = (one["sizes"]["events"] for one in disk.saved)
    (events,) = (tmp_path / "goes_on" / "tensorboard").iterdir()
    assert 0 < first < last < events.stat().st_size
    assert same(state(tmp_path / "goes_on", "best"), state(tmp_path / "waits", "best"))


def test_the_summary_knows_of_no_epoch_whose_checkpoint_is_not_there(
    tmp_path: Path, disk: Disk, before_the_end: list[dict[str, Any]]
) -> None:
    summary = trained(tmp_path, *GIVEN)
    assert (before_the_end[0]["epochs"], before_the_end[0]["val_accuracy"]) == (None, None)
    assert len(rows(tmp_path)) == summary["epochs"] == 4


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_checkpoint_that_cannot_be_written_ends_the_run_in_one_line(tmp_path: Path, disk: Disk, epochs: int) -> None:
    """With the last epoch, or before all are trained."""
    disk.failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    disk.release.set()
    with pytest.raises(RunFailed, match=r"cannot be written \(No space left on device\).*resume=") as error:
        trained(tmp_path, *GIVEN, f"trainer.epochs={epochs}")
    assert "\n" not in str(error.value)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["status"], summary["error"], summary["epochs"]) == ("failed", str(error.value), None)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]
    assert not writing_threads()


def test_a_failure_is_noticed_within_an_epoch(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    disk.release.set()
    due = Saver.due

    def once_it_is_told(saver: Saver) -> bool:
        while saver.training.progress.finished and saver.writer._failure is None:
            time.sleep(0.001)
        return due(saver)

    monkeypatch.setattr(Saver, "due", once_it_is_told)
    with pytest.raises(RunFailed, match="No space left on device"):
        trained(tmp_path, *GIVEN, "trainer.checkpoint_minutes=null")
    assert len(rows(tmp_path)) == 1


def test_what_waits_is_written_where_a_run_fails(tmp_path: Path, disk: Disk) -> None:
    Interrupting.calls, Interrupting.crash = 0, 17
    threading.Timer(0.5, disk.release.set).start()
    with pytest.raises(RuntimeError, match="crashed"):
        trained(tmp_path, *GIVEN)
    done = len(rows(tmp_path))
    assert done >= 2
    assert state(tmp_path)["epoch"] == json.loads((tmp_path / "summary.json").read_text())["epochs"] == done
    assert not writing_threads()


def test_the_failure_of_the_run_is_told_and_not_that_of_its_last_checkpoint(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    Interrupting.calls, Interrupting.crash = 0, 17
    disk.failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    threading.Timer(0.5, disk.release.set).start()
    with pytest.raises((RuntimeError, RunFailed), match=r"crashed|No space left"):
        trained(tmp_path, *GIVEN)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == "failed"
    if "crashed" in summary["error"]:
        assert any("the last checkpoint could not be written" in line for line in caplog.messages)
    assert not writing_threads()


def test_a_signal_while_a_checkpoint_is_written_waits_for_that_and_saves(tmp_path: Path, disk: Disk) -> None:
    trained_to = 11
    Interrupting.calls, Interrupting.at = 0, {trained_to}
    threading.Timer(0.5, disk.release.set).start()
    with pytest.raises(Stopped):
        trained(tmp_path, *GIVEN)
    saved = disk.saved[-1]
    assert saved["epoch"] >= 1
    assert (saved["epoch"], saved["batch"]) == (state(tmp_path)["epoch"], state(tmp_path)["batch"])
    assert saved["epoch"] == len(rows(tmp_path))
    assert not writing_threads()
    Interrupting.at = set()
    trained(tmp_path, *GIVEN)
    trained(tmp_path / "alone", *GIVEN)
    assert same(state(tmp_path), state(tmp_path / "alone"), apart=("sizes",))
    assert rows(tmp_path) == rows(tmp_path / "alone")


def test_a_second_signal_does_not_wait_for_a_checkpoint(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    Interrupting.calls, Interrupting.at = 0, {11, 12}
    save = Saver.save

    def until_it_is_written(saver: Saver) -> None:
        save(saver)
        assert disk.begun.wait(SECONDS)

    monkeypatch.setattr(Saver, "save", until_it_is_written)
    with pytest.raises(Interrupted) as ended:
        trained(tmp_path, *GIVEN, "trainer.accumulate=2")
    assert not isinstance(ended.value, Stopped)
    assert not disk.release.is_set()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "interrupted"
    assert not writing_threads()


def test_a_second_signal_ends_the_waiting_for_a_checkpoint(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "number", None)
    monkeypatch.setattr(machine, "state", State.STARTING)
    Interrupting.calls, Interrupting.at = 0, {11}
    main = threading.main_thread().ident
    assert main is not None

    def again() -> None:
        while Interrupting.calls < 11:
            time.sleep(0.01)
        time.sleep(0.5)
        signal.pthread_kill(main, signal.SIGUSR1)

    threading.Thread(target=again, daemon=True).start()
    with pytest.raises(Interrupted) as ended:
        trained(tmp_path, *GIVEN)
    assert not isinstance(ended.value, Stopped)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.pt"]
    assert not writing_threads()


def test_runs_one_after_another_leave_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    for name in ("one", "two"):
        assert trained(tmp_path / name, *GIVEN)["status"] == "completed"
        assert not writing_threads()
    assert threading.active_count() <= before
    assert same(state(tmp_path / "one"), state(tmp_path / "two"), apart=("sizes",))


KILLED = """
import os, signal, sys
from pathlib import Path
from snntrain.training.saving import checkpoint
from tests.training.jobs import trained
from tests.training.test_saver import GIVEN

count = 0
write = checkpoint.write

def half(file, state, go_on):
    global count
    count += 1
    if count == 3:
        file.write(b"half a checkpoint")
        file.flush()
        {end}
    write(file, state, go_on)

checkpoint.write = half
trained(Path(sys.argv[1]), *GIVEN)
"""


def test_a_run_that_is_killed_while_its_thread_writes_goes_on(tmp_path: Path) -> None:
    code = KILLED.format(end="os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hurt")], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    left = [path.name for path in (tmp_path / "hurt" / "checkpoints").glob("*.tmp")]
    assert left in (["last.pt.tmp"], ["best.pt.tmp"])
    for name in ("hurt", "alone"):
        trained(tmp_path / name, *GIVEN)
    assert same(state(tmp_path / "hurt"), state(tmp_path / "alone"), apart=("sizes",))
    assert same(state(tmp_path / "hurt", "best"), state(tmp_path / "alone", "best"))
    assert rows(tmp_path / "hurt") == rows(tmp_path / "alone")
    assert not list((tmp_path / "hurt" / "checkpoints").glob("*.tmp"))


LEFT = """
import sys, threading, time
from functools import partial
from pathlib import Path
import torch
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.writer import Writer
from snntrain.files.folder import Folder

writes = threading.Event()

def slowly():
    writes.set()
    time.sleep(0.001)

writer, folder = Writer(), Folder(Path(sys.argv[1]))
writer.write("last", partial(Checkpoints(folder).save, {"model": {"w": torch.ones(3)}}))
writer.wait()
endless = {"model": {str(number): torch.zeros(1000) for number in range(2000)}}
writer.write("last", partial(Checkpoints(folder, slowly).save, endless))
print(writes.wait(60))
"""


def test_a_program_that_ends_while_the_thread_writes_leaves_what_was_whole(tmp_path: Path) -> None:
    """Nobody has closed the writer."""
    given = [sys.executable, "-c", LEFT, str(tmp_path)]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, check=False, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"True\n"
    assert (tmp_path / "last.pt.tmp").exists()
    assert torch.equal(checkpoint.load(tmp_path / "last.pt")["model"]["w"], torch.ones(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_one_weight_that_is_not_finite_is_found(bad: float, dtype: torch.dtype) -> None:
    training = fake_training()
    empty = torch.nn.ParameterList([torch.empty(0)])
    model = torch.nn.ModuleList([torch.nn.Linear(300, 40), empty]).to(dtype)
    training.job.model = model
    check_weights(training)
    with torch.no_grad():
        model[0].weight[17, 123] = bad
    with pytest.raises(RunFailed, match="no longer finite"):
        check_weights(training)


def test_great_weights_are_finite() -> None:
    check_weights(fake_training(weight=torch.finfo(torch.float32).max))
