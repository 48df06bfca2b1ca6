"""What a sweep needs beyond its single runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from snntrain.errors import RunFailed


def keep_with_swept_groups(overrides: Sequence[str]) -> list[str]:
    """Turns a fixed key of a swept group into a sweep over its one value.

    Before its jobs Hydra composes the defaults with the fixed overrides alone, so that `neuron=lif,rif neuron.tau=3`
    would meet the default neuron, which may have no such key. What is swept is left for the jobs.
    """
    parser = OverridesParser.create()
    parsed = [(line, parser.parse_override(line)) for line in overrides]
    swept = {override.key_or_group for _, override in parsed if override.is_sweep_override()}
    kept = []
    for line, override in parsed:
        fixed = not override.is_sweep_override() and not override.is_delete()
        below = override.key_or_group.partition(".")[0] in swept and override.key_or_group not in swept
        key, _, value = line.partition("=")
        kept.append(f"{key}=choice({value})" if fixed and below and value else line)
    return kept


class RememberFolder(Callback):
    """Tells `conclude` where the sweep's folder is: Hydra's main function does not."""

    folder: ClassVar[Path | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        RememberFolder.folder = Path(config.hydra.sweep.dir)


def conclude() -> None:
    """Prints how many jobs of the sweep were completed.

    Raises:
        RunFailed: not all of them.
    """
    folder = RememberFolder.folder
    if folder is None:
        return
    jobs = {path.parent: json.loads(path.read_text()) for path in sorted(folder.glob("*/summary.json"))}
    failed = {path: summary for path, summary in jobs.items() if summary["status"] != "completed"}
    print(f"{len(jobs) - len(failed)} of {len(jobs)} jobs completed in {folder}")
    for path, summary in failed.items():
        print(f"  {summary['status']}: {path.name}: {summary['error']}")
    if failed:
        raise RunFailed(f"{len(failed)} of {len(jobs)} jobs of the sweep failed; each folder's summary.json says why")
