"""YAML from strangers, such as that of a run folder: data only."""

from typing import Any

import yaml

from snntrain.files.bounded import Refused

# Ten times as fast as the loader in Python, but not in every build of PyYAML.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(content: str) -> Any:
    """Return the data of a text in YAML.

    Aliases are refused: each may stand for many others, so a short text could expand to more than any memory holds, or
    contain itself. This program writes no aliases.

    Raises:
        ValueError, yaml.YAMLError: it is not YAML, or holds more than data.
        RecursionError: it is nested too deeply.
    """
    # An alias needs an anchor.
    if "&" in content and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader)):
        raise Refused("it has aliases, as *name")
    return yaml.load(content, Loader)


def unfolded(content: str) -> int:
    """Count the values of a text in YAML after each alias is replaced by its value.

    Raises:
        Refused: an alias contains itself.
        yaml.YAMLError: it is not YAML.
        RecursionError: it is nested too deeply.
    """
    counts: dict[int, int | None] = {}

    def count(node: yaml.Node | None) -> int:
        if node is None or isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) in counts:
            known = counts[id(node)]
            if known is None:
                raise Refused("an alias contains itself")
            return known
        counts[id(node)] = None
        below = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        counts[id(node)] = total = 1 + sum(map(count, below))
        return total

    return count(yaml.compose(content, Loader))
