"""The weights with which a run starts, from another run: transfer and fine-tuning."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snntrain.errors import UserError, printable
from snntrain.files.paths import shown
from snntrain.runs.layout import BEST, CHECKPOINTS_FOLDER, LAST
from snntrain.training.job.build import Job
from snntrain.training.job.world import World
from snntrain.training.saving import checkpoint

KEY = "trainer.init_from"
# A line shows this many names at most.
MOST_NAMES = 20


@dataclass(frozen=True)
class Source:
    """The evaluated weights in a checkpoint.

    Args:
        file: the checkpoint.
        sha256: SHA-256 of the file.
        weights: parameters and buffers of its network, by name.
    """

    file: Path
    sha256: str
    weights: dict[str, Tensor]

    def entry(self) -> dict[str, str]:
        """Return the entry of environment.json."""
        return {"file": str(self.file), "sha256": self.sha256}


def read(given: str) -> Source:
    """Read the weights of a run or of a checkpoint.

    Args:
        given: a run folder, with its best checkpoint or else its last one, or the file of a checkpoint.

    Raises:
        UserError: there is no such checkpoint, it is damaged, or its weights are not finite.
    """
    file = _file(Path(given).expanduser(), given)
    content = checkpoint.read(file)
    weights = checkpoint.parse(file, content)["model"]
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise UserError(f"{KEY}={given}: {shown(file)} has no weights of a network; give a run folder of snntrain")
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise UserError(
            f"{KEY}={given}: weights in {shown(file)} are not finite, and training cannot start from them; "
            "give another checkpoint"
        )
    return Source(file, hashlib.sha256(content).hexdigest(), dict(weights))


def _file(path: Path, given: str) -> Path:
    if not path.is_dir():
        return path
    for name in (BEST, LAST):
        if (file := path / CHECKPOINTS_FOLDER / name).is_file():
            return file
    raise UserError(
        f"{KEY}={given}: is not the folder of a run with a checkpoint; give one that has {CHECKPOINTS_FOLDER}/{BEST}, "
        "or the file of a checkpoint"
    )


def load(job: Job, source: Source | None) -> list[str]:
    """Load weights into a fresh job by name where shapes agree, in all processes; return lines on what was left out.

    Buffers, such as the statistics of a batch normalisation, and the constants of neurons are weights, too.

    Args:
        job: it is changed, with its average of the weights.
        source: the weights in process 0; None in the others.

    Raises:
        UserError: no weight agrees in name and shape.
    """
    weights = _of_process_0(job.world, source)
    own = job.model.network.state_dict()
    agree = [name for name in own if name in weights and _agrees(weights[name], own[name])]
    given = job.config.trainer.init_from
    if not agree:
        raise UserError(
            f"{KEY}={given}: none of its {len(weights)} weights agrees in name and shape with the {len(own)} of this "
            "network; give a run with a network of the same kind"
        )
    with torch.no_grad():
        for name in agree:
            own[name].copy_(weights[name])
    if job.average is not None:
        job.average.model.load_state_dict(job.model.state_dict())
    others = [name for name in own if name in weights and name not in agree]
    absent = [name for name in own if name not in weights]
    more = [name for name in weights if name not in own]
    return [
        f"{KEY}={given}: {len(agree)} of {len(own)} weights are those of that run",
        *_line("of another shape there, left as they begin", others),
        *_line("not there, left as they begin", absent),
        *_line("only there, left out", more),
    ]


def _of_process_0(world: World, source: Source | None) -> Mapping[str, Tensor]:
    """Return the weights that process 0 has read: only its machine needs the file."""
    if world.size == 1:
        assert source is not None
        return source.weights
    content = world.broadcast_bytes(None if source is None else checkpoint.as_bytes({"model": source.weights}))
    weights: dict[str, Tensor] = checkpoint.from_bytes(content)["model"]
    return weights


def _agrees(given: Tensor, own: Any) -> bool:
    alike = isinstance(own, Tensor) and given.shape == own.shape and not given.is_complex()
    return alike and given.is_floating_point() == own.is_floating_point()


def _line(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = ", …" if len(names) > MOST_NAMES else ""
    return [f"{KEY}: {len(names)} {what}: {', '.join(map(printable, names[:MOST_NAMES]))}{more}"]
