"""The lines that a sweep prints about its jobs while they run elsewhere."""

from __future__ import annotations

from hydra.core.utils import filter_overrides

from snntrain.cli.launchers.launcher import Outcome
from snntrain.errors import on_one_line


def ended(outcome: Outcome) -> str:
    """Return the line of a job that has ended."""
    given = " ".join(filter_overrides(outcome.job.overrides))
    result = f"val_accuracy={outcome.value:.6g}" if outcome.error is None else outcome.error
    how = "completed" if outcome.error is None else "not completed"
    return on_one_line(f"job {outcome.job.number}: {how}: {result} ({given})")
