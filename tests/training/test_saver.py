"""Runs that are saved while they train."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.errors import RunFailed
from snntrain.training.saving.saver import Saver

from .jobs import Interrupting, _interrupted_by_nobody, rows, same, state, trained
from .slow_disk import (
    GIVEN,
    Disk,
    before_the_end,
    disk,
    one_after_the_other,
    writing_threads,
)

__all__ = ["_interrupted_by_nobody", "before_the_end", "disk"]


def test_a_checkpoint_holds_its_moment_even_if_training_continues_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk, before_the_end: list[dict[str, Any]]
) -> None:
    expected = one_after_the_other(tmp_path / "waits", monkeypatch, disk)
    assert [one["epoch"] for one in expected] == [1, 2, 3, 4]
    assert not torch.equal(*(one["progress"]["best"]["weights"]["fc1.weight"] for one in expected[::3]))
    trained(tmp_path / "continues", *GIVEN)
    assert [one["epoch"] for one in disk.saved] == [1, 4]
    assert same(disk.saved[0], expected[0], apart=("sizes",))
    assert same(disk.saved[1], expected[3], apart=("sizes",))
    assert same(state(tmp_path / "continues", "previous"), disk.saved[0])
    lines = (tmp_path / "continues" / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    assert [one["sizes"]["metrics"] for one in disk.saved] == [len(lines[0]), len(b"".join(lines))]
    (first,), (last,) = (one["sizes"]["events"] for one in disk.saved)
    (events,) = (tmp_path / "continues" / "tensorboard").iterdir()
    assert 0 < first < last < events.stat().st_size
    assert same(state(tmp_path / "continues", "best"), state(tmp_path / "waits", "best"))


def test_the_summary_lists_no_epoch_without_its_checkpoint(
    tmp_path: Path, disk: Disk, before_the_end: list[dict[str, Any]]
) -> None:
    summary = trained(tmp_path, *GIVEN)
    assert (before_the_end[0]["epochs"], before_the_end[0]["val_accuracy"]) == (None, None)
    assert len(rows(tmp_path)) == summary["epochs"] == 4


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_checkpoint_that_cannot_be_written_ends_the_run_in_one_line(tmp_path: Path, disk: Disk, epochs: int) -> None:
    """The checkpoint is that of the last epoch, or an earlier one."""
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

    def once_it_is_reported(saver: Saver) -> bool:
        while saver.training.progress.finished and saver.writer._failure is None:
            time.sleep(0.001)
        return due(saver)

    monkeypatch.setattr(Saver, "due", once_it_is_reported)
    with pytest.raises(RunFailed, match="No space left on device"):
        trained(tmp_path, *GIVEN, "trainer.checkpoint_minutes=null")
    assert len(rows(tmp_path)) == 1


def test_waiting_checkpoints_are_written_when_a_run_fails(tmp_path: Path, disk: Disk) -> None:
    Interrupting.calls, Interrupting.crash = 0, 17
    threading.Timer(0.5, disk.release.set).start()
    with pytest.raises(RuntimeError, match="crashed"):
        trained(tmp_path, *GIVEN)
    done = len(rows(tmp_path))
    assert done >= 2
    assert state(tmp_path)["epoch"] == json.loads((tmp_path / "summary.json").read_text())["epochs"] == done
    assert not writing_threads()


def test_a_run_reports_its_own_failure_not_that_of_its_last_checkpoint(
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


def test_consecutive_runs_leave_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    for name in ("one", "two"):
        assert trained(tmp_path / name, *GIVEN)["status"] == "completed"
        assert not writing_threads()
    assert threading.active_count() <= before
    assert same(state(tmp_path / "one"), state(tmp_path / "two"), apart=("sizes",))
