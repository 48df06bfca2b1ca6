"""Recordings are converted once; errors, signals, full disks and other processes leave no half cache."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from select import PIPE_BUF
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from snntrain.data.cache import converted
from snntrain.data.cache.conversion import Done, Sample
from snntrain.data.events.events import BadRecording
from snntrain.errors import Interrupted, RunFailed, UserError
from snntrain.signals import machine

from .recordings import Bad, Counted, Deadly, Noise, cached, files, only_file, padded, ragged, skip_bad

ROOT = Path(__file__).parents[3]


def times_read(into: Path) -> list[int]:
    return sorted(int(line) for line in into.read_text().split()) if into.exists() else []


def counted(into: Path, count: int = 6, seconds: float = 0.0) -> list[Counted]:
    return [Counted(seed, into=into, seconds=seconds) for seed in range(count)]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_recording_is_read_once(tmp_path: Path, workers: int) -> None:
    recordings = counted(tmp_path / "read")
    for _ in range(3):
        split = cached(tmp_path, recordings, workers=workers)
    assert times_read(tmp_path / "read") == list(range(6))
    assert torch.equal(split.stack(range(6)), padded(recordings))
    assert len(files(tmp_path)) == 1


def test_the_file_is_the_same_with_any_number_of_workers(tmp_path: Path) -> None:
    for workers in (0, 1, 3):
        cached(tmp_path / str(workers), ragged(60), workers=workers)
    one, *others = [only_file(tmp_path / str(workers)) for workers in (0, 1, 3)]
    assert all(other.read_bytes() == one.read_bytes() and other.name == one.name for other in others)


@dataclass(frozen=True)
class Settings:
    frames: int


@pytest.mark.parametrize(
    "changed",
    [
        {"key": {"T": 4}},
        {"key": {"T": Settings(3)}},
        {"name": "other"},
        {"part": "test"},
        {"sources": [Path("source")]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_other_settings_have_a_cache_of_their_own(
    tmp_path: Path, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("source").touch()
    for given in ({}, changed, {}, changed):
        cached(tmp_path, counted(tmp_path / "read", 1), **given)
    assert times_read(tmp_path / "read") == [0, 0]
    assert len(files(tmp_path)) == 2


def test_a_source_that_changes_is_converted_again(tmp_path: Path) -> None:
    source = tmp_path / "events.bin"
    source.write_bytes(b"1234")
    os.utime(source, ns=(10**18, 10**18))

    def readings() -> int:
        cached(tmp_path, counted(tmp_path / "read", 1), sources=[source, tmp_path])
        return len(times_read(tmp_path / "read"))

    assert [readings(), readings()] == [1, 1]
    source.write_bytes(b"12345")
    os.utime(source, ns=(10**18, 10**18))
    assert [readings(), readings()] == [2, 2]
    os.utime(source, ns=(10**18, 10**18 + 1))
    assert [readings(), readings()] == [3, 3]


def test_a_data_root_that_is_moved_keeps_its_caches(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "events.bin").touch()
    recordings = counted(tmp_path / "read", 1)
    for name in ("before", "after"):
        if name == "after":
            (tmp_path / "before").rename(tmp_path / "after")
        cached(tmp_path / name, recordings, sources=[tmp_path / name / "events.bin"])
    assert times_read(tmp_path / "read") == [0]


def test_a_name_of_any_letters_gives_a_plain_file_name(tmp_path: Path) -> None:
    cached(tmp_path, ragged(2), name="my/Größe ../x", part="a-b")
    (name,) = files(tmp_path)
    assert name.startswith("my_Gr__e_.._x-a_b-")
    assert name.endswith(".frames")


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_recording_ends_the_conversion_as_it_is(tmp_path: Path, workers: int) -> None:
    with pytest.raises(BadRecording) as failed:
        cached(tmp_path, [*ragged(20), Bad(20), *ragged(20)], workers=workers)
    assert failed.value.lines == ("20.bin, byte 7: it ends within an event",)
    assert (failed.value.path, failed.value.byte) == (Path("20.bin"), 7)
    assert files(tmp_path) == []


@dataclass(frozen=True)
class Missing(Noise):
    def read(self) -> NDArray[np.uint8]:
        raise FileNotFoundError(2, "No such file", "gone.bin")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_is_missing_is_not_taken_for_a_full_disk(tmp_path: Path, workers: int) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.bin"):
        cached(tmp_path, [*ragged(3), Missing(3)], workers=workers)
    assert files(tmp_path) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_recordings_are_left_out_listed_and_counted_by_each_run(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    recordings = [Bad(seed) if seed % 3 == 1 else Noise(seed) for seed in range(21)]
    for _ in range(2):
        caplog.clear()
        split = cached(tmp_path, recordings, skip=skip_bad, workers=workers)
        assert split.rows.tolist() == [seed for seed in range(21) if seed % 3 != 1]
        assert split.labels.tolist() == [seed % 3 for seed in range(21) if seed % 3 != 1]
        assert [skipped.row for skipped in split.skipped] == [1, 4, 7, 10, 13, 16, 19]
        assert split.skipped[1].reason == "4.bin, byte 7: it ends within an event"
        lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert lines[0] == "noise train: 7 of 21 recordings are left out"
        assert lines[1:] == [f"  {row}.bin, byte 7: it ends within an event" for row in (1, 4, 7, 10, 13)] + [
            "  and 2 more"
        ]
    assert torch.equal(split.stack(range(14)), padded([recordings[row] for row in split.rows.tolist()]))
    # Without permission to leave them out, the cache is not used.
    with pytest.raises(BadRecording):
        cached(tmp_path, recordings, workers=workers)
    assert len(files(tmp_path)) == 1


def test_an_error_that_may_not_be_skipped_ends_the_conversion(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cached(tmp_path, [Bad(0), Missing(1)], skip=skip_bad)


def test_recordings_of_which_none_can_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no recording can be used; the first of 2: 0\.bin, byte 7"):
        cached(tmp_path, [Bad(0), Bad(1)], skip=skip_bad)
    assert files(tmp_path) == []
    with pytest.raises(UserError, match="noise train: there is no recording in "):
        cached(tmp_path, [])


@dataclass(frozen=True)
class Other(Noise):
    """A recording with a sample of any type."""

    kind: str = "uint8"

    def read(self) -> NDArray[np.uint8]:
        return np.zeros(self.shape, self.kind)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Noise(1, (3, 2, 4, 6)), r"a sample of shape \[3, 2, 4, 6\] after others of \[T, 2, 4, 5\]"),
        (Noise(1, (2, 4, 5)), r"a sample of shape \[2, 4, 5\] after others of \[T, 2, 4, 5\]"),
        (Noise(1, (0, 2, 4, 5)), r"and not empty, not uint8 \[0, 2, 4, 5\]"),
        (Noise(1, (5,)), r"not uint8 \[5\]"),
        (Other(1, kind="float32"), r"not float32 \[3, 2, 4, 5\]"),
    ],
)
def test_a_sample_that_does_not_fit_the_others_is_refused(tmp_path: Path, other: Noise, words: str) -> None:
    with pytest.raises(UserError, match=f"noise train: recording 1 of 2 does not fit the others: .*{words}"):
        cached(tmp_path, [Noise(0), other])
    assert files(tmp_path) == []


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recordings = counted(tmp_path / "read", 40, seconds=0.01)
    before = set(multiprocessing.active_children())

    class Killing(list[Counted]):
        """Kills a worker once, when the first recordings are read."""

        def __getitem__(self, index: Any) -> Any:
            if os.getpid() != parent and index == 11 and not (tmp_path / "killed").exists():
                (tmp_path / "killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__getitem__(index)

    parent = os.getpid()
    split = cached(tmp_path, Killing(recordings), workers=2)
    assert (tmp_path / "killed").exists()
    assert torch.equal(split.stack(range(40)), padded(recordings))
    assert any("a worker process that converts recordings died (SIGKILL)" in line for line in caplog.messages)
    assert set(multiprocessing.active_children()) == before


def test_workers_that_die_again_and_again_end_the_conversion(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"that converts recordings died \(SIGKILL\), 3 times in a row: free memory"):
        cached(tmp_path, [Noise(0), Deadly(1)], workers=2)
    assert files(tmp_path) == []


@pytest.fixture
def little_room() -> Iterator[None]:
    """Limit every file to 100 kB, as a disk that is full does."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_full_disk_is_reported_in_a_line_and_leaves_nothing(tmp_path: Path, workers: int) -> None:
    with pytest.raises(UserError, match=r"cannot be written into .*\(File too large\): make room there") as failed:
        cached(tmp_path, [Noise(seed, (3, 2, 32, 32)) for seed in range(40)], workers=workers)
    assert len(failed.value.lines) == 1
    assert files(tmp_path) == []


