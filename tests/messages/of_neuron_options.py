"""Messages of the options of neurons."""

from __future__ import annotations

from tests.training import test_neuron_options
from tests.training.jobs import OURS, prepared

from .world import Case, line

WORDS = (OURS, "dataset._target_=tests.training.spoken.words")
IDLE = f"{test_neuron_options.__name__}.Idle"

CASES: dict[str, Case] = {
    "steps that are padding": (
        lambda _: prepared(*WORDS, "neuron=psn"),
        ("neuron.causal=False", "these sequences have padding", "give neuron.causal=true"),
    ),
    "a layer that is not called": (
        lambda _: prepared(OURS, "neuron=plif", "neuron.per_neuron=true", f"network._target_={IDLE}"),
        ("the network does not call never", "constants per neuron", "have no shape"),
    ),
    "nothing to learn per neuron": (
        lambda _: prepared("neuron=if", "neuron.per_neuron=true"),
        ("IFNode learns no constant of its own", "per_neuron=True", "needs learn_threshold=True"),
    ),
    "a learnt threshold below zero": (
        line("neuron.v_threshold=-0.5 neuron.learn_threshold=true reset.v_reset=-1"),
        ("neuron.v_threshold=-0.5", "must be > 0", "with neuron.learn_threshold=true"),
    ),
}
