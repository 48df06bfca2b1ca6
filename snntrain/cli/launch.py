"""The start of a job or of the jobs of a sweep through Hydra, whose files are written here.

Hydra sets up logging from the configuration, and follows any link in the folder of a run or a sweep when it writes
there. Instead, `snntrain.cli.log` sets up logging, and `Folder` writes the files. A sweeper, which writes as well, gets
a temporary folder.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, filter_overrides, run_job
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write

from snntrain.cli import log as logs
from snntrain.config.compose import Composer, forbidden
from snntrain.config.composed import Composed
from snntrain.config.trust.config_files import leads_out
from snntrain.errors import UserError
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.files.paths import user_path
from snntrain.runs.layout import CONFIG, HYDRA_FOLDER, HYDRA_SETTINGS, OVERRIDES, SWEEP
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.unstarted import holds_a_run
from snntrain.runs.writable import check_run

# A function that runs a job: its configuration, its folder, and a line for each forbidden value.
Task = Callable[[Composed, Path, Sequence[str]], Any]


def composed(compose: Composer, overrides: Sequence[str], mode: RunMode) -> Composed:
    """Return the configuration for Hydra to run, with Hydra's part and with fixed folder names."""
    lines = [*overrides, *([f"hydra.mode={mode.name}"] if mode is RunMode.MULTIRUN else [])]
    config = compose.hydra.compose_config(compose.config_name, lines, run_mode=mode)
    config.hydra.mode = mode
    return Composed(config)


def single(compose: Composer, composed: Composed, task: Task) -> None:
    """Run one job in the folder that `hydra.run.dir` names."""
    config = composed.node
    callbacks = Callbacks(config)
    context = HydraContext(config_loader=compose.loader, callbacks=callbacks)
    callbacks.on_run_start(config=config, config_name=compose.config_name)
    done = _job(context, config, task, "hydra.run.dir", None)
    callbacks.on_run_end(config=config, config_name=compose.config_name, job_return=done)
    # This raises the error that ended the job.
    _ = done.return_value


def sweep(compose: Composer, composed: Composed, task: Task) -> None:
    """Run the jobs of a sweep one after the other, in subfolders of `hydra.sweep.dir`."""
    config = composed.node
    folder = Folder(user_path(config.hydra.sweep.dir))
    callbacks = Callbacks(config)
    context = HydraContext(config_loader=compose.loader, callbacks=callbacks)
    callbacks.on_multirun_start(config=config, config_name=compose.config_name)
    folder.make()
    whole.write(folder, SWEEP, OmegaConf.to_yaml(config))
    with TemporaryDirectory(prefix="snntrain-sweep-") as place:
        given = copy.deepcopy(config)
        given.hydra.sweep.dir = place
        sweeper = Plugins.instance().instantiate_sweeper(
            config=given, hydra_context=context, task_function=_unused_task
        )
        # Each sweeper calls its launcher to run the jobs of a batch.
        sweeper.launcher = _InThisProcess(config, context, task)
        try:
            sweeper.sweep(arguments=list(config.hydra.overrides.task))
        finally:
            for file in Path(place).iterdir():
                if file.name != SWEEP and file.is_file():
                    whole.write(folder, file.name, file.read_bytes())
    callbacks.on_multirun_end(config=config, config_name=compose.config_name)


class _InThisProcess(Launcher):
    """A launcher that runs the jobs of a sweeper in this process."""

    def __init__(self, config: DictConfig, context: HydraContext, task: Task) -> None:
        self.config, self.context, self.task = config, context, task

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Do nothing: the constructor has set everything."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of a batch; the result of each raises the error that ended it."""
        done = []
        for number, overrides in enumerate(job_overrides, initial_job_idx):
            print(f"\njob {number}: {' '.join(filter_overrides(overrides))}", flush=True)
            config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = number
            done.append(_job(self.context, config, self.task, "hydra.sweep.dir", "hydra.sweep.subdir"))
        return done


def _job(context: HydraContext, config: DictConfig, task: Task, folder_key: str, below_key: str | None) -> JobReturn:
    """Make the folder of a job, and run the job in it."""
    # References such as ${hydra:…} look up Hydra's part there.
    HydraConfig.instance().set_config(config)
    below = str(OmegaConf.select(config, below_key)) if below_key else ""
    if leads_out(below):
        raise UserError(f"{below_key}={below}: the folder of a job must lie below the sweep's; leave .. out")
    folder = Folder(user_path(OmegaConf.select(config, folder_key)), *Path(below).parts)
    check_run(folder)
    folder.make()
    logs.begin(folder.path, _verbose(config))
    if config.hydra.output_subdir is not None:
        # The files of a run are whole even if nothing more can be written, as on a full disk: it can be resumed later.
        run = RunFolder(folder.path, str(config.name), list(config.allow_targets))
        with run.writing() if holds_a_run(folder.path) else nullcontext():
            _write_down(folder, config)
    # Not every combination of a sweep was checked, and a combination may choose files with other values.
    lines = forbidden(config, [*config.hydra.overrides.hydra, *config.hydra.overrides.task])
    with read_write(config.hydra):
        config.hydra.output_subdir = None
    return run_job(
        hydra_context=context,
        task_function=lambda job_config: task(Composed(job_config), Path(os.path.abspath(folder.path)), lines),
        config=config,
        job_dir_key=folder_key,
        job_subdir_key=below_key,
        configure_logging=False,
    )


def _verbose(config: DictConfig) -> bool | str | list[str]:
    verbose = config.hydra.verbose
    return list(verbose) if isinstance(verbose, ListConfig) else verbose


def _write_down(folder: Folder, config: DictConfig) -> None:
    """Write the files of .hydra with Hydra's names: the overrides, and the composed configuration."""
    own = OmegaConf.masked_copy(config, "hydra")
    with read_write(own.hydra.runtime):
        own.hydra.runtime.output_dir = os.path.abspath(folder.path)
    whole.write_together(
        folder / HYDRA_FOLDER,
        {
            CONFIG: OmegaConf.to_yaml(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])),
            HYDRA_SETTINGS: OmegaConf.to_yaml(own),
            OVERRIDES: OmegaConf.to_yaml(config.hydra.overrides.task),
        },
    )


def _unused_task(config: DictConfig) -> None:
    """Stand in for the task function, which the launcher here does not use."""