def test_a_disk_that_is_too_small_is_noticed_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=10**6, used=0, free=10**6)
    monkeypatch.setattr("snntrain.data.cache.conversion.shutil.disk_usage", lambda path: usage)
    recordings = [Counted(seed, (3, 2, 32, 32), tmp_path / "read") for seed in range(1000)]
    with pytest.raises(UserError, match=r"need 0\.0 GB or more, and .* has 0\.0 GB: make room"):
        cached(tmp_path, recordings)
    assert len(times_read(tmp_path / "read")) < 40
    assert files(tmp_path) == []


def test_a_signal_ends_the_conversion_and_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting(list[Noise]):
        def __getitem__(self, index: Any) -> Any:
            if index == 20:
                raise Interrupted(signal.SIGTERM)
            return super().__getitem__(index)

    with pytest.raises(Interrupted):
        cached(tmp_path, Interrupting(ragged(40)))
    assert files(tmp_path) == []
    assert len(cached(tmp_path, ragged(40))) == 40


forking = multiprocessing.get_context("fork")


def converting(root: Path, workers: int, seconds: float) -> BaseProcess:
    """Fork a process that converts 40 recordings, each in so many seconds, and wait until it has begun."""
    recordings = [Counted(seed, (1 + seed % 4, 2, 4, 5), root / "read", seconds) for seed in range(40)]
    process = forking.Process(target=cached, args=(root, recordings), kwargs={"workers": workers})
    process.start()
    until_it_converts(root)
    return process


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_killed_process_has_written_is_removed_by_the_next(tmp_path: Path, workers: int) -> None:
    process = converting(tmp_path, workers, 0.3)
    process.kill()
    process.join()
    assert {name.rpartition(".")[2] for name in files(tmp_path)} == {"lock", "tmp"}
    assert torch.equal(cached(tmp_path, ragged(40)).stack(range(40)), padded(ragged(40)))
    assert [name.partition(".")[2] for name in files(tmp_path)] == ["frames"]


