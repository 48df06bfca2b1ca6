"""What an examination finds, a line each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from snntrain.errors import first_line, on_one_line


@dataclass(frozen=True)
class Finding:
    """`text` is what was found of `label`; `hint` what to do about it, '' where there is nothing to be done."""

    label: str
    text: str
    hint: str = ""


def examined(label: str, examine: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What `examine` finds; where it fails, that it does: one broken part must not hide the others."""
    try:
        return list(examine())
    except Exception as error:  # What is broken may raise anything.
        return [Finding(label, f"cannot be told: {in_short(error)}")]


def in_short(error: Exception) -> str:
    """An error in one line, by its class where it says nothing."""
    return on_one_line(first_line(error)) or type(error).__name__
