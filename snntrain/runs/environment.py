"""environment.json: the environment of a run at each of its starts."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from snntrain.files import bounded
from snntrain.runs import git

PACKAGES = ("snntrain", "torch", "torchvision", "numpy", "hydra-core", "omegaconf", "tensorboard")


def environment(hardware: Mapping[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """Return everything needed to repeat a run: time, command, folder, versions and `hardware`.

    Args:
        hardware: the device and the settings of PyTorch, by key.
        command: the command that the user typed.
    """
    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": list(command),
        "folder": os.getcwd(),
        "git_commit": git.commit(Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        **hardware,
    }


def earlier_starts(file: Path) -> list[dict[str, Any]]:
    """Return the environments of the starts so far, beginning with the first.

    file: environment.json of the latest start. If it is missing or damaged, the list is empty.
        file: environment.json of the latest start. If it is missing or damaged, the list is empty.
    """
    try:
        last = json.loads(bounded.text(file))
        # A stranger may have nested it so deeply that it can be read but not written again.
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
