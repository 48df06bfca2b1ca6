"""kill -9 at random moments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from chaos import compare, phases
from chaos.case import Case
from chaos.process import Process
from chaos.training import CONFIGS, Bench, Training

SCENARIO = "kill -9"
KILLS_A_CASE = 10
# The kinds of moments, with the weight of each.
MOMENTS = {
    **{"any": 25, "beginning": 10, "writing": 20, "a small file": 10, "validation": 12},
    **{"end of an epoch": 10, "end of the training": 13},
}
# The time to the first step of a start, and that of a test, roughly.
BEGINNING_SECONDS, TEST_SECONDS = 0.9, 0.3
EPOCHS_END_SECONDS, VALIDATION_SECONDS, WRITING_SECONDS = 0.08, 0.02, 0.003


def cases(kills: int) -> Iterator[Case]:
    """Yield cases with `kills` kills in all, over the configurations in turn."""
    configs = list(CONFIGS)
    for index, first in enumerate(range(0, kills, KILLS_A_CASE)):
        count = min(KILLS_A_CASE, kills - first)
        config = configs[index % len(configs)]
        yield Case(SCENARIO, partial(killed, config=config, kills=count), twins=(config,))


def killed(bench: Bench, config: str, kills: int) -> None:
    """Kill a training again and again, then let it end. If it ends before its kill, take another one."""
    training, hurt = bench.training(config), False
    for attempt in range(3 * kills):
        if bench.outcome.faults == kills:
            break
        resumed, phase = training.has_checkpoint(), bench.place / "phase"
        process = training.start(training.next_command(), before=partial(phases.follow, phase))
        if _kill(bench, training, process):
            found = phases.read(phase)
            what = f"{found} of a resume" if resumed and found == phases.BEFORE else found
            bench.outcome.note(f"in {what}" + (", the file half written" if training.is_writing() else ""))
            hurt = True
            continue
        training.ends(process)
        bench.outcome.runs -= not hurt
        training, hurt = bench.training(config, f"run-{attempt}"), False
    if hurt:
        training.finish()
    else:
        bench.outcome.runs -= 1


def _kill(bench: Bench, training: Training, process: Process) -> bool:
    """Kill at a moment of a random kind; return whether the process was still alive."""
    kind = bench.rng.choices(list(MOMENTS), list(MOMENTS.values()))[0]
    if not _wait(bench, training, process, kind):
        return False
    if not bench.rng.choice([process.kill, process.kill_all])():
        return False
    bench.outcome.faults += 1
    return True


def _wait(bench: Bench, training: Training, process: Process, kind: str) -> bool:
    """Wait for a moment of that kind; return whether the process is still alive."""
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
    if kind == "a small file":
        process.lives(rng.uniform(0, BEGINNING_SECONDS))
        return process.until(training.is_writing_a_small_file, pause=0.0001)
    if kind == "validation":
        validates = process.until(lambda: phases.read(bench.place / "phase") == phases.VALIDATING, pause=0.0002)
        return validates and process.lives(rng.uniform(0, VALIDATION_SECONDS))
    if kind == "end of an epoch":
        return process.until(training.has_rows(rows + 1)) and process.lives(rng.uniform(0, EPOCHS_END_SECONDS))
    return process.until(training.has_rows(total)) and process.lives(rng.uniform(0, TEST_SECONDS))


def undisturbed_seconds(bench: Bench, config: str) -> float:
    """Return the seconds that the undisturbed training takes."""
    return float((bench.references / f"{config}.seconds").read_text())
