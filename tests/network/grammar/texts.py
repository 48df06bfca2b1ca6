"""Texts for the tests, and networks made from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch

from snntrain.network.grammar import WrittenNetwork
from tests.network.inputs import neuron

DIGITS, COLOUR, UNITS = (1, 8, 8), (3, 16, 16), (20,)
# Each kind of layer, option and bracket at least once.
EVERYTHING = (
    "8C3b-tdBN-N-[8C3-BN-N-DW3-tdBN0.7-N]+-P2-{[16C3s2-BN-N]+}*1-[16C3g4-BN-N | DW3p1-BN-N]!&-"
    "[16C3d2-BN-N]&-DP0.1-8C3p0-BN-N-AP2-GAP-DP0.1-[32b-BN-N-12-N]+-6Kb-BN-N-V6"
)


def written(text: str, shape: tuple[int, ...] = DIGITS, classes: int = 10, **changes: Any) -> WrittenNetwork:
    torch.manual_seed(0)
    return WrittenNetwork(shape, classes, changes.pop("neuron", neuron), text, **changes)


def refused(make: Callable[[], object], text: str) -> str | None:
    """Return the message with which a text is refused; None if it is not. The message points at a token of the text."""
    try:
        make()
    except ValueError as error:
        message = str(error)
    else:
        return None
    assert len(message.splitlines()) == 1, message
    assert message.isprintable(), message
    if not re.match(r"layers has [\d,]+ characters: give at most", message):
        found = re.match(r"(.+?) at column (\d+) of layers", message)
        assert found, message
        start = int(found[2]) - 1
        assert start == len(text) if found[1] == "the end" else repr(text[start:])[1:-1].startswith(found[1]), message
    return message
