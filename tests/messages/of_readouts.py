"""Messages of readouts and losses."""

from __future__ import annotations

from typing import Any

from tests.training.jobs import OURS, configured, prepared, prepared_by

from .world import Case, World, line, together


def _without_output(_: World) -> None:
    config: Any = configured(OURS, "readout=current")
    config.network = {"_target_": "tests.training.test_readout_of_a_run.Plain"}
    prepared_by(config)


def _no_readout(_: World) -> None:
    prepared("allow_targets=[torch]", "readout._target_=torch.nn.Identity")


def _own_loss_without_a_rate(_: World) -> None:
    config: Any = configured(OURS)
    config.loss = {"_target_": "tests.training.jobs.Infinite", "rate_weight": 1.0}
    prepared_by(config)


CASES: dict[str, Case] = {
    "a network that makes its last layer itself": (
        _without_output,
        ("readout=Current", "the network Plain takes no argument output", "use readout=rate"),
    ),
    "no readout": (
        _no_readout,
        ("readout._target_=torch.nn.Identity", "must be a subclass of snntrain.network.readout.Readout", "must be"),
    ),
    "a penalty without a rate": (
        _own_loss_without_a_rate,
        ("loss.rate_target=None", "must be a firing rate", "from 0 to 1"),
    ),
    "another way to read a potential": (
        line("readout=membrane readout.over=median"),
        ("readout.over=median", "which potential counts", "one of last, max, mean"),
    ),
    "a target rate above 1": (
        together("loss.rate_target=1.5"),
        ("loss.rate_target=1.5", "must be >= 0 and <= 1", "firing rate"),
    ),
    "an unknown readout": (
        line("readout=membran"),
        ("readout=membran", "there are current, membrane, rate, sum_softmax", "did you mean membrane?"),
    ),
}
