"""The work of the processes of a run, as JSON: they are handed it by the process that read the command line."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from snntrain.config import wire
from snntrain.config.schema import Config
from snntrain.data.download import only_read, read_only_root


@dataclass(frozen=True)
class Work:
    """A run to train.

    Args:
        config: its checked settings, as `snntrain.config.wire` writes them.
        folder: its folder.
        typed: the command as it was typed.
        root: a data root that is only read, and the file that names it; None if downloads are allowed.
        verbose: whether debug messages are shown, or the loggers that show them.
    """

    config: str
    folder: str
    typed: Sequence[str]
    root: Sequence[str] | None
    verbose: bool | Sequence[str]

    @classmethod
    def of(cls, config: Config, folder: Path, typed: Sequence[str]) -> Work:
        """Return the work of training in a folder, as it is set up in this process."""
        root = read_only_root()
        return cls(wire.to_json(config), str(folder), list(typed), root and [*map(str, root)], _verbose())

    @classmethod
    def from_json(cls, text: str) -> Work:
        """Return the work that `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return the work as one line."""
        return json.dumps(asdict(self))

    def settings(self) -> Config:
        """Return the settings of the run."""
        return wire.from_json(self.config)

    def reading(self) -> AbstractContextManager[None]:
        """Forbid downloads in the block, as in the process that read the command line."""
        if self.root is None:
            return nullcontext()
        root, file = self.root
        return only_read(root, Path(file))


def _verbose() -> bool | list[str]:
    """Return whether all loggers of this process show debug messages, or the names of those that do."""
    names = [name for name in logging.root.manager.loggerDict if logging.getLogger(name).level == logging.DEBUG]
    return True if logging.root.level == logging.DEBUG else sorted(names)
