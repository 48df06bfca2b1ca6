"""The check of keys that belong to a sweep as a whole, such as `sweep.workers`."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

from snntrain.config.job_folder import is_of_a_run, is_of_hydra
from snntrain.errors import UserError


def check(overrides: Sequence[str], *, multirun: bool) -> None:
    """Check the keys of a sweep as a whole: they have one value, and only a sweep has them.

    Raises:
        UserError: one has several values, as if jobs could differ in it, or there is no sweep.
    """
    parser = OverridesParser.create()
    for line in overrides:
        if is_of_a_run(line) or is_of_hydra(line):
            continue
        if not multirun:
            raise UserError(f"{line}: belongs to a sweep, and this is a single run; add -m, or leave it out")
        if parser.parse_override(line).is_sweep_override():
            raise UserError(f"{line}: belongs to the sweep as a whole, not to a job; give one value")
