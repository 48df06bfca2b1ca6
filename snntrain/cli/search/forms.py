"""The forms in which a person writes a dimension: log(1e-4, 1e-1), int(2, 8), [lif, plif], interval(0, 1) …"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from snntrain.cli.search.space import Choice, Dimension, Range
from snntrain.config import words
from snntrain.config.compose import Composer
from snntrain.config.dotted import leaves, typed
from snntrain.errors import UserError

SPACE = "search.space"
FORM = re.compile(r"(log|uniform|int)?\s*\((.*)\)", re.DOTALL)
FORMS = "a list as [a,b], log(low,high), uniform(low,high), int(low,high), int(low,high,log), or with step=…"


def is_form(text: str) -> bool:
    """Return whether a text of the command line is a range of ours; int(3) with one number is Hydra's."""
    found = FORM.fullmatch(text.strip())
    return found is not None and len(words.split_at_commas(found[2])) > 1


def of_file(content: Any) -> dict[str, Any]:
    """Return the space of a file, by dotted key.

    In {lr: log(1, 2)} YAML takes the comma for the end of the value; the parts are put together again.
    """
    if not isinstance(content, Mapping):
        raise UserError(f"{SPACE}={typed(content)}: must be a mapping of keys, each with {FORMS}")
    found: dict[str, Any] = {}
    open_key = ""
    for key, value in leaves(content):
        if open_key and value is None:
            found[open_key] += f",{key}"
        else:
            found[str(key)] = value
            open_key = str(key)
        text = found[open_key]
        if not isinstance(text, str) or text.count("(") <= text.count(")"):
            open_key = ""
    return found


def of_text(text: str) -> dict[str, str]:
    """Return the space of `search.space={…}` on the command line, by dotted key."""
    inside = text.strip()
    if not (inside.startswith("{") and inside.endswith("}")):
        raise UserError(f"{SPACE}={text}: must be keys with values in braces, as in '{SPACE}={{T: int(2,8)}}'")
    found = {}
    for part in filter(None, (part.strip() for part in words.split_at_commas(inside[1:-1]))):
        key, colon, value = part.partition(":")
        if not colon or not value.strip():
            raise UserError(f"{SPACE}: '{part}' has no value; write key: value, with {FORMS}")
        found[words.unquoted(key.strip())] = words.unquoted(value.strip())
    return found


def dimension(compose: Composer, key: str, value: Any) -> Dimension:
    """Return the dimension that a value of the space describes.

    Raises:
        UserError: the value has another form.
    """
    if isinstance(value, list | tuple):
        return _choice(key, [_text(key, item) for item in value], typed(list(value)))
    text = str(value).strip()
    if found := FORM.fullmatch(text):
        arguments = [part.strip() for part in words.split_at_commas(found[2])]
        if not (found[1] == "int" and len(arguments) == 1):
            return _range(key, text, found[1] or "uniform", arguments)
    if text.startswith("[") and text.endswith("]"):
        items = [part.strip() for part in words.split_at_commas(text[1:-1])]
        # Each in one spelling, so that [128, 64] and [128,64] are the same.
        return _choice(key, [compose.parse(f"{key}={item}").get_value_element_as_str() for item in items if item], text)
    override = _swept(compose, f"{key}={text}")
    if override is None:
        raise UserError(f"{SPACE}: {key}: {text}: gives nothing to choose from; write {FORMS}")
    return of_override(key, override)


def of_override(key: str, override: Override) -> Dimension:
    """Return the dimension of an override with several values, in Hydra's own words."""
    given: Any = override.value()
    shown = override.input_line or key
    if isinstance(given, IntervalSweep):
        low, high = _finite(shown, given.start), _finite(shown, given.end)
        # Hydra makes whole numbers of int(interval(1,8)), and others of interval(1,8).
        ends: tuple[Any, Any] = (given.start, given.end)
        whole = all(type(end) is int for end in ends)
        return _checked(Range(key, low, high, log="log" in given.tags, whole=whole), shown)
    if isinstance(given, RangeSweep):
        return _of_range(key, given, shown)
    return _choice(key, list(override.sweep_string_iterator()), shown)


def _of_range(key: str, given: RangeSweep, shown: str) -> Dimension:
    """Return the dimension of range(start,stop,step), which does not include `stop`."""
    start, stop, step = (_finite(shown, number) for number in (given.start, given.stop, given.step))
    last = math.ceil((stop - start) / step) - 1 if step else -1
    if last < 0:
        raise UserError(f"{SPACE}: {key}: {shown}: gives nothing to choose from; write {FORMS}")
    whole = type(given.start) is int and type(given.step) is int
    low, high = sorted((start, start + last * step))
    if last == 0:
        return Choice(key, (str(given.start),))
    return Range(key, low, high, step=abs(step), whole=whole)


def _swept(compose: Composer, line: str) -> Override | None:
    try:
        override = compose.parse(line)
    except (UserError, HydraException):
        return None
    return override if override.is_sweep_override() else None


def _text(key: str, value: Any) -> str:
    """Return an item of a YAML list as the text of an override."""
    return words.read(words.assigned(key, value)).partition("=")[2] if isinstance(value, str) else typed(value)


def _choice(key: str, texts: Sequence[str], shown: str) -> Choice:
    if not texts:
        raise UserError(f"{SPACE}: {key}: {shown}: gives nothing to choose from; write {FORMS}")
    return Choice(key, tuple(dict.fromkeys(texts)))


def _range(key: str, text: str, kind: str, arguments: Sequence[str]) -> Range:
    numbers = [_finite(f"{key}={text}", argument) for argument in arguments[:2]]
    log, step = kind == "log", None
    for word in arguments[2:]:
        name, _, value = word.partition("=")
        if word == "log":
            log = True
        elif name.strip() == "step" and value:
            step = _finite(f"{key}={text}", value)
        else:
            raise UserError(f"{SPACE}: {key}: {text}: has '{word}', which is neither log nor step=…; write {FORMS}")
    if len(numbers) < 2:
        raise UserError(f"{SPACE}: {key}: {text}: needs two numbers, the lowest and the highest; write {FORMS}")
    return _checked(Range(key, numbers[0], numbers[1], log, step, whole=kind == "int"), text)


def _checked(found: Range, text: str) -> Range:
    where = f"{SPACE}: {found.key}: {text}"
    if not found.low < found.high:
        raise UserError(f"{where}: the first number must be below the second; turn them round, or give a list")
    if found.log and found.low <= 0:
        raise UserError(f"{where}: a logarithm needs numbers above 0; give a greater first number, or take uniform")
    if found.step is not None and (found.log or not 0 < found.step <= found.high - found.low):
        raise UserError(f"{where}: step must be above 0 and fit between both numbers, and goes without log")
    if found.whole and not all(float(number).is_integer() for number in (found.low, found.high, found.step or 1)):
        raise UserError(f"{where}: int takes whole numbers; write uniform for others")
    if found.step is None:
        return found
    # The highest number that is reached from the lowest in whole steps.
    steps = math.floor((found.high - found.low) / found.step + 1e-9)
    return replace(found, high=found.low + steps * found.step)


def _finite(shown: str, text: Any) -> float:
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{SPACE}: {shown}: '{text}' is not a number; write {FORMS}")
    return number
