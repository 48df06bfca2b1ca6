"""The record of a job that was killed: it could not write its ending itself."""

from __future__ import annotations

from contextlib import suppress

from snntrain.cli.launchers.launcher import Outcome
from snntrain.errors import RunFailed, UserError
from snntrain.runs import summary
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.state import RUNNING


def record(outcome: Outcome) -> None:
    """Write why a job ended into its summary.json; if that fails, its stopped heartbeat shows that it is over."""
    folder, line = outcome.folder, outcome.error or ""
    if folder is None or not folder.is_dir():
        return
    known = summary.read(folder).known
    if known.get("status") not in (None, RUNNING):
        return
    with suppress(UserError, RunFailed, OSError), RunFolder(folder, str(known.get("name", folder.name))):
        raise RunFailed(line)
