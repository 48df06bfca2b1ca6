"""The command that resumes a run."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from snntrain.files.paths import as_typed
from snntrain.process import program


def resume_command(folder: Path, allowed: Sequence[str] = ()) -> str:
    """Return the command that resumes the run in a folder.

    Args:
        folder: the run folder.
        allowed: the prefixes of `allow_targets` that the run needs.
    """
    words = [f"resume={as_typed(folder)}", *([f"allow_targets=[{','.join(allowed)}]"] if allowed else [])]
    return shlex.join([*program.words(), *words])
