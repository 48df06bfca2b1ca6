"""A job of a sweep in another process: one that a pool starts, or a cluster.

The process composes the sweep's configuration once, and then runs any number of its jobs, each in the same folder as if
the sweep ran in one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.types import HydraContext, RunMode

from snntrain.cli import launch, start
from snntrain.cli.imports import slow_imports
from snntrain.cli.launchers.in_process import InProcess
from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob
from snntrain.config.compose import CONF, composer
from snntrain.errors import first_line, on_one_line
from snntrain.process import program
from snntrain.signals import machine

# The composed sweep of this process: Hydra has one configuration in a process.
_open: dict[SweepCommand, InProcess] = {}
_stack = ExitStack()


def run(command: SweepCommand, job: SweepJob, begins: Callable[[Path], None] = lambda folder: None) -> Outcome:
    """Run a job in this process, and return its outcome; no error is raised.

    A signal stops the job with a checkpoint if `machine.begin()` was called in the main thread; the outcome has its
    number. The process should end then: a signal stops all that this process trains later, too.

    Args:
        command: the sweep's command.
        job: the job.
        begins: called with the folder of the job before it runs.
    """
    folder: Path | None = None

    def known(path: Path) -> None:
        nonlocal folder
        folder = path
        begins(path)

    try:
        return prepared(command).run(job, known)
    except (Exception, KeyboardInterrupt) as error:
        number = machine.behind(error)
        line = first_line(error) or type(error).__name__
        return Outcome(job, folder, error=on_one_line(line), signal=number)


def prepared(command: SweepCommand) -> InProcess:
    """Return the launcher that runs the jobs of this command here; the last command's is kept."""
    _prepare_process()
    program.works_for(command.typed)
    os.chdir(command.working_directory)
    if command not in _open:
        _stack.close()
        _open.clear()
        _open[command] = _composed(command)
    return _open[command]


def _composed(command: SweepCommand) -> InProcess:
    with slow_imports():
        import snntrain.training.run  # noqa: F401
        from snntrain.cli import sweep_job

    compose = _stack.enter_context(composer(command.config_name, command.config_dir))
    config = launch.composed(compose, command.overrides, RunMode.MULTIRUN).node
    context = HydraContext(config_loader=compose.loader, callbacks=Callbacks(config))
    return InProcess(config, context, sweep_job.task(command.typed, Path(command.config_dir or CONF)))


@cache
def _prepare_process() -> None:
    start.prepare()
    start.raise_errors()
