"""Only one process at a time trains in a run folder; tested with real processes that end or are killed."""

import errno
import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snntrain.errors import UserError
from snntrain.runs.layout import LOCK
from snntrain.runs.lock import STALE_SECONDS, Lock, may_be_taken

# Holds the folder until its input ends, and prints a line when it has started.
HOLDING = """
import sys
from pathlib import Path
from snntrain.errors import UserError
from snntrain.runs.lock import Lock
try:
    with Lock(Path(sys.argv[1]), beat_seconds=0.02):
        print("held", flush=True)
        sys.stdin.read()
except UserError as error:
    sys.exit(str(error))
"""
# A process with a child that outlives it when it is killed, as workers that load data may for a while.
FORKING = """
import os, sys, time
from pathlib import Path
from snntrain.runs.lock import Lock
with Lock(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""
# Root may write everywhere, so the process becomes another user, in a folder that this user may not reach by its path.
AS_NOBODY = """
import os, sys
from pathlib import Path
from snntrain.errors import UserError
from snntrain.runs.lock import Lock
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)
try:
    with Lock(Path()):
        pass
except UserError as error:
    sys.exit(str(error))
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a program; it is ended after the test."""
    started = []

    def popen(code: str, *argv: object) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", code, *map(str, argv)]
        started.append(subprocess.Popen(command, env=ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield popen
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def heartbeat(folder: Path) -> int:
    return (folder / LOCK).stat().st_mtime_ns


def comes_true(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def no_locks(number: int) -> Callable[[int, int], None]:
    """Replace `fcntl.lockf` by that of a file system without locks."""

    def lockf(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    return lockf


def test_the_owner_is_named_in_the_file(tmp_path: Path) -> None:
    with Lock(tmp_path):
        named = json.loads((tmp_path / LOCK).read_text())
    assert named == {"host": socket.gethostname(), "pid": os.getpid()}


def test_a_second_process_is_refused_with_the_name_of_the_first(tmp_path: Path, start: Start) -> None:
    first = start(HOLDING, tmp_path)
    assert line(first) == "held"
    reported = (
        f"{tmp_path}: process {first.pid} on host {socket.gethostname()} trains in this folder; "
        "stop it first, or name another folder"
    )
    with pytest.raises(UserError) as refusal, Lock(tmp_path):
        pass
    assert str(refusal.value) == reported
    _, said = start(HOLDING, tmp_path).communicate()
    assert said.strip() == reported
    # A refused process does not disturb the first.
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == first.pid
    assert first.poll() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"host": "a"}',
        b'{"host": "a\\u001b[31m", "pid": 1}',
        b'{"host": "a", "pid": true}',
        b"\xff",
        b"[" * 2000,
    ],
)
def test_a_damaged_lock_file_gives_a_refusal_without_a_name(content: bytes, tmp_path: Path, start: Start) -> None:
    assert line(start(HOLDING, tmp_path)) == "held"
    (tmp_path / LOCK).write_bytes(content)
    with pytest.raises(UserError, match=r": another process trains in this folder; stop it first, or"), Lock(tmp_path):
        pass


def test_the_folder_is_free_when_its_owner_has_ended(tmp_path: Path, start: Start) -> None:
    first = start(HOLDING, tmp_path)
    assert line(first) == "held"
    _, said = first.communicate()
    assert (first.returncode, said) == (0, "")
    assert (tmp_path / LOCK).read_bytes() == b""
    with Lock(tmp_path):
        pass
    with Lock(tmp_path):
        pass


def test_a_killed_owner_frees_the_folder_at_once(tmp_path: Path, start: Start) -> None:
    first = start(HOLDING, tmp_path)
    assert line(first) == "held"
    first.kill()
    first.wait()
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == first.pid
    with Lock(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()


def test_a_child_of_a_killed_owner_does_not_hold_the_folder(tmp_path: Path, start: Start) -> None:
    first = start(FORKING, tmp_path)
    child = int(line(first))
    first.kill()
    first.wait()
    try:
        os.kill(child, 0)
        with Lock(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    finally:
        os.kill(child, 9)


def test_an_owner_has_a_heartbeat_which_ends_with_it(tmp_path: Path, start: Start) -> None:
    first = start(HOLDING, tmp_path)
    assert line(first) == "held"
    os.utime(tmp_path / LOCK, (0, 0))
    assert comes_true(lambda: heartbeat(tmp_path) > 0)
    before = heartbeat(tmp_path)
    assert comes_true(lambda: heartbeat(tmp_path) > before)
    first.communicate()
    last = heartbeat(tmp_path)
    time.sleep(0.1)
    assert heartbeat(tmp_path) == last


def test_the_heartbeat_continues_after_a_clock_change_and_a_failed_beat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat, failed = os.utime, []

    def failing(*arguments: object) -> None:
        failed.append(arguments)
        raise OSError(errno.EIO, "the disk has gone")

    with Lock(tmp_path, beat_seconds=0.01):
        monkeypatch.setattr(os, "utime", failing)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert comes_true(lambda: len(failed) > 2)
        monkeypatch.setattr(os, "utime", beat)
        beat(tmp_path / LOCK, (0, 0))
        assert comes_true(lambda: heartbeat(tmp_path) > 0)


def test_a_vanished_folder_stops_neither_the_heartbeat_nor_a_new_folder_in_its_place(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with Lock(folder, beat_seconds=0.01) as lock:
        (folder / LOCK).unlink()
        folder.rmdir()
        time.sleep(0.05)
        folder.mkdir()
        (folder / LOCK).touch()
        os.utime(folder / LOCK, (0, 0))
        time.sleep(0.05)
        assert lock._heart.is_alive()
    assert heartbeat(folder) == 0
    # pytest reports an error in a thread as a warning.
    assert not recwarn.list


def test_a_folder_without_write_permission_is_refused(tmp_path: Path, start: Start) -> None:
    tmp_path.chmod(0o555)
    process = start(AS_NOBODY, tmp_path)
    _, said = process.communicate()
    assert (process.returncode, said.strip()) == (
        1,
        ".: run.lock cannot be written (Permission denied); "
        "a run writes into its folder: make it writable, or name another folder",
    )


def test_a_link_in_a_strangers_folder_does_not_change_a_file_of_the_user(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    (tmp_path / LOCK).symlink_to(mine)
    with pytest.raises(UserError, match=r"run\.lock cannot be written"), Lock(tmp_path):
        pass
    assert mine.read_text() == "precious"


def test_a_folder_in_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone: run.lock cannot be written \(No such file"), Lock(tmp_path / "gone"):
        pass
    (tmp_path / LOCK).mkdir()
    with pytest.raises(UserError, match=r"run\.lock cannot be written"), Lock(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_without_locks_a_fresh_heartbeat_of_another_refuses(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "lockf", no_locks(number))
    (tmp_path / LOCK).write_text('{"host": "node7", "pid": 123}')
    with (
        pytest.raises(UserError, match=r"process 123 on host node7 trains in this folder; .* has no locks"),
        Lock(tmp_path),
    ):
        pass
    ahead = time.time() + 3600
    os.utime(tmp_path / LOCK, (ahead, ahead))
    with pytest.raises(UserError, match="process 123"), Lock(tmp_path):
        pass


@pytest.mark.parametrize("case", ["stale", "ours", "released", "new"])
def test_without_locks_a_run_starts_with_a_warning_if_no_other_is_alive(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fcntl, "lockf", no_locks(errno.ENOLCK))
    file = tmp_path / LOCK
    if case == "stale":
        file.write_text('{"host": "node7", "pid": 123}')
        then = time.time() - STALE_SECONDS - 1
        os.utime(file, (then, then))
    elif case == "ours":
        file.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
    elif case == "released":
        with Lock(tmp_path):
            pass
    caplog.clear()
    with caplog.at_level(logging.WARNING, "snntrain"), Lock(tmp_path):
        assert json.loads(file.read_text())["pid"] == os.getpid()
    assert f"{tmp_path}: this file system has no locks" in caplog.text


def test_a_lock_does_not_wait_for_torch() -> None:
    code = "import sys, snntrain.runs.lock; sys.exit(bool({'torch', 'hydra'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=False).returncode == 0


def test_a_killed_owner_does_not_count_as_alive_and_one_elsewhere_may_be(tmp_path: Path) -> None:
    assert not may_be_taken(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "held\n"
        assert may_be_taken(tmp_path)
        holding.kill()
    assert (tmp_path / LOCK).stat().st_size
    assert not may_be_taken(tmp_path)
    (tmp_path / LOCK).write_text('{"host": "node7.elsewhere", "pid": 1}')
    assert may_be_taken(tmp_path)
