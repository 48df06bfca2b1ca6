"""Checkpoints: written whole or not at all, and read without running any code of theirs."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snntrain.errors import UserError

FORMAT = 1


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes `state` beside `path` and renames it, so that a crash leaves the old file or the new one."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> dict[str, Any]:
    """The state that `save` wrote, its tensors on the CPU.

    Raises:
        UserError: there is no such file, it is damaged, or it is no checkpoint of this program.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such checkpoint") from None
    except Exception as error:  # Bytes that are no pickle may raise anything.
        raise UserError(f"{path}: damaged, or no checkpoint at all; try the run's other one") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or "model" not in state:
        raise UserError(f"{path}: not a checkpoint that this version of snntrain can read (format {FORMAT})")
    return state


def restore(net: nn.Module, path: Path) -> dict[str, Any]:
    """Puts the checkpoint's evaluated weights into `net`, and returns the rest of it.

    Raises:
        UserError: what `load` raises, or weights that do not fit the network.
    """
    state = load(path)
    try:
        net.load_state_dict(state["model"])
    except (RuntimeError, TypeError, AttributeError) as error:
        detail = " ".join(str(error).split("\n", 1)[-1].split())
        raise UserError(
            f"{path}: its weights do not fit this network; was an override given? ({detail:.200})"
        ) from error
    return state
