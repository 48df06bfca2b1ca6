"""The ways in which a command fails: wrong input of the user, a failed run, or a signal."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import yaml

LONGEST_LINE = 600
# The name of an error handler for codecs, `errors=WRITTEN_OUT`: it escapes letters that an encoding does not have.
WRITTEN_OUT = "snntrain.written_out"


def printable(text: str) -> str:
    """Return the text on one line and safe for any output: control characters are escaped, as \\x1b.

    Python keeps bytes of a file name that are not UTF-8 as surrogates; these are written as bytes, as \\xfc.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _written_out(letter) for letter in text)


def _written_out(letter: str) -> str:
    byte = ord(letter) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else repr(letter)[1:-1]


def _not_encoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return printable(letters).encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error(WRITTEN_OUT, _not_encoded)


def on_one_line(text: str) -> str:
    """Return the `printable` text, without its middle if it is too long to read."""
    shown = printable(text)
    half = LONGEST_LINE // 2
    return shown if len(shown) <= LONGEST_LINE else f"{shown[:half]} … {shown[-half:]}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; for a YAML error the problem and its line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        place = f"{mark.name}, line" if Path(mark.name).is_file() else "line"
        return f"{place} {mark.line + 1}: {error.problem}"
    first, *more = str(error).strip().splitlines() or [""]
    if first.endswith("raised while composing config:") and more:
        # Hydra puts the reason on the next line, and the key below it.
        keys = [line.strip().removeprefix("full_key: ") for line in more if line.strip().startswith("full_key: ")]
        return ": ".join([*keys, more[0]])
    return first


class UserError(Exception):
    """The input cannot be used; the message says what was given, what is allowed and what to do.

    The command line prints each line of `lines` without a traceback and exits with status 2. The input may come from a
    stranger's file: the lines are stripped of control characters, which a terminal would obey.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(map(on_one_line, lines))
        super().__init__("\n".join(self.lines))

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the lines when the error is pickled for another process."""
        return type(self), self.lines


class RunFailed(Exception):
    """A started run cannot continue; the message says why. The command line exits with status 1."""

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(on_one_line, message.split("\n"))))


class Interrupted(KeyboardInterrupt):
    """A signal ends the program. The command line exits with status 128 + its `number`, as a shell reports it."""

    def __init__(self, number: int, message: str = "interrupted") -> None:
        super().__init__(message)
        self.number = number