def test_a_process_that_waits_takes_over_from_one_that_is_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = converting(tmp_path, 0, 0.3)

    class Killing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting for process" in record.getMessage():
                process.kill()

    logger, handler = logging.getLogger("snntrain"), Killing()
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "snntrain"):
            split = cached(tmp_path, ragged(40))
    finally:
        logger.removeHandler(handler)
    assert f"noise train: waiting for process {process.pid} on host" in caplog.text
    process.join()
    assert torch.equal(split.stack(range(40)), padded(ragged(40)))
    assert [name.partition(".")[2] for name in files(tmp_path)] == ["frames"]


def test_a_process_that_waits_uses_the_result_of_the_other(tmp_path: Path) -> None:
    process = converting(tmp_path, 0, 0.02)
    split = cached(tmp_path, [Counted(seed, (1 + seed % 4, 2, 4, 5), tmp_path / "read") for seed in range(40)])
    process.join()
    assert process.exitcode == 0
    assert times_read(tmp_path / "read") == list(range(40))
    assert torch.equal(split.stack(range(40)), padded(ragged(40)))


PROGRAM = """
import logging, signal, sys
from pathlib import Path
from snntrain.errors import Interrupted
from tests.data.cache.recordings import Counted, cached
logging.basicConfig(level=logging.INFO, format="%(message)s")
def interrupted(number, frame):
    raise Interrupted(number)
signal.signal(signal.SIGTERM, interrupted)
root, seconds = Path(sys.argv[1]), float(sys.argv[2])
recordings = [Counted(seed, (1 + seed % 4, 2, 4, 5), root / "read", seconds) for seed in range(40)]
print("begins", flush=True)
split = cached(root, recordings, workers=2)
print(len(split), flush=True)
"""


