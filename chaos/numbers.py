"""Losses and gradients that are not finite, caused by a module of the user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from chaos import compare
from chaos.case import Case
from chaos.training import PLAIN, Bench, Training, command, stopped_by

SCENARIO = "not finite"
MODULE = """
from snntrain.neuron import LIFNode


class Sick(LIFNode):
    def __init__(self, first: int, last: int, **arguments):
        super().__init__(**arguments)
        self.first, self.last, self.calls = first, last, 0

    def forward(self, x, *rest):
        if self.training:
            self.calls += 1
            if self.first <= self.calls <= self.last:
                x = x * float("nan")
        return super().forward(x, *rest)
"""
OPTION = """
_target_: sick.Sick
v_threshold: 0.3
tau: 2.0
first: {first}
last: {last}
"""
FOR_EVER = 10**9


def cases(count: int) -> Iterator[Case]:
    """Yield `count` trainings that recover, and as many that do not."""
    for _ in range(count):
        yield Case(SCENARIO, partial(sick, for_ever=False), twins=())
        yield Case(SCENARIO, partial(sick, for_ever=True), twins=())


def sick(bench: Bench, for_ever: bool) -> None:
    """Let neurons give NaN for a few steps, which are skipped, or from some step on, which ends the run."""
    first = bench.rng.randrange(30, 60)
    last = FOR_EVER if for_ever else first + bench.rng.randrange(5)
    (bench.place / "sick.py").write_text(MODULE)
    (bench.place / "options" / "neuron").mkdir(parents=True)
    (bench.place / "options" / "neuron" / "sick.yaml").write_text(OPTION.format(first=first, last=last))
    healthy = [part for part in command(PLAIN) if not part.startswith("neuron.")]
    given = ["--config-dir", "options", *healthy, "neuron=sick", "allow_targets=[sick]"]
    training = bench.training(PLAIN, given=given)
    process = training.start()
    bench.outcome.faults += 1
    if for_ever:
        stopped_by(process, bench.outcome, [1], "conv1")
        status = json.loads((training.folder / "summary.json").read_text())["status"]
        bench.outcome.expect(status == "failed", f"{training.label}: its summary says {status}")
        _is_finite(bench, training)
    elif code := process.wait():
        training.lose(f"status {code}: {' / '.join(process.said()[-3:])}")
    else:
        skipped = sum(row.get("skipped_steps", 0) for row in compare.rows(training.folder))
        bench.outcome.expect(skipped > 0, f"{training.label}: metrics.jsonl has no skipped step")
        _is_finite(bench, training)


def _is_finite(bench: Bench, training: Training) -> None:
    """Expect all weights of the last checkpoint to be finite."""
    state = compare.load(training.folder / "checkpoints" / "last.pt")["model"]
    wrong = [name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    bench.outcome.expect(not wrong, f"{training.label}: last.pt holds {wrong} that are not finite")
