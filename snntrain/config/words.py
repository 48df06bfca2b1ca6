"""The overrides of a command line as people type them, read before Hydra's grammar reads them.

A text that the grammar cannot read is taken literally: `name=#1` and `hydra.run.dir=~/r1` need no quotes, which the
shell would remove. The grammar reads lists, mappings and sweeps. A network as text is taken literally, even if it
begins with a bracket.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from snntrain.errors import UserError
from snntrain.files.paths import user_path

# Hydra itself makes these folders, so ~ must be replaced by the home folder before.
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")
# Keys that take any text, including one that looks like a number, such as 2024_01_02.
TEXTS = ("name", "dataset.root", "dataset.file", "network.layers", *FOLDERS)
# Keys of a text that has brackets of its own, and is never a list or mapping.
BRACKETED = ("network.layers",)
# Keys that are also groups of options: a word in place of their mapping names an option.
GROUPS = {"dataset.augment": "dataset/augment"}
CLOSING = {"[": "]", "{": "}", '"': '"', "'": "'", "(": ")"}
FUNCTION = re.compile(r"(choice|range|interval|glob|sort|shuffle|tag|extend_list|int|float|str|bool|json_str)\s*\(")


def read(word: str) -> str:
    """Return the override in the form in which Hydra reads it as the person means it.

    Raises:
        UserError: the word has no meaning; the message shows the word to type.
    """
    word = _option(word)
    key, equals, value = word.partition("=")
    override = _parsed(word)
    if not equals:
        if override is None:
            raise UserError(f"{word}: cannot be read; write key=value, as in T=8")
        return word
    if override is None:
        if _parsed(f"{key}=") is None:
            raise UserError(
                f"{word}: cannot be read; write key=value with a key of the letters a to z, digits, _ and dots, "
                "as in neuron.tau=3"
            )
        return f"{key}={_each(value, lambda text: _readable(word, key, text))}"
    own = key.lstrip("+~")
    if own in FOLDERS and str(override.value()).startswith("~"):
        return f"{key}={quoted(_at_home(own, str(override.value())))}"
    return f"{key}={_each(value, _unchanged)}" if own in TEXTS else word


def _option(word: str) -> str:
    """Return the choice of an option for a key that is also a group, as dataset/augment=… for dataset.augment=…"""
    key, equals, value = word.partition("=")
    group = GROUPS.get(key.lstrip("+").replace("/", "."))
    return f"{group}={value}" if group and equals and value.strip() not in ("", "null") and value[0] != "{" else word


def _each(value: str, change: Callable[[str], str]) -> str:
    """Return the value with each of its comma-separated parts changed."""
    return ",".join(change(part.strip(" \t")) for part in split_at_commas(value))


def _readable(word: str, key: str, text: str) -> str:
    """Return one part of a value, quoted if the grammar cannot read it."""
    own = key.lstrip("+~")
    if text and (override := _parsed(f"{key}={text}")) is not None and not override.is_sweep_override():
        return _unchanged(text) if own in TEXTS else text
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise UserError(f"{word}: cannot be read; a value holds no control characters, and its letters are UTF-8")
    if text.startswith("="):
        raise UserError(f"{word}: cannot be read; write {key}={text.lstrip('= ')} with one equals sign{_or(word)}")
    if not text or text[0] in "\"'" or FUNCTION.match(text):
        raise UserError(f"{word}: cannot be read as one value or as several; write key=value{_or(word)}")
    if text[0] in "[{" and own not in BRACKETED:
        raise UserError(f"{word}: cannot be read as a list or mapping; {_corrected(word, key, text)}")
    return quoted(_at_home(own, text) if own in FOLDERS else text)


def _unchanged(text: str) -> str:
    """Return the text, quoted if it is a number or boolean that Hydra would rewrite, such as 1.10 as 1.1."""
    value = override.value() if (override := _parsed(f"key={text}")) else None
    return quoted(text) if isinstance(value, bool | int | float) and str(value) != text else text


def _corrected(word: str, key: str, text: str) -> str:
    """Return a correction of a list: the word to type, if only quotes around its items are missing."""
    if text.startswith("[") and text.endswith("]"):
        inside = [part.strip(" \t") for part in split_at_commas(text[1:-1])]
        parts = [part if part and _parsed(f"{key}=[{part}]") else quoted(part) for part in inside]
        if _parsed(corrected := f"{key}=[{','.join(parts)}]") is not None:
            return f"write {shlex.quote(corrected)}"
    return f"write key=value with brackets that are closed, as in '{key}=[a,b]'{_or(word)}"


def _or(word: str) -> str:
    """Return the word to type if the value is meant literally, for a key that takes any text."""
    is_text = word.partition("=")[0].lstrip("+~") in TEXTS
    return f", or {literally(word)} if that is the text" if is_text else ""


def assigned(key: str, text: str) -> str:
    """Return the override that sets a key to this text, quoted if it would be read as something else."""
    word = f"{key}={text}"
    try:
        override = _parsed(read(word))
    except UserError:
        override = None
    meant = override is not None and not override.is_sweep_override() and override.value() == text
    return word if meant else f"{key}={quoted(text)}"


def literally(word: str) -> str:
    """Return the word to type in a shell so that the value of an override is its literal text."""
    key, _, text = word.partition("=")
    return shlex.quote(f"{key}={quoted(text)}")


def _at_home(key: str, text: str) -> str:
    """Return the folder with ~ replaced by the home folder, if it begins with ~."""
    home, slash, below = text.partition("/")
    return f"{user_path(home, key)}{slash}{below}" if home.startswith("~") else text


def quoted(text: str) -> str:
    """Return the text in the quotes of Hydra's grammar."""
    return QuotedString(text, Quote.double).with_quotes()


