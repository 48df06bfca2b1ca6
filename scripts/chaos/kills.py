"""kill -9 at random moments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from chaos import compare
from chaos.case import Case
from chaos.process import Process
from chaos.training import CONFIGS, Bench, Training

SCENARIO = "kill -9"
KILLS_A_CASE = 10
# Kinds of moments, and how often each is chosen.
MOMENTS = {"any": 35, "beginning": 15, "writing": 25, "end of an epoch": 15, "end of the training": 10}
# How long a start needs to its first step, and a test to its end, roughly.
BEGINNING_SECONDS, TEST_SECONDS, VALIDATION_SECONDS, WRITING_SECONDS = 0.9, 0.3, 0.08, 0.003
# What a process did, by the first of these that is found in what it had called.
PHASES = (
    ("writing a checkpoint", ("checkpoint.py:save", "checkpoint_folder.py:", "checkpoint.py:write")),
    ("testing", ("run.py:test", "run.py:metrics_on_test")),
    ("validating", ("evaluate.py:evaluate",)),
    ("drawing", ("monitor.py:", "drawing.py:")),
    ("writing down an epoch", ("journal.py:", "tensorboard.py:", "run_folder.py:")),
    ("training", ("step.py:", "loop.py:", "batches.py:")),
    ("restoring", ("state.py:", "resume.py:", "checkpoint.py:")),
    ("building", ("build.py:", "run.py:")),
)


def cases(kills: int) -> Iterator[Case]:
    """So many kills, over all configurations in turn."""
    configs = list(CONFIGS)
    for index, first in enumerate(range(0, kills, KILLS_A_CASE)):
        count = min(KILLS_A_CASE, kills - first)
        config = configs[index % len(configs)]
        yield Case(SCENARIO, partial(killed, config=config, kills=count), twins=(config,))


def killed(bench: Bench, config: str, kills: int) -> None:
    """Kills a training again and again, and lets it end; where it ends before its kill, another one."""
    training, hurt = bench.training(config), False
    for attempt in range(3 * kills):
        if bench.outcome.faults == kills:
            break
        resumed = training.has_checkpoint()
        process = training.start(training.go_on())
        if _kill(bench, training, process, resumed):
            hurt = True
            continue
        if (code := process.wait()) != 0:
            training.lose(f"status {code}: {' / '.join(process.said()[-3:])}")
        else:
            training.compare()
        training, hurt = bench.training(config, f"run-{attempt}"), False
    if hurt:
        training.finish()
    else:
        bench.outcome.runs -= 1


def _kill(bench: Bench, training: Training, process: Process, resumed: bool) -> bool:
    """Kills at a moment of a random kind; whether the process still lived."""
    kind = bench.rng.choices(list(MOMENTS), list(MOMENTS.values()))[0]
    if not _wait(bench, training, process, kind):
        return False
    phase = "" if kind == "writing" else _phase(process.where(), resumed)
    if not bench.rng.choice([process.kill, process.kill_all])():
        return False
    bench.outcome.faults += 1
    bench.outcome.note("in " + ("writing a checkpoint" if training.is_writing() else phase or "training"))
    return True


def _wait(bench: Bench, training: Training, process: Process, kind: str) -> bool:
    """Waits for a moment of that kind; whether the process still lives."""
    rng, rows = bench.rng, training.rows()
    total = len(compare.rows(bench.references / training.config))
    if kind == "any":
        return process.lives(rng.uniform(0, undisturbed_seconds(bench, training.config)))
    if kind == "beginning":
        return process.lives(rng.uniform(0, BEGINNING_SECONDS))
    if kind == "writing":
        for _ in range(rng.randrange(1, 5)):
            process.until(lambda: not training.is_writing(), pause=0.0002)
            process.until(training.is_writing, pause=0.0002)
        return process.lives(rng.choice([0, rng.uniform(0, WRITING_SECONDS)]))
    if kind == "end of an epoch":
        return process.until(training.has_rows(rows + 1)) and process.lives(rng.uniform(0, VALIDATION_SECONDS))
    return process.until(training.has_rows(total)) and process.lives(rng.uniform(0, TEST_SECONDS))


def undisturbed_seconds(bench: Bench, config: str) -> float:
    """How long the training takes from its start to its end, where nothing hurts it."""
    return float((bench.references / f"{config}.seconds").read_text())


def _phase(stack: list[str], resumed: bool) -> str:
    for phase, calls in PHASES:
        if any(frame.startswith(call) for frame in stack for call in calls):
            return phase
    return "reading the command of a resume" if resumed else "reading the command"
