"""One run for the command line: in this process, in several that it starts, or in those of torchrun and srun."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from snntrain.cli import job
from snntrain.cli.ranks import joined, started
from snntrain.cli.ranks.joined import Meeting, Start
from snntrain.config.schema import Config
from snntrain.errors import RunFailed, UserError
from snntrain.signals import machine

# The processes that torchrun or srun has started, in process 0.
_met: Meeting | None = None


def hide_warnings_of_torch() -> None:
    """Hide torch's own lines on a lost connection, with C++ frames, which would hide the message; call it first."""
    # Read when torch is imported.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")


def train(config: Config, folder: Path, typed: Sequence[str]) -> float:
    """Train a run, and return its best validation accuracy; arguments and errors as in `job.run`."""
    if _met is not None:
        return _met.train(config, folder, typed)
    if config.trainer.devices > 1:
        return job.explained(started.run, config, folder, typed)
    return job.run(config, folder, typed)


@contextmanager
def leading(place: Start | None) -> Iterator[None]:
    """Train the runs of the block with all processes that torchrun or srun has started; this is process 0 of them."""
    global _met
    if place is None:
        yield
        return
    with joined.meeting(place, _status) as _met:
        try:
            yield
        finally:
            _met = None


def _status(error: BaseException) -> int:
    """Return the exit status to which an error leads."""
    if (number := machine.behind(error)) is not None:
        return 128 + number
    return 2 if isinstance(error, UserError) else 1 if isinstance(error, RunFailed | Exception) else 0
