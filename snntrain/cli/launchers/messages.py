"""The messages between a sweep and its workers: lines of JSON on two pipes, apart from all output of the jobs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob

# The kinds of messages to a worker, and from it; each is the only key at the top of its message.
COMMAND, JOB, STOP = "command", "job", "stop"
READY, BEGINS, ENDED = "ready", "begins", "ended"


def send(pipe: int, kind: str, content: Any) -> None:
    """Write a message.

    Raises:
        OSError: the other process has ended.
    """
    line = json.dumps({kind: content}).encode() + b"\n"
    while line:
        line = line[os.write(pipe, line) :]


def kind_of(line: bytes) -> tuple[str, Any]:
    """Return the kind and the content of a message."""
    ((kind, content),) = json.loads(line).items()
    return kind, content


def from_command(command: SweepCommand) -> dict[str, Any]:
    """Return the content of a message about a sweep."""
    return asdict(command)


def to_command(content: Mapping[str, Any]) -> SweepCommand:
    """Return the sweep of a message."""
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    return SweepCommand(**plain)


def from_job(job: SweepJob) -> dict[str, Any]:
    """Return the content of a message about a job."""
    return asdict(job)


def to_job(content: Mapping[str, Any]) -> SweepJob:
    """Return the job of a message."""
    return SweepJob(content["number"], tuple(content["overrides"]))


def from_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return the content of a message about the end of a job, which both sides know."""
    folder = None if outcome.folder is None else str(outcome.folder)
    return {"folder": folder, "value": outcome.value, "error": outcome.error, "signal": outcome.signal}


def to_outcome(content: Mapping[str, Any], job: SweepJob) -> Outcome:
    """Return the end of the job from a message."""
    folder = content["folder"]
    return Outcome(**{**content, "job": job, "folder": None if folder is None else Path(folder)})


def to_folder(content: str) -> Path:
    """Return the folder of a job that begins."""
    return Path(content)
