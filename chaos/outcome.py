"""The outcomes of the scenarios: counted, shown as a table, and written to files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

COLUMNS = ("scenario", "runs", "faults", "lost", "different", "wrong", "seconds")


@dataclass
class Outcome:
    """The outcome of a case, or of all cases of a scenario.

    Args:
        runs: disturbed trainings.
        faults: number of disturbances.
        lost: trainings that could not be completed.
        different: trainings with another end than the undisturbed one, to the bit.
        wrong: exit statuses, messages or times other than promised.
        notes: number of hits of each place.
        measured: seconds, by name.
        seconds: time of one process.
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
        """Return whether nothing was lost, different or wrong."""
        return not (self.lost or self.different or self.wrong)

    def expect(self, kept: bool, finding: str) -> bool:
        """Count an answer as wrong if a promise was not kept; return whether it was kept."""
        if not kept:
            self.wrong += 1
            self.findings.append(finding)
        return kept

    def note(self, what: str, count: int = 1) -> None:
        """Count something of interest."""
        self.notes[what] = self.notes.get(what, 0) + count

    def measure(self, what: str, *seconds: float) -> None:
        """Record how long something took."""
        self.measured.setdefault(what, []).extend(seconds)

    def add(self, other: Outcome) -> None:
        """Add another case of the same scenario."""
        for name in ("runs", "faults", "lost", "different", "wrong", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.findings += other.findings
        for what, count in other.notes.items():
            self.note(what, count)
        self.skipped = self.skipped or other.skipped
        for what, seconds in other.measured.items():
            self.measure(what, *seconds)


def table(outcomes: Iterable[Outcome]) -> str:
    """Return all outcomes and their sum as a Markdown table."""
    outcomes = list(outcomes)
    total = Outcome("all")
    for outcome in outcomes:
        total.add(outcome)
    lines = [COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *map(_cells, [*outcomes, total])]
    shown = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    shown += ["", *(line for outcome in outcomes for line in _notes(outcome))]
    return "\n".join(shown)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    counts = (str(getattr(outcome, name)) for name in COLUMNS[1:-1])
    return (outcome.scenario, *counts, f"{outcome.seconds:.0f}")


def _notes(outcome: Outcome) -> list[str]:
    parts = [f"{what} {count}" for what, count in sorted(outcome.notes.items())]
    for what, seconds in sorted(outcome.measured.items()):
        parts.append(f"{what}: median {median(seconds):.2f} s, at most {max(seconds):.2f} s")
    parts += [f"skipped: {outcome.skipped}"] if outcome.skipped else []
    return [f"- {outcome.scenario}: {'; '.join(parts)}"] if parts else []


def write(folder: Path, outcomes: list[Outcome], setting: dict[str, object]) -> None:
    """Write chaos.json and chaos.md; `setting` describes the run and the machine."""
    content = {"setting": setting, "outcomes": [asdict(outcome) for outcome in outcomes]}
    (folder / "chaos.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    head = "\n".join(f"- {name}: {value}" for name, value in setting.items())
    (folder / "chaos.md").write_text(f"{table(outcomes)}\n\n{head}\n", encoding="utf-8")
