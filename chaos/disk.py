"""Disks that are full or read-only, and folders that vanish."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from chaos.case import Case
from chaos.kills import undisturbed_seconds
from chaos.process import Process
from chaos.training import CONFIGS, PLAIN, SLOW, Bench, Training, stopped_by

FULL, READ_ONLY, REMOVED = "full disk", "read-only folder", "folder removed"
NOBODY = 65534
NOT_MOUNTED = "no small file systems can be mounted here, as root may; limits and permissions are used instead"
DISK_KILOBYTES = 4096
# Usually less than a run still writes.
MOST_LEFT = 200_000
# No room, or room for the first files of a start.
LEFT = (0, 4096, 12_288, 32_768)


def cases(count: int) -> Iterator[Case]:
    """Yield `count` full disks: small file systems if they can be mounted, and limits of the file size."""
    configs = [config for config in CONFIGS if config != "pictures"]
    for index in range(count):
        config = configs[index % len(configs)]
        yield Case(FULL, partial(filled if index % 2 == 0 else limited, config=config), twins=(config,))
    for left in LEFT:
        yield Case(FULL, partial(full_at_start, left=left))
        yield Case(FULL, partial(full_at_resume, left=left))
    yield Case(READ_ONLY, not_writable)
    yield Case(READ_ONLY, as_nobody)
    for _ in range(max(1, count // 4)):
        yield Case(REMOVED, removed, twins=(SLOW,))


@contextmanager
def small_disk(at: Path) -> Iterator[bool]:
    """Mount a file system of a few MB at `at`; yield whether that worked. It needs root."""
    at.mkdir()
    options = f"size={DISK_KILOBYTES}k,mode=0777"
    mounted = _mount("-t", "tmpfs", "-o", options, "chaos", str(at))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(at)], check=False)


def _mount(*arguments: str) -> bool:
    if shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def fill(disk: Path, left: int) -> Path:
    """Write a file that leaves so many bytes free."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        while (free := shutil.disk_usage(disk).free) > left:
            try:
                file.write(b"\0" * min(free - left, 2**20))
                file.flush()
            except OSError:
                break
    return filler


def filled(bench: Bench, config: str) -> None:
    """Fill the disk at random moments. Each time it is freed, and the training is resumed."""
    with small_disk(bench.place / "disk") as mounted:
        if not mounted:
            bench.outcome.skipped = NOT_MOUNTED
            limited(bench, config)
            return
        training = bench.training(config, "disk/run")
        for _ in range(3):
            process = training.start(training.next_command())
            alive = process.lives(bench.rng.uniform(0.3, undisturbed_seconds(bench, config)))
            if not alive or (bench.rng.random() < 0.4 and not process.until(training.is_writing, pause=0.0002)):
                break
            filler = fill(training.folder.parent, bench.rng.randrange(MOST_LEFT))
            bench.outcome.faults += 1
            code = process.wait()
            if code != 0:
                _full_disk_reported(training, process)
            bench.outcome.note("stopped by it" if code else "had room enough to end")
            filler.unlink()
        training.finish()


def _full_disk_reported(training: Training, process: Process) -> None:
    """Expect the message of a full disk. Before the first checkpoint the status 2 is right as well."""
    outcome, begun = training.bench.outcome, training.has_checkpoint()
    reasons = ("No space left on device", "File too large")
    line = stopped_by(process, outcome, [1] if begun else [1, 2])
    outcome.expect(any(reason in line for reason in reasons), f"{training.label}: names no reason: {line}")
    outcome.expect(not begun or "resume=" in line, f"{training.label}: does not say how to resume: {line}")


def limited(bench: Bench, config: str) -> None:
    """Limit the size of a file: as a disk that is full for the large files first."""
    training = bench.training(config)
    size = bench.rng.randrange(2_000, 150_000)
    process = training.start(before=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)))
    bench.outcome.faults += 1
    code = process.wait()
    if code:
        _full_disk_reported(training, process)
    bench.outcome.note("stopped by a limit of a file's size" if code else "had room enough to end")
    training.finish()


def full_at_start(bench: Bench, left: int) -> None:
    """Start with no room, or room for the first files only. One line says so; with room the command works."""
    with small_disk(bench.place / "disk") as mounted:
        if mounted:
            _full_until_freed(bench.training(PLAIN, "disk/run"), left)
        else:
            bench.outcome.skipped = NOT_MOUNTED


def full_at_resume(bench: Bench, left: int) -> None:
    """Resume with no room. The run stays as it was, and with room it resumes."""
    with small_disk(bench.place / "disk") as mounted:
        if not mounted:
            bench.outcome.skipped = NOT_MOUNTED
            return
        training = bench.training(PLAIN, "disk/run")
        process = training.start()
        process.until(training.has_rows(2))
        process.kill_all()
        _full_until_freed(training, left)


def _full_until_freed(training: Training, left: int) -> None:
    """Start on a disk with so many bytes left, which fails, and again once it is freed."""
    filler = fill(training.folder.parent, left)
    training.bench.outcome.faults += 1
    process = training.start(training.next_command())
    if process.wait():
        _full_disk_reported(training, process)
    filler.unlink()
    training.finish()


def not_writable(bench: Bench) -> None:
    """Start and resume on a file system that is mounted read-only."""
    with small_disk(bench.place / "disk") as mounted:
        if not mounted:
            bench.outcome.skipped = NOT_MOUNTED
            return
        training = bench.training(PLAIN, "disk/run")
        _refused_on(training, [training.command])
        process = training.start()
        process.until(training.has_rows(2))
        process.kill_all()
        _refused_on(training, [training.resume, training.command])
        training.finish()


def _refused_on(training: Training, commands: list[list[str]]) -> None:
    """Expect each command to be refused in a line while the disk is read-only."""
    outcome, disk = training.bench.outcome, str(training.folder.parent)
    outcome.expect(_mount("-o", "remount,ro", disk), f"{disk} could not be made read-only")
    try:
        for argv in commands:
            stopped_by(training.start(argv), outcome, [2], "Read-only file system")
            outcome.faults += 1
    finally:
        _mount("-o", "remount,rw", disk)


def as_nobody(bench: Bench) -> None:
    """Resume in a folder of another user, which can be read and not written."""
    become = _become_nobody if os.getuid() == 0 else None
    training = bench.training(PLAIN)
    process = training.start()
    process.until(training.has_rows(2))
    process.kill_all()
    if become is None:
        for folder in (training.folder, *filter(Path.is_dir, training.folder.rglob("*"))):
            folder.chmod(0o555)
    for argv in (training.resume, training.command, [*training.command[:-1], "hydra.run.dir=another"]):
        stopped_by(training.start(argv, before=become), bench.outcome, [2], "ermission denied")
        bench.outcome.faults += 1
    for folder in (training.folder, *filter(Path.is_dir, training.folder.rglob("*"))):
        folder.chmod(0o755)
    training.finish()


def _become_nobody() -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def removed(bench: Bench) -> None:
    """Delete the folder during the training. The training says so, and a new one works."""
    training = bench.training(SLOW)
    process = training.start()
    process.until(training.has_checkpoint)
    if process.lives(bench.rng.uniform(0, 1)):
        shutil.rmtree(training.folder, ignore_errors=True)
        bench.outcome.faults += 1
        stopped_by(process, bench.outcome, [1], "No such file or directory")
        shutil.rmtree(training.folder, ignore_errors=True)
    training.finish(training.command)
