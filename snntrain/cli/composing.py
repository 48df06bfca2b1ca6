"""The composition of a command's configuration, and the checks of what Hydra would do by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from hydra.errors import HydraException
from hydra.types import RunMode

from snntrain.cli.arguments import Arguments
from snntrain.config.compose import Composer, composer
from snntrain.config.composed import Composed
from snntrain.config.explain import key_of
from snntrain.errors import UserError, first_line
from snntrain.runs.layout import HYDRA_FOLDER

LOGGING = ("hydra.job_logging", "hydra.hydra_logging")


def composer_of(arguments: Arguments) -> AbstractContextManager[Composer]:
    return composer(arguments.flags.get("--config-name", "config"), arguments.flags.get("--config-dir"))


def check_overrides(overrides: Sequence[str]) -> None:
    """Check that no override changes how snntrain logs.

    Raises:
        UserError: one does.
    """
    for line in overrides:
        if key_of(line).replace("/", ".").startswith(LOGGING):
            raise UserError(
                f"{line}: snntrain logs by itself, to the terminal and to the run's train.log; leave it out, "
                "hydra.verbose=true shows debug messages"
            )


def check_composed(first: Composed, arguments: Arguments, *, multirun: bool) -> None:
    """Check the flags and Hydra's own part of a configuration, which is that of the first job for a sweep.

    Raises:
        UserError: Hydra would do something that snntrain does not support.
    """
    package = arguments.flags.get("--package", "_global_")
    if package != "_global_" and first.value(package) is None:
        raise UserError(
            f"--package {package}: there is no such part of the configuration; give one that exists, as neuron"
        )
    if first.value("hydra.job.chdir"):
        raise UserError(
            "hydra.job.chdir=true: a run finds data, and your own classes, relative to the current folder; "
            "leave it out, a run writes into its own folder anyway"
        )
    if not multirun and str(first.value("hydra.mode")).endswith(RunMode.MULTIRUN.name):
        raise UserError("hydra.mode=MULTIRUN: would start a sweep without a report; give -m instead")
    subdir = first.value("hydra.output_subdir")
    if subdir not in (None, HYDRA_FOLDER):
        raise UserError(
            f"hydra.output_subdir={subdir}: reports read the overrides from {HYDRA_FOLDER}/; "
            "leave it out, or give null to write no such folder"
        )


@contextmanager
def cannot_be_written() -> Iterator[None]:
    """Report a folder that cannot be made, and the remedy; inside a job every error is caught."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename}: cannot be written ({error.strerror}); choose another folder with hydra.run.dir=… "
            "(hydra.sweep.dir=… with -m)"
        ) from error


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except (HydraException, ValueError) as error:
        raise UserError(first_line(error)) from error
