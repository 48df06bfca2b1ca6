"""YAML and text of a run folder, which may come from a stranger: data alone, and no more than can be held."""

import os
import stat
from pathlib import Path
from typing import Any

import yaml

# Ten times as fast as the loader in Python, and not in every build of PyYAML.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A configuration has 2 kB, the metrics of a thousand epochs 0.5 MB.
MOST_BYTES = 64 * 2**20


class Refused(ValueError):
    """A file that is no plain data, and why."""


def text(file: Path, most: int = MOST_BYTES, errors: str = "strict") -> str:
    """The UTF-8 text of a file.

    Raises:
        OSError: it cannot be read.
        Refused: it has more than `most` bytes, or is a device or a pipe, as which a link can be disguised: these have
            no end, or never begin.
        UnicodeDecodeError: it is no UTF-8, unless `errors` says what to put in place of what is none.
    """
    with open(file, "rb", opener=_at_once) as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise Refused("it is no regular file")
        content = opened.read(most + 1)
    if len(content) > most:
        raise Refused(f"it has more than {most / 1e6:.0f} MB")
    return content.decode("utf-8", errors)


def _at_once(path: str, flags: int) -> int:
    """Opens a pipe that nobody writes to as well, without waiting for somebody."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse(content: str) -> Any:
    """The data that a text in YAML holds.

    Aliases are refused: each may stand for many others, so that a short text unfolds to more than any memory holds,
    or contains itself. No file of ours has any.

    Raises:
        ValueError, yaml.YAMLError: it is no YAML, or more than data.
        RecursionError: it is nested too deep.
    """
    # Without an anchor there is nothing that an alias could stand for.
    if "&" in content and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader)):
        raise Refused("it has aliases, as *name")
    return yaml.load(content, Loader)


def unfolded(content: str) -> int:
    """How many values a text in YAML has once each alias is replaced by what it stands for.

    Raises:
        Refused: an alias stands for what it is in.
        yaml.YAMLError: it is no YAML.
        RecursionError: it is nested too deep.
    """
    counts: dict[int, int | None] = {}

    def count(node: yaml.Node | None) -> int:
        if node is None or isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) in counts:
            known = counts[id(node)]
            if known is None:
                raise Refused("an alias stands for what it is in")
            return known
        counts[id(node)] = None
        below = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        counts[id(node)] = total = 1 + sum(map(count, below))
        return total

    return count(yaml.compose(content, Loader))
