"""A case: one thing that is done to trainings, in a process and a folder of its own."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.outcome import Outcome
from chaos.training import PLAIN, Bench


@dataclass(frozen=True)
class Case:
    """Args:
    scenario: whose outcome it counts for.
    run: does it; a function that can be sent to another process.
    twins: the configurations whose undisturbed twins it compares with.
    """

    scenario: str
    run: Callable[[Bench], None]
    twins: tuple[str, ...] = (PLAIN,)


def carry_out(case: Case, number: int, folder: Path, references: Path, seed: int) -> Outcome:
    """Runs a case below `folder`; what goes wrong in the case itself is a finding."""
    outcome, started = Outcome(case.scenario), time.monotonic()
    bench = Bench(folder / f"case-{number}", references, random.Random(f"{seed}/{number}"), outcome)
    try:
        case.run(bench)
    except Exception:
        outcome.expect(False, f"{bench.place}: the scenario itself failed: {traceback.format_exc()}")
    outcome.seconds = time.monotonic() - started
    return outcome
