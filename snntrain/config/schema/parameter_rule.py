"""The keys of a group of parameters in `optimizer.groups`."""

from dataclasses import dataclass
from typing import Any

from snntrain.config.schema.option import option


@dataclass
class ParameterRule:
    match: str = option("pattern of the parameters' names, as '*delay*'; of several patterns the first decides")
    lr: float | None = option("learning rate of these parameters; null: as the others", above=0, default=None)
    weight_decay: float | None = option("their weight decay; null: as the others", at_least=0, default=None)
    schedule: Any = option(
        "their schedule: the name of an option of scheduler, or a mapping with that name, or _target_, and keys; "
        "null: that of the run",
        default=None,
    )
