"""Requests to stop: by a scheduler, by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from chaos import compare
from chaos.case import Case
from chaos.kills import undisturbed_seconds
from chaos.process import Process, start
from chaos.training import CONFIGS, CONVOLUTIONAL, SLOW, SMALL, Bench, Training, advised

SCENARIO, AT_ONCE, SWEEP = "signals", "second Ctrl-C", "sweep stopped"
STATUS = {signal.SIGTERM: 143, signal.SIGUSR1: 138, signal.SIGINT: 130}
WITHIN_SECONDS = 10.0
# From here on a Python that was started anew has the handlers of the command line.
FRESH_SECONDS = 1.0


def cases(count: int) -> Iterator[Case]:
    """So many signals, a few a training, and a tenth as many second ones and sweeps."""
    configs = list(CONFIGS)
    for index in range(-(-count // 3)):
        config = configs[index % len(configs)]
        stop = partial(stopped_and_resumed, config=config, fresh=index % 5 == 4)
        yield Case(SCENARIO, stop, twins=(config,))
    for _ in range(max(1, count // 10)):
        yield Case(AT_ONCE, left_at_once, twins=(SLOW,))
        yield Case(SWEEP, sweep_stopped, twins=())


def stopped_and_resumed(bench: Bench, config: str, fresh: bool) -> None:
    """Three requests to stop at random moments; each time the printed command goes on."""
    training, argv = bench.training(config), None
    for number in bench.rng.sample(list(STATUS), 3):
        process = training.start(argv, fresh=fresh)
        begin = FRESH_SECONDS if fresh else 0.01
        if not process.lives(begin + bench.rng.uniform(0, undisturbed_seconds(bench, config) * 0.7)):
            break
        # This process may be kept waiting before it sends, while the other one does its last epoch.
        sent, late = time.monotonic(), training.rows() >= len(compare.rows(training.twin)) - 1
        # As a terminal does, to all; a scheduler may as well.
        os.killpg(process.pid, number) if bench.rng.random() < 0.5 else process.send(number)
        code = process.wait()
        if code == 0 and late:
            bench.outcome.note("after the last step")
            break
        bench.outcome.faults += 1
        bench.outcome.note(signal.Signals(number).name)
        bench.outcome.measure("from the signal to the end", time.monotonic() - sent)
        argv = _said_how_to_go_on(training, process, code, STATUS[number], time.monotonic() - sent)
    training.finish(argv)


def _said_how_to_go_on(training: Training, process: Process, code: int, status: int, seconds: float) -> list[str]:
    """The arguments that the process says to go on with; counts what is not as promised."""
    outcome, said = training.bench.outcome, process.said()
    outcome.expect(code == status, f"{training.label}: status {code} instead of {status}: {' / '.join(said[-3:])}")
    outcome.expect(seconds <= WITHIN_SECONDS, f"{training.label}: took {seconds:.1f} s to stop")
    outcome.expect("Traceback" not in "".join(said), f"{training.label}: a traceback: {' / '.join(said[-3:])}")
    line = said[-1] if said else ""
    outcome.expect(line.startswith("snntrain: interrupted"), f"{training.label}: its last line is {line!r}")
    if not training.began(process):
        outcome.note("before the run began")
        return training.go_on()
    state = json.loads((training.folder / "summary.json").read_text())["status"]
    outcome.expect(state == "interrupted", f"{training.label}: its summary says {state}")
    argv = advised(line)
    outcome.expect(bool(argv), f"{training.label}: does not say how to go on: {line}")
    return argv or training.go_on()


def left_at_once(bench: Bench) -> None:
    """A second Ctrl-C does not wait for anything."""
    training = bench.training(SLOW)
    process = training.start()
    process.until(training.has_checkpoint)
    process.lives(bench.rng.uniform(0, 0.5))
    process.send(signal.SIGINT)
    if process.lives(bench.rng.uniform(0, 0.02)):
        sent = time.monotonic()
        process.send(signal.SIGINT)
        code = process.wait()
        bench.outcome.measure("from the second Ctrl-C to the end", time.monotonic() - sent)
        bench.outcome.expect(code == 130, f"{training.label}: status {code} after a second Ctrl-C")
        bench.outcome.faults += 1
    training.finish()


def _have_begun(sweep: Path, jobs: int) -> bool:
    return len(list(sweep.glob("*/checkpoints/last.pt"))) >= jobs


def sweep_stopped(bench: Bench) -> None:
    """Ctrl-C ends a sweep, and the same command once more does the jobs that are not done yet."""
    given = [*SMALL, *CONVOLUTIONAL, "monitor=off", "trainer.epochs=4", "-m", "neuron=if,lif,plif"]
    whole = start([*given, "hydra.sweep.dir=whole"], bench.place)
    if code := whole.wait():
        raise AssertionError(f"the undisturbed sweep ended with {code}: {whole.said()}")
    argv = [*given, "hydra.sweep.dir=sweep"]
    bench.outcome.runs += 1
    sweep = bench.place / "sweep"
    for begun, number in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL), 1):
        process = start(argv, bench.place)
        process.until(partial(_have_begun, sweep, begun))
        if process.lives(bench.rng.uniform(0, 0.3)):
            done = len(list(sweep.glob("*/summary.json")))
            process.send(number)
            bench.outcome.faults += 1
            code = process.wait()
            bench.outcome.note(f"in job {done} of 3")
            expected = STATUS.get(number, -number)
            said = process.said()
            bench.outcome.expect(code == expected, f"sweep: status {code}, not {expected}: {said[-3:]}")
            if number in STATUS:
                told = bool(said) and said[-1].startswith("snntrain: interrupted; resume with: snntrain ")
                bench.outcome.expect(told, f"sweep: does not say how to go on: {said[-3:]}")
                bench.outcome.expect((sweep / "report.csv").exists(), f"{sweep}: no report of the jobs so far")
    process = start(argv, bench.place)
    if code := process.wait():
        bench.outcome.lost += 1
        bench.outcome.findings.append(f"LOST sweep in {bench.place}: status {code}: {process.said()[-3:]}")
        return
    for job in sorted((bench.place / "whole").glob("*/summary.json")):
        twin = bench.place / "sweep" / job.parent.name
        if found := compare.differences(twin, job.parent):
            bench.outcome.different += 1
            bench.outcome.findings.append(f"DIFFERENT {twin}: {'; '.join(found[:4])}")