def started(root: Path, seconds: float) -> subprocess.Popen[str]:
    """Start a process that converts 40 recordings, and wait until it is about to begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def until_it_converts(root: Path, most: float = 30.0) -> None:
    end = time.monotonic() + most
    while len(times_read(root / "read")) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_conversion_that_is_stopped_is_begun_again(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, 0.3)
    until_it_converts(tmp_path)
    # Ctrl-C and the end of a job reach the workers as well.
    os.killpg(process.pid, number) if number != signal.SIGKILL else process.kill()
    process.communicate(timeout=30)
    left = files(tmp_path)
    assert bool(left) == (number == signal.SIGKILL), left
    (tmp_path / "read").unlink()
    split = cached(tmp_path, [Counted(seed, (1 + seed % 4, 2, 4, 5), tmp_path / "read") for seed in range(40)])
    assert torch.equal(split.stack(range(40)), padded(ragged(40)))
    assert [name.partition(".")[2] for name in files(tmp_path)] == ["frames"]


def test_a_data_root_that_cannot_be_written_has_its_caches_in_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    root = tmp_path / "a file"
    root.touch()
    recordings = counted(tmp_path / "read")
    with caplog.at_level(logging.INFO, "snntrain"):
        for _ in range(2):
            split = cached(root, recordings)
    assert times_read(tmp_path / "read") == list(range(6))
    assert split.path.is_relative_to(tmp_path / "home" / "snntrain" / "frames")
    (line,) = [line for line in caplog.messages if "nothing is written there (it is a file)" in line]
    assert str(tmp_path / "home" / "snntrain" / "frames") in line
    # Another data root has caches of its own.
    (tmp_path / "another").touch()
    assert cached(tmp_path / "another", counted(tmp_path / "read")).path.parent != split.path.parent


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "own").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".snntrain-cache").symlink_to(tmp_path / "own")
    with caplog.at_level(logging.INFO, "snntrain"):
        split = cached(tmp_path / "data", ragged(2))
    assert split.path.is_relative_to(tmp_path / "home")
    assert list((tmp_path / "own").iterdir()) == []
    assert any(".snntrain-cache is a link" in line for line in caplog.messages)


def test_a_data_root_that_only_a_file_names_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snntrain.data.download import only_read

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    with only_read(str(tmp_path / "data"), tmp_path / "config.yaml"):
        split = cached(tmp_path / "data", ragged(2))
    assert split.path.is_relative_to(tmp_path / "home")
    assert list((tmp_path / "data").iterdir()) == []


def test_without_any_place_the_user_is_asked_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be kept there \(it is a file\).*dataset.root="):
        cached(tmp_path / "file", ragged(2))


def test_the_default_number_of_workers_is_that_of_the_cores(tmp_path: Path) -> None:
    split = converted(ragged(3), name="noise", part="train", key={}, sources=[], root=tmp_path)
    assert torch.equal(split.stack(range(3)), padded(ragged(3)))


def test_the_state_of_signals_is_untouched(tmp_path: Path) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    state = machine.state
    cached(tmp_path, ragged(30), workers=2)
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert machine.state is state


def test_the_message_of_a_task_is_short_however_large_its_frames_are() -> None:
    """A worker that is killed within a long message would leave the conversion waiting for ever."""
    frames = [np.full((10, 2, 64, 64), row, np.uint8) for row in range(16)]
    done = Done.of([*(Sample(row, 1, each) for row, each in enumerate(frames)), Sample(16, 0, None, "a reason")])
    # Pipes write up to so many bytes in one piece.
    assert len(ForkingPickler.dumps(done)) < PIPE_BUF
    *read, skipped = done.unpacked()
    assert all(np.array_equal(sample.frames, each) for sample, each in zip(read, frames, strict=True))
    assert skipped == Sample(16, 0, None, "a reason")
