"""The findings of an examination, one line each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from snntrain.errors import first_line, on_one_line


@dataclass(frozen=True)
class Finding:
    """One line: `text` is the finding about `label`; `hint` is a remedy, '' if nothing needs one."""

    label: str
    text: str
    hint: str = ""


def examined(label: str, examine: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return the findings of `examine`, or one about its failure: a broken part must not hide the others."""
    try:
        return list(examine())
    except Exception as error:  # A broken part may raise anything.
        return [Finding(label, f"cannot be examined: {in_short(error)}")]


def in_short(error: Exception) -> str:
    """Return an error in one line; its class if it has no message."""
    return on_one_line(first_line(error)) or type(error).__name__
