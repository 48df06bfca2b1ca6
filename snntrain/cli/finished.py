"""What the commands on a finished run share: which run is meant, and its network with the weights of a checkpoint."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from snntrain.cli.arguments import Arguments
from snntrain.config import saved
from snntrain.errors import UserError
from snntrain.training import build, checkpoint
from snntrain.training.build import Job

CHECKPOINTS = ("best", "last")


def wanted(arguments: Arguments, command: str, own: Collection[str] = ()) -> tuple[dict[str, str], list[str]]:
    """The words that the command reads itself, `run`, `checkpoint` and its `own`, and the overrides that remain.

    Raises:
        UserError: a flag that the command does not take, no run, or a checkpoint that no run has.
    """
    for flag in arguments.flags.keys() - {"--config-dir"}:
        words = ", ".join(["run=<folder>", f"checkpoint={'|'.join(CHECKPOINTS)}", *(f"{word}=" for word in own)])
        raise UserError(f"{flag}: {command} takes {words}, overrides and --config-dir")
    given, overrides = {"checkpoint": "best"}, []
    for word in arguments.overrides:
        key, _, value = word.partition("=")
        if key in ("run", "checkpoint", *own):
            given[key] = value
        else:
            overrides.append(word)
    if not given.get("run"):
        example = "run=outputs/<date>/<time>-<id>"
        raise UserError(f"{command} needs run=<folder>, the folder of a finished run, as in {example}")
    if given["checkpoint"] not in CHECKPOINTS:
        raise UserError(f"checkpoint={given['checkpoint']}: must be {' or '.join(CHECKPOINTS)}")
    return given, overrides


def restored(
    given: Mapping[str, str], overrides: Sequence[str], config_dir: str | None
) -> tuple[Job, Path, dict[str, Any]]:
    """The run's job with the weights of its checkpoint, that checkpoint's path, and what else it holds.

    Raises:
        UserError: what `saved.load`, `build.prepare` and `checkpoint.restore` raise.
    """
    run = Path(given["run"])
    path = run / "checkpoints" / f"{given['checkpoint']}.pt"
    config = saved.load(run, overrides, config_dir)
    # A damaged file is told before the data are read.
    checkpoint.load(path)
    job = build.prepare(config)
    return job, path, checkpoint.restore(job.evaluated.network, path)
