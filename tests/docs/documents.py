"""Read the documents: their fenced blocks, their inline commands, and their plain text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
PROGRAMS = ("snntrain", "python", "python3", "pytest", "bash", "pip", "tensorboard")
# A line break inside an inline code span is a space.
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
# Hydra wants its own comment in the first line.
FILE_NAME = re.compile(r"(?:# @package .*\n)?# ([\w./]+\.(?:py|yaml))\n")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block is the content of, named in a comment at its top."""
        found = FILE_NAME.match(self.text)
        return found[1] if found else None

    def commands(self) -> list[str]:
        """The command lines of the block: all lines of a ```bash block, those after $ of a ```console block."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [command for line in lines if (command := _without_comment(line))]


def blocks(*languages: str) -> list[Block]:
    """All fenced blocks of these languages, or of all."""
    return [
        Block(page, text[: found.start()].count("\n") + 1, found[2], found[3])
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for found in FENCED.finditer(text)
        if not languages or found[2] in languages
    ]


def inline_commands() -> dict[str, str]:
    """Every complete command inside a sentence, by where it stands.

    A span with `…` in it is a pattern, and one word is a name: neither is a command.
    """
    found = {}
    for page in PAGES:
        for span in _spans(page):
            words = span.split()
            if words[0] in PROGRAMS and len(words) > 1 and "…" not in span:
                found[f"{page.relative_to(ROOT)}: {span}"] = span
    return found


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def words_of(command: str) -> list[str]:
    return shlex.split(command)


def _spans(page: Path) -> Iterator[str]:
    for found in INLINE.finditer(prose(page)):
        span = " ".join(found[1].split())
        if span:
            yield span


def _without_comment(line: str) -> str:
    """The line up to a comment, which follows a space; a # inside a word, as in name=#1, is a part of it."""
    return re.split(r"(?:^|\s)#(?:\s|$)", line)[0].strip()
