"""The number of cases that are tried, and the form of a line for the user."""

import os
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from snntrain.errors import LONGEST_LINE, UserError

# The start of each line that the command line prints to stderr.
NAME = "snntrain: "
FACTOR = int(os.environ.get("SNNTRAIN_FUZZ", "1"))


def few_and_many(few: int, many: int) -> pytest.MarkDecorator:
    """Pass `count` to a test: `few` in the default run, `many` in the slow one, both times FACTOR."""
    slow = pytest.param(many * FACTOR, id="many", marks=pytest.mark.slow)
    return pytest.mark.parametrize("count", [pytest.param(few * FACTOR, id="few"), slow])


class Tried:
    """A counter of the cases of the current test."""

    cases = 0


def fuzzed(examples: int) -> Callable[[Any], Any]:
    """Return settings of a property test: the same examples each time, or FACTOR times as many new ones."""
    return settings(
        max_examples=examples * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )


def dice(name: str) -> random.Random:
    """Return a random generator for damages of a file: the same numbers each time unless FACTOR is set."""
    return random.Random(name if FACTOR == 1 else None)


def damages(good: bytes, name: str, count: int, head: int = 0) -> Iterable[bytes]:
    """Yield the file cut off at each length up to `head`, and `count` times FACTOR other damages of it."""
    for length in range(min(head, len(good))):
        yield good[:length]
    draw = dice(name)
    for _ in range(count * FACTOR):
        yield _damaged(good, draw)


def _damaged(good: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(good))
    spoilt = bytearray(good)
    match draw.randrange(6):
        case 0:
            return good[:place]
        case 1:
            spoilt[place] ^= 1 << draw.randrange(8)
        case 2:
            spoilt[place : place + draw.randrange(64)] = draw.randbytes(draw.randrange(64))
        case 3:
            return draw.randbytes(draw.randrange(200))
        case 4:
            end = draw.randrange(len(good))
            spoilt[place:place] = good[min(place, end) : max(place, end)][:4096]
        case _:
            spoilt[place : place + 8] = bytes([draw.choice([0, 0xFF, 0x7F, 0x80])]) * 8
    return bytes(spoilt)


def readable(line: str) -> bool:
    """Return whether a line can be read on any terminal, and at a glance."""
    return bool(line.strip()) and line.isprintable() and len(line) <= LONGEST_LINE + len(" … ")


def is_readable(error: UserError) -> bool:
    """Return whether all lines of an error can be read."""
    return bool(error.lines) and all(map(readable, error.lines)) and str(error) == "\n".join(error.lines)


def output_is_readable(stderr: str) -> bool:
    """Return whether a command printed only readable lines that start with NAME."""
    return all(
        line.startswith(NAME) and readable(line.removeprefix(NAME)) for line in stderr.removesuffix("\n").split("\n")
    )
