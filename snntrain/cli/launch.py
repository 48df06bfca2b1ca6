"""The start of a job through Hydra; the files that Hydra would write are written here.

Hydra sets up logging from the configuration, and follows any link in the folder of a run when it writes there. Instead,
`snntrain.cli.log` sets up logging, and `Folder` writes the files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.core import utils
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf, read_write

from snntrain.cli import log as logs
from snntrain.config.compose import Composer
from snntrain.config.composed import Composed
from snntrain.config.trust.config_files import leads_out
from snntrain.config.validate import forbidden
from snntrain.errors import UserError
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.files.paths import user_path
from snntrain.runs.layout import CONFIG, HYDRA_FOLDER, HYDRA_SETTINGS, OVERRIDES
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.unstarted import holds_a_run
from snntrain.runs.writable import check_run

# A function that runs a job: its configuration, its folder, and a line for each forbidden value. It returns the best
# validation accuracy, and the error that ended the job, in one line.
Task = Callable[[Composed, Path, Sequence[str]], tuple[float, str | None]]


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
    done = run_job(context, config, task, "hydra.run.dir")
    callbacks.on_run_end(config=config, config_name=compose.config_name, job_return=done)
    # This raises the error that ended the job.
    _ = done.return_value


def run_job(
    context: HydraContext, config: DictConfig, task: Task, folder_key: str, below_key: str | None = None
) -> JobReturn:
    """Make the folder of a job, and run the job in it.

    Args:
        context: Hydra's loader and callbacks.
        config: the composed configuration, with Hydra's part.
        task: runs the job.
        folder_key, below_key: the keys that name the folder, and a folder below it.

    Returns:
        The result of the task, or the error that ended it.

    Raises:
        UserError: the folder cannot be used.
    """
    folder = job_folder(config, folder_key, below_key)
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
    return utils.run_job(
        hydra_context=context,
        task_function=lambda job_config: task(Composed(job_config), Path(os.path.abspath(folder.path)), lines),
        config=config,
        job_dir_key=folder_key,
        job_subdir_key=below_key,
        configure_logging=False,
    )


def job_folder(config: DictConfig, folder_key: str, below_key: str | None = None) -> Folder:
    """Return the folder of a job; `run_job` describes the arguments.

    Raises:
        UserError: it does not lie below the sweep's folder.
    """
    # References such as ${hydra:…} look up Hydra's part there.
    HydraConfig.instance().set_config(config)
    below = str(OmegaConf.select(config, below_key)) if below_key else ""
    if leads_out(below):
        raise UserError(f"{below_key}={below}: the folder of a job must lie below the sweep's; leave .. out")
    return Folder(user_path(OmegaConf.select(config, folder_key)), *Path(below).parts)


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
            CONFIG: Composed(config).text(),
            HYDRA_SETTINGS: OmegaConf.to_yaml(own),
            OVERRIDES: OmegaConf.to_yaml(config.hydra.overrides.task),
        },
    )
