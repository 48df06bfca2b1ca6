"""The environment of a run, and of its earlier starts: what environment.json says."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from snntrain.files import plain_yaml
from snntrain.runs import git

PACKAGES = ("snntrain", "torch", "torchvision", "numpy", "hydra-core", "omegaconf", "tensorboard")


def environment(device: str, device_name: str, command: Sequence[str]) -> dict[str, Any]:
    """When, where and by which command a run is started: what it takes to run it again."""
    import torch

    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": list(command),
        "folder": os.getcwd(),
        "git_commit": git.commit(Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": device,
        "device_name": device_name,
        "cuda": torch.version.cuda,
        "cpu_threads": torch.get_num_threads(),
    }


def earlier_starts(file: Path) -> list[dict[str, Any]]:
    """The environments of a run's starts so far, the first one first.

    Args:
        file: environment.json of the last of them; where that is missing or damaged, nothing is known of any.
    """
    try:
        last = json.loads(plain_yaml.text(file))
        # What a stranger has nested too deep could be read, and not written again.
        json.dumps([[last]], indent=2)
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(last, dict) or not last:
        return []
    before = last.pop("earlier", [])
    return [*(before if isinstance(before, list) else []), last]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
