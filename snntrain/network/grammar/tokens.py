"""The tokens of a text, and errors that point at one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from snntrain.errors import printable

# Far beyond any network; a configuration may come from a stranger.
LONGEST_TEXT = 5000
WORD = re.compile(r"[A-Za-z0-9._]+")
SYMBOLS = "-{}*[]|+&!"
# Letters that a text copied from a paper has in place of ours.
LOOKALIKES = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u00d7\u2217\u22c5\u00b7", "*"),
    **dict.fromkeys("()", "{ and }, or [ and ] for a residual"),
    **dict.fromkeys(",;>/", "-"),
}
# Letters of the text that a message shows before and after a token.
CONTEXT = 16


@dataclass(frozen=True)
class Token:
    """A word or a symbol; its text is empty at the end of the whole text.

    Args:
        text: the letters.
        column: position of the first letter in the whole text, from 1.
        source: the whole text.
        repetition: the repetition of the surrounding braces, from 1; 0 outside of braces.
    """

    text: str
    column: int
    source: str = field(repr=False)
    repetition: int = 0

    def wrong(self, reason: str) -> ValueError:
        """Return an error of one line that points at this token: its letters, column and surroundings, and a reason."""
        name = printable(self.text) if self.text else "the end"
        again = f", repetition {self.repetition}" if self.repetition else ""
        around = self._surroundings()
        return ValueError(f"{name} at column {self.column} of layers{around}{again}: {reason}")

    def _surroundings(self) -> str:
        start = self.column - 1
        first, last = max(start - CONTEXT, 0), start + len(self.text) + CONTEXT
        shown = " ".join(self.source[first:last].split())
        before, after = "…" if first else "", "…" if last < len(self.source) else ""
        return f" ({before}{printable(shown)}{after})" if shown and shown != self.text else ""


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text; the last one has no letters. White space separates tokens and means nothing.

    Raises:
        ValueError: the text is too long, or has a letter that has no meaning.
    """
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"layers has {len(text):,} characters: give at most {LONGEST_TEXT:,}")
    found, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        word = WORD.match(text, position)
        token = Token(word[0] if word else text[position], position + 1, text)
        if word is None and token.text not in SYMBOLS:
            instead = LOOKALIKES.get(token.text)
            remedy = f"write {instead}" if instead else f"use letters, digits, the dot, spaces and {' '.join(SYMBOLS)}"
            raise token.wrong(f"has no meaning here; {remedy}")
        found.append(token)
        position += len(token.text)
    return [*found, Token("", len(text) + 1, text)]
