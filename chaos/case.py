"""A case: one disturbance of trainings, in its own process and folder."""

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
    """One disturbance.

    Args:
        scenario: the scenario that its outcome is added to.
        run: the function that carries it out; it can be sent to another process.
        twins: the configurations of the undisturbed trainings that it is compared with.
    """

    scenario: str
    run: Callable[[Bench], None]
    twins: tuple[str, ...] = (PLAIN,)


def carry_out(case: Case, number: int, folder: Path, references: Path, seed: int) -> Outcome:
    """Run a case below `folder`. An error in the case itself is a finding."""
    outcome, started = Outcome(case.scenario), time.monotonic()
    bench = Bench(folder / f"case-{number}", references, random.Random(f"{seed}/{number}"), outcome)
    try:
        case.run(bench)
    except Exception:
        outcome.expect(False, f"{bench.place}: the scenario itself failed: {traceback.format_exc()}")
    outcome.seconds = time.monotonic() - started
    return outcome
