"""The ways a command ends badly: the user's input is wrong, a run fails, or a signal comes."""

from __future__ import annotations

import codecs
from pathlib import Path

import yaml

LONGEST_LINE = 600
# The name of an error handler for codecs, `errors=WRITTEN_OUT`: it writes letters out that an encoding does not have.
WRITTEN_OUT = "snntrain.written_out"


def printable(text: str) -> str:
    """Return the text on one line and safe for any output: control characters are written out, as \\x1b.

    A byte of a file's name that is not UTF-8, which Python keeps as a surrogate, is written as that byte, as \\xfc.
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
    """Return the text as `printable` does, without the middle if it is too long to read."""
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
        # Hydra says what is wrong on the next line, and of which key below it.
        keys = [line.strip().removeprefix("full_key: ") for line in more if line.strip().startswith("full_key: ")]
        return ": ".join([*keys, more[0]])
    return first


class UserError(Exception):
    """The input cannot be used; the message says what was given, what is allowed and what to do.

    The command line prints each line of `lines` without a traceback and exits with status 2. The input may come from a
    stranger's file: no line has control characters that a terminal would obey.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(map(on_one_line, lines))
        super().__init__("\n".join(self.lines))

    def __reduce__(self) -> tuple[type[UserError], tuple[str, ...]]:
        """Keep the lines on the way from another process."""
        return type(self), self.lines


class RunFailed(Exception):
    """A run that was started cannot continue; the message says why. The command line exits with status 1."""

    def __init__(self, message: str) -> None:
        super().__init__("\n".join(map(on_one_line, message.split("\n"))))


class Interrupted(KeyboardInterrupt):
    """A signal asks the program to end. The command line exits with status 128 + its `number`, as a shell would say."""

    def __init__(self, number: int, message: str = "interrupted") -> None:
        super().__init__(message)
        self.number = number
