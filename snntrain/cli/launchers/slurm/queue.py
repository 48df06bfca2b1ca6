"""SLURM's commands on jobs: squeue, sacct and scancel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection

# The commands without which no job runs. sacct is missing on clusters without accounting.
NEEDED = ("sbatch", "squeue", "scancel", "srun")
LONGEST_ANSWER_SECONDS = 60
_QUEUED = re.compile(r"(\S+) (\S+) (.*)")


def missing() -> str | None:
    """Return the first needed command that is not in PATH; None if all are there."""
    return next((command for command in NEEDED if shutil.which(command) is None), None)


def queued(names: Collection[str]) -> dict[str, str] | None:
    """Return the state of each job of this user that waits or runs, by its id; None if SLURM does not answer.

    Args:
        names: the names of the jobs; all tasks of an array have the same.
    """
    # All jobs of the user: squeue fails for an id that SLURM has forgotten.
    text = _answer("squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i %T %j")
    if text is None:
        return None
    found = (_QUEUED.fullmatch(line.strip()) for line in text.splitlines())
    return {each[1]: each[2] for each in found if each is not None and each[3] in names}


def ended(arrays: Collection[str]) -> dict[str, str]:
    """Return the last state of each job of these arrays by its id, as OUT_OF_MEMORY; {} without accounting."""
    text = _answer("sacct", "--parsable2", "--noheader", "--format=JobID,State", "-j", ",".join(sorted(arrays))) or ""
    lines = (line.split("|") for line in text.splitlines())
    # The steps of a job have a dot in their ids.
    return {line[0]: line[1] for line in lines if len(line) == 2 and "." not in line[0]}


def cancel(names: Collection[str]) -> bool:
    """Cancel all jobs with these names; return whether SLURM takes the order.

    SLURM sends SIGTERM to the processes of each job, and SIGKILL some 30 seconds later.
    """
    given = [_answer("scancel", f"--user={os.getuid()}", f"--name={name}") for name in sorted(names)]
    return None not in given


def _answer(*command: str) -> str | None:
    """Return the output of a command; None if it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
