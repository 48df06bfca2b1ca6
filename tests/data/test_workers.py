"""Processes that read images: the effect on a run when they die, fail, or get signals."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import pytest
import torch
from torch import Tensor

from snntrain.data.augment import Augment
from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.data.workers import Workers
from snntrain.errors import RunFailed, UserError

Kill = Callable[[int], None]


@dataclass(frozen=True)
class Reading:
    """A split that calls a function before it returns the image of an index."""

    before: Callable[[int], object]
    length: int = 20

    @property
    def labels(self) -> Tensor:
        return torch.arange(self.length)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Tensor:
        self.before(index)
        return torch.full((1, 2, 2), index, dtype=torch.uint8)


def in_fours(n: int = 20) -> list[list[int]]:
    return [list(range(first, first + 4)) for first in range(0, n, 4)]


def first_images(stored: Iterator[Tensor]) -> list[int]:
    return [int(images[0, 0, 0, 0]) for images in stored]


@pytest.fixture
def kill() -> Kill:
    """Send a signal to a worker, and wait until it is gone; only one pool exists."""
    others = multiprocessing.active_children()

    def kill(number: int) -> None:
        worker = next((process for process in multiprocessing.active_children() if process not in others), None)
        if worker is None:
            return  # The last death has not been noticed yet, because there are still batches that were read ahead.
        # It may already be dying from an earlier signal.
        with suppress(ProcessLookupError):
            os.kill(worker.pid, number)
        assert wait([worker.sentinel], timeout=20)

    return kill


def test_batches_are_the_same_when_workers_are_killed(kill: Kill, caplog: pytest.LogCaptureFixture) -> None:
    split = ImageTensors(torch.randint(0, 256, (60, 1, 4, 4), dtype=torch.uint8), torch.arange(60))
    undisturbed, killed = (
        Batches(
            split,
            **{"batch_size": 4, "scale": 255.0, "device": "cpu", "shuffle": True, "augment": Augment(20)},
            resident=resident,
            workers=2,
        )
        for resident in (True, False)
    )
    expected = list(undisturbed.epoch(3, 2))
    with caplog.at_level(logging.WARNING, "snntrain"):
        for index, batch in enumerate(killed.epoch(3, 2)):
            assert torch.equal(batch.x, expected[index].x)
            assert torch.equal(batch.labels, expected[index].labels)
            if index in (0, 5, 6):
                kill(signal.SIGKILL)
    assert index == len(expected) - 1
    # Two deaths in quick succession may belong to one pool, and are reported once.
    assert 1 <= len(caplog.messages) <= 3
    for line in caplog.messages:
        assert line.startswith("a worker process that reads the data died (SIGKILL); ")
        assert line.endswith("try dataset.workers=0")
        assert "\n" not in line


def test_a_worker_killed_between_two_epochs_is_replaced(kill: Kill) -> None:
    workers = Workers(Reading(lambda index: None), 1)
    for _ in range(2):
        assert first_images(workers.read(in_fours())) == [0, 4, 8, 12, 16]
        kill(signal.SIGTERM)


def test_a_dead_worker_does_not_disturb_other_code(kill: Kill) -> None:
    handler = signal.getsignal(signal.SIGCHLD)
    stored = Workers(Reading(lambda index: None), 2).read(in_fours())
    next(stored)
    assert signal.getsignal(signal.SIGCHLD) is handler
    kill(signal.SIGKILL)
    time.sleep(0.1)
    assert first_images(stored) == [4, 8, 12, 16]


def test_workers_that_die_again_and_again_end_the_run() -> None:
    died_at = 9
    stored = Workers(Reading(lambda index: index == died_at and os.kill(os.getpid(), signal.SIGKILL)), 1).read(
        in_fours()
    )
    read = []
    with pytest.raises(RunFailed, match=r"died \(SIGKILL\), 3 times in a row: with dataset.workers=0 ") as failed:
        read.extend(int(images[0, 0, 0, 0]) for images in stored)
    # On a busy machine the worker, which reads ahead, may die three times before these are fetched.
    assert read == [0, 4][: len(read)]
    assert "\n" not in str(failed.value)


def test_deaths_with_a_batch_in_between_are_not_added_up(kill: Kill) -> None:
    stored = Workers(Reading(lambda index: None), 1).read(in_fours(40))
    for _ in range(6):
        next(stored)
        kill(signal.SIGKILL)
    assert first_images(stored) == [24, 28, 32, 36]


class Awkward(Exception):
    """An error that cannot be unpickled."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")


def refuse(error: Exception) -> Callable[[int], None]:
    def before(index: int) -> None:
        if index == 6:
            raise error

    return before


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UserError("cat.png cannot be read", "nor dog.png"), UserError("cat.png cannot be read", "nor dog.png")),
        (Awkward("cat.png", "is a dog"), RuntimeError("Awkward: cat.png is a dog")),
    ],
)
def test_an_error_of_the_data_set_is_raised_and_is_not_a_worker_death(
    error: Exception, expected: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stored = Workers(Reading(refuse(error)), 2).read(in_fours())
    next(stored)
    with pytest.raises(type(expected)) as raised:
        next(stored)
    assert str(raised.value) == str(expected)
    assert caplog.messages == []


def test_signals_meant_for_the_training_process_do_not_stop_workers(caplog: pytest.LogCaptureFixture) -> None:
    others = multiprocessing.active_children()
    stored = Workers(Reading(lambda index: None, 60), 2).read(in_fours(60))
    next(stored)
    workers = [process for process in multiprocessing.active_children() if process not in others]
    for worker in workers:
        os.kill(worker.pid, signal.SIGINT)
        os.kill(worker.pid, signal.SIGUSR1)
    assert first_images(stored) == list(range(4, 60, 4))
    assert all(worker.is_alive() for worker in workers)
    assert caplog.messages == []


def test_sigterm_ends_a_worker_whatever_the_training_process_does_with_it(kill: Kill) -> None:
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        stored = Workers(Reading(lambda index: None), 2).read(in_fours())
        next(stored)
        kill(signal.SIGTERM)
        assert first_images(stored) == [4, 8, 12, 16]
    finally:
        signal.signal(signal.SIGTERM, before)


PARENT = """
import time, torch
from snntrain.data.dataset import ImageTensors
from snntrain.data.workers import Workers
images = ImageTensors(torch.zeros(20, 1, 2, 2, dtype=torch.uint8), torch.zeros(20).long())
read = Workers(images, 2).read([[0], [1], [2]])
next(read)
print("reading", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_workers_end_soon_after_a_training_process_that_was_killed() -> None:
    # The workers hold its standard output, which ends with the last of them.
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "reading\n"
    parent.kill()
    assert parent.communicate(timeout=20) == ("", None)
