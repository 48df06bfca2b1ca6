"""The check that each class of the settings exists and takes its keys."""

from __future__ import annotations

from snntrain.config.schema import Config
from snntrain.config.targets import misfit
from snntrain.errors import UserError
from snntrain.training.job.components import GIVEN, described, of_group, time_steps_of
from snntrain.training.job.model import check_output, check_spikes
from snntrain.training.job.optimisation import Steps, wrong_schedules


def check_targets(config: Config) -> None:
    """Check that each class of the settings exists and takes its keys, before one of them is built."""
    lines = []
    for group, (given, also) in GIVEN.items():
        try:
            also = (*also, *_more(config, group))
            if group == "neuron":
                check_spikes(config)
            wrong = misfit(described(config, group), given, also, config.allow_targets)
            lines += [f"{group}: {wrong}"] if wrong else []
        except UserError as error:
            lines += of_group(group, error)
    lines += wrong_schedules(config)
    if lines:
        raise UserError(*lines)
    check_output(config)


def _more(config: Config, group: str) -> dict[str, int]:
    """Return the arguments that some classes get only if they have them; the values do not count."""
    if group == "scheduler":
        return Steps(1, 1).given(described(config, group).target, config.allow_targets)
    return time_steps_of(config, group, config.T) if group in ("dataset", "neuron") else {}