def unquoted(text: str) -> str:
    """Return the text without the quotes of Hydra's grammar, if it has them."""
    if text[:1] in ("'", '"') and (override := _parsed(f"key={text}")) is not None and not override.is_sweep_override():
        return str(override.value())
    return text


def as_typed(word: str) -> str:
    """Return an override as a person types it, without the quotes that `read` has added."""
    key, _, value = word.partition("=")
    bare = f"{key}={unquoted(value)}"
    try:
        return bare if bare != word and read(bare) == word else word
    except UserError:
        return word


def unsplit(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words without those that the shell split at a space, and a line for each of these."""
    whole: list[str] = []
    lines: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if length := _missing(word, rest):
            joined = " ".join([word, *rest[:length]])
            del rest[:length]
            lines.append(
                f"{joined}: cannot be read: the shell has split it into {length + 1} words; quote all of it: "
                f"{shlex.quote(joined)}"
            )
        else:
            whole.append(word)
    return whole, lines


def _missing(word: str, following: Sequence[str]) -> int:
    """Return the number of following words that belong to this one, because its bracket or quote is still open."""
    value = word.partition("=")[2]
    opening = "(" if FUNCTION.match(value) else value[:1]
    if opening not in CLOSING or _parsed(word) is not None:
        return 0
    for count, last in enumerate(following, 1):
        if "=" in last:
            break
        if last.endswith(CLOSING[opening]):
            return count if _parsed(" ".join([word, *following[:count]])) is not None else 0
    return 0


def split_at_commas(value: str) -> list[str]:
    """Return the value split at its commas, except those in brackets and quotes."""
    parts, begun, expected = [], 0, ""
    for position, letter in enumerate(value):
        if expected:
            expected = _still_open(expected, letter)
        elif letter == ",":
            parts.append(value[begun:position])
            begun = position + 1
        elif letter in "[{(" or (letter in "\"'" and not value[begun:position].strip()):
            expected = CLOSING[letter]
    return [*parts, value[begun:]]


def _still_open(expected: str, letter: str) -> str:
    """Return the missing closing brackets and quotes after one more letter, the next one last."""
    if letter == expected[-1]:
        return expected[:-1]
    return expected + CLOSING[letter] if letter in "[{(" and expected[-1] not in "\"'" else expected


def _parsed(word: str) -> Override | None:
    """Return the override; None if the grammar refuses it.

    Raises:
        UserError: a number with thousands of digits, or thousands of brackets.
    """
    try:
        return _parser().parse_override(word)
    except HydraException:
        return None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{word}: cannot be read, it is too long; write key=value with a shorter value") from error


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()
