"""The jobs of a sweep: Hydra's sweeper lists them, and a launcher runs them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher as HydraLauncher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from snntrain.cli.launchers import choice
from snntrain.cli.launchers.launcher import Launcher, Outcome, SweepCommand, SweepJob, outcomes
from snntrain.cli.one_process import LAUNCHER
from snntrain.config.compose import Composer
from snntrain.config.composed import Composed
from snntrain.config.explain import key_of
from snntrain.config.validate import number_of_jobs
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.files.paths import user_path
from snntrain.runs.layout import SWEEP

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def sweep(compose: Composer, composed: Composed, command: SweepCommand) -> list[Outcome]:
    """Run the jobs of a sweep in subfolders of `hydra.sweep.dir`, and return their outcomes.

    Hydra's sweeper writes files as well, and follows any link there: it gets a temporary folder.
    """
    config = composed.node
    folder = Folder(user_path(config.hydra.sweep.dir))
    callbacks = Callbacks(config)
    context = HydraContext(config_loader=compose.loader, callbacks=callbacks)
    with (
        choice.launcher(composed, context, command, _number_of_jobs(compose, config)) as launcher,
        TemporaryDirectory(prefix="snntrain-sweep-") as place,
    ):
        callbacks.on_multirun_start(config=config, config_name=compose.config_name)
        folder.make()
        whole.write(folder, SWEEP, OmegaConf.to_yaml(config))
        given = copy.deepcopy(config)
        given.hydra.sweep.dir = place
        # The sweeper builds a launcher, which is replaced below; ours are no classes that Hydra builds.
        given.hydra.launcher = {"_target_": LAUNCHER}
        sweeper: Any = Plugins.instance().instantiate_sweeper(
            config=given, hydra_context=context, task_function=_unused_task
        )
        if launcher.isolates:
            validate = sweeper.validate_batch_is_legal
            sweeper.validate_batch_is_legal = lambda batch: validate(_different(compose, batch))
        # Each sweeper calls its launcher to run the jobs of a batch.
        sweeper.launcher = batches = _Batches(launcher)
        try:
            sweeper.sweep(arguments=list(config.hydra.overrides.task))
        finally:
            for file in Path(place).iterdir():
                if file.name != SWEEP and file.is_file():
                    whole.write(folder, file.name, file.read_bytes())
    callbacks.on_multirun_end(config=config, config_name=compose.config_name)
    return batches.outcomes


def _number_of_jobs(compose: Composer, config: DictConfig) -> int | None:
    """Return the number of jobs; None if the sweeper chooses their values itself."""
    if config.hydra.sweeper._target_ != BASIC_SWEEPER:
        return None
    return int(number_of_jobs(compose.parser.parse_overrides(list(config.hydra.overrides.task))))


def _different(compose: Composer, batch: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return jobs of a batch with different options or different keys.

    Composing a thousand jobs that differ in their seeds takes half a minute, and each single value was checked before.
    """
    return [*{tuple(w if compose.chooses(w) else key_of(w) for w in words): words for words in batch}.values()]


class _Batches(HydraLauncher):
    """What Hydra's sweeper takes for its launcher: it hands the jobs of a batch to ours."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.outcomes: list[Outcome] = []

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Do nothing: the constructor has set everything."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of a batch, and return their values in the order of their numbers."""
        jobs = [SweepJob(number, tuple(words)) for number, words in enumerate(job_overrides, initial_job_idx)]
        ended = list(outcomes(self.launcher, jobs))
        self.outcomes += ended
        values = {outcome.job.number: outcome.value for outcome in ended}
        return [_returned(job, values[job.number]) for job in jobs]


def _returned(job: SweepJob, value: float) -> JobReturn:
    returned = JobReturn(overrides=list(job.overrides), status=JobStatus.COMPLETED)
    returned.return_value = value
    return returned


def _unused_task(config: DictConfig) -> None:
    """Stand in for the task function, which the launcher here does not use."""
