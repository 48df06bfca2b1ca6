"""What came of the scenarios: counted, told as a table, and written down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

COLUMNS = ("scenario", "runs", "faults", "lost", "different", "wrong", "seconds")


@dataclass
class Outcome:
    """Of a case, or of all cases of a scenario.

    Args:
        runs: trainings that were hurt.
        faults: how often.
        lost: those of them that could not be brought to their end.
        different: those that ended otherwise than the undisturbed one, to the bit.
        wrong: answers other than promised: exit status, message, time.
        notes: what was hit, and how often.
        measured: seconds, by what they are of.
        seconds: that it took, of one process.
    """

    scenario: str
    runs: int = 0
    faults: int = 0
    lost: int = 0
    different: int = 0
    wrong: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    measured: dict[str, list[float]] = field(default_factory=dict)
    skipped: str = ""

    @property
    def held(self) -> bool:
        """Whether nothing was lost, different or wrong."""
        return not (self.lost or self.different or self.wrong)

    def expect(self, kept: bool, finding: str) -> bool:
        """Counts an answer as wrong where a promise was not kept; returns whether it was."""
        if not kept:
            self.wrong += 1
            self.findings.append(finding)
        return kept

    def note(self, what: str, count: int = 1) -> None:
        """Counts something of interest."""
        self.notes[what] = self.notes.get(what, 0) + count

    def measure(self, what: str, *seconds: float) -> None:
        """Keeps how long something took."""
        self.measured.setdefault(what, []).extend(seconds)

    def add(self, other: Outcome) -> None:
        """Counts another case of the same scenario."""
        for name in ("runs", "faults", "lost", "different", "wrong", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.findings += other.findings
        for what, count in other.notes.items():
            self.note(what, count)
        self.skipped = self.skipped or other.skipped
        for what, seconds in other.measured.items():
            self.measure(what, *seconds)


def table(outcomes: Iterable[Outcome]) -> str:
    """All outcomes in Markdown, with their sum."""
    outcomes = list(outcomes)
    total = Outcome("all")
    for outcome in outcomes:
        total.add(outcome)
    lines = [COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *map(_cells, [*outcomes, total])]
    told = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    told += ["", *(line for outcome in outcomes for line in _notes(outcome))]
    return "\n".join(told)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    counts = (str(getattr(outcome, name)) for name in COLUMNS[1:-1])
    return (outcome.scenario, *counts, f"{outcome.seconds:.0f}")


def _notes(outcome: Outcome) -> list[str]:
    told = [f"{what} {count}" for what, count in sorted(outcome.notes.items())]
    for what, seconds in sorted(outcome.measured.items()):
        told.append(f"{what}: median {median(seconds):.2f} s, at most {max(seconds):.2f} s")
    told += [f"skipped: {outcome.skipped}"] if outcome.skipped else []
    return [f"- {outcome.scenario}: {'; '.join(told)}"] if told else []


def write(folder: Path, outcomes: list[Outcome], setting: dict[str, object]) -> None:
    """Writes chaos.json and chaos.md; `setting` tells what was run, and where."""
    content = {"setting": setting, "outcomes": [asdict(outcome) for outcome in outcomes]}
    (folder / "chaos.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    head = "\n".join(f"- {name}: {value}" for name, value in setting.items())
    (folder / "chaos.md").write_text(f"{table(outcomes)}\n\n{head}\n", encoding="utf-8")
