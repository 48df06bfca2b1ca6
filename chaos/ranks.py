"""kill -9 of one process of a run on two devices, at random moments."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from chaos.case import Case
from chaos.forked import fork_members
from chaos.process import Process
from chaos.training import CONVOLUTIONAL, SMALL, Bench, Training, stopped_by

SCENARIO = "kill -9 of one of two"
KILLS_A_CASE = 10
WITHIN_SECONDS = 60.0
# With batch normalisation, dropout and random spikes, which the processes share.
COMMAND = (*SMALL, *CONVOLUTIONAL, "network.dropout=0.3", "encoder=poisson", "monitor=off", "trainer.devices=2")


def cases(kills: int) -> Iterator[Case]:
    """Yield cases with `kills` kills in all."""
    for first in range(0, kills, KILLS_A_CASE):
        yield Case(SCENARIO, partial(killed, kills=min(KILLS_A_CASE, kills - first)), twins=())


def killed(bench: Bench, kills: int) -> None:
    """Kill a process of a training again and again, then let it end. If it ends before its kill, take another one."""
    begun = time.monotonic()
    training, hurt = bench.training_of(*COMMAND, before=fork_members), False
    seconds = time.monotonic() - begun
    for attempt in range(3 * kills):
        if bench.outcome.faults == kills:
            break
        process = training.start(training.next_command(), before=fork_members)
        if process.lives(bench.rng.uniform(0, seconds)) and _kill(bench, training, process):
            hurt = True
            continue
        training.ends(process)
        bench.outcome.runs -= not hurt
        training, hurt = bench.training("twin", f"run-{attempt}", COMMAND), False
    if hurt:
        training.finish(before=fork_members)
    else:
        bench.outcome.runs -= 1


def _kill(bench: Bench, training: Training, process: Process) -> bool:
    """Kill the command or one of its processes; return whether it was still alive. All others must end."""
    outcome, members = bench.outcome, sorted(process.children())
    names = {process.pid: "the command", **{pid: f"process {rank}" for rank, pid in enumerate(members)}}
    victim = bench.rng.choice(list(names))
    begun = training.has_checkpoint()
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return False
    sent = time.monotonic()
    outcome.faults += 1
    outcome.note(names[victim] + ("" if begun else " before the first checkpoint"))
    if victim == process.pid:
        process.wait()
    else:
        stopped_by(process, outcome, [1], f"{names[victim]} was killed by signal 9")
    while (left := [pid for pid in members if _lives(pid)]) and time.monotonic() - sent < WITHIN_SECONDS:
        time.sleep(0.01)
    outcome.measure("from the kill to the end of the others", time.monotonic() - sent)
    for pid in left:
        outcome.expect(False, f"{training.label}: process {pid} was left behind")
        os.kill(pid, signal.SIGKILL)
    return True


def _lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended may still wait for its parent."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
