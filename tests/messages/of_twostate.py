"""Messages about neurons with two states, and about neurons that never spike."""

from __future__ import annotations

from tests.conftest import TINY

from .world import Case, line

RUN = " ".join(TINY)

CASES: dict[str, Case] = {
    "neurons that never spike": (
        line(f"{RUN} neuron=lif neuron._target_=snntrain.neuron.LINode"),
        ("neuron._target_=snntrain.neuron.LINode", "never spikes", "neuron=lif", "readout=membrane"),
    ),
    "a learnt constant at its bound": (
        line(f"{RUN} neuron=adlif neuron.tau_u=30"),
        ("tau_u=30.0", "inside its bounds (0.5, 25.0)", "learn_tau=False"),
    ),
}
