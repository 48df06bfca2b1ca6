"""The common part of the commands on a finished run: find it, and build its network with a checkpoint's weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snntrain.cli import named_root, one_process
from snntrain.cli.arguments import Arguments, parse, unquoted
from snntrain.config import saved
from snntrain.config.values import value_at
from snntrain.errors import UserError
from snntrain.process.allocator import keep_freed_memory
from snntrain.runs.latest import LATEST, named_run
from snntrain.training.job import build, normalisation, world
from snntrain.training.job.build import Job
from snntrain.training.job.out_of_memory import EVALUATION_OF_A_FINISHED_RUN, explained
from snntrain.training.saving import checkpoint

CHECKPOINTS = ("best", "last")
# The test images are read once, without worker processes unless the command line asks for them.
WORKERS = "workers"


@dataclass(frozen=True)
class Finished:
    """The finished run of a command.

    Args:
        folder: the run's folder.
        given: the words that the command reads itself, such as `sample` for inspect.
        overrides: overrides of the run's configuration.
        checkpoint: the file of the weights.
        epoch: the epoch after which the weights were saved.
        job: the job of the run, with these weights in the evaluated network.
    """

    folder: Path
    given: Mapping[str, str]
    overrides: Sequence[str]
    checkpoint: Path
    epoch: int
    job: Job


def asked_for(argv: Sequence[str], command: str, usage: str, own: Collection[str] = ()) -> Finished | None:
    """Return the run that a command names; None if the usage is asked for, which is then printed.

    Args:
        argv: the arguments.
        command: name of the command.
        usage: text on how to use it.
        own: the words that the command reads itself, besides `run` and `checkpoint`.

    Raises:
        UserError: there are several processes, the command does not take a flag, or no run is given; also as
            `saved.load`, `build.prepare` and `checkpoint.restore`.
        RunFailed: there is not enough memory.
    """
    arguments = parse(argv)
    if "--help" in arguments.flags:
        print(usage)
        return None
    one_process.check()
    given, overrides = _split(arguments, command, own)
    folder = named_run("run", given["run"])
    path = folder / "checkpoints" / f"{given['checkpoint']}.pt"
    keep_freed_memory()
    config = saved.load(folder, overrides, arguments.flags.get("--config-dir"))
    if not any(override.startswith(f"dataset.{WORKERS}=") for override in overrides):
        config.dataset.workers = 0
    root = value_at(config.dataset, "root")
    here = world.decide(config.trainer)
    with explained(config, here, EVALUATION_OF_A_FINISHED_RUN):
        # Report a damaged file before reading the data.
        state = checkpoint.load(path)
        with here.current(), named_root.kept(root, overrides, folder / "config.yaml"):
            job = build.prepare(config, here, normalisation.kept(state))
        checkpoint.restore(job.evaluated.network, path, state)
    if type(epoch := state.get("epoch")) is not int:
        raise UserError(
            f"{path}: does not say after which epoch it was saved; take the run's other checkpoint, or a good copy"
        )
    here.report(config.trainer)
    return Finished(folder, given, overrides, path, epoch, job)


def _split(arguments: Arguments, command: str, own: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Return the words that the command reads itself, and the overrides."""
    for flag in arguments.flags.keys() - {"--config-dir"}:
        words = ", ".join(["run=<folder>", f"checkpoint={'|'.join(CHECKPOINTS)}", *(f"{word}=" for word in own)])
        raise UserError(f"{flag}: {command} takes {words}, overrides and --config-dir")
    given, overrides = {"checkpoint": "best"}, []
    for word in arguments.overrides:
        key, _, value = word.partition("=")
        if key in ("run", "checkpoint", *own):
            given[key] = unquoted(value)
        else:
            overrides.append(word)
    if not given.get("run"):
        example = "run=outputs/<date>/<time>-<id>"
        raise UserError(f"{command} needs run=<folder>, the folder of a finished run, as in {example}, or run={LATEST}")
    if given["checkpoint"] not in CHECKPOINTS:
        raise UserError(f"checkpoint={given['checkpoint']}: must be {' or '.join(CHECKPOINTS)}")
    return given, overrides
