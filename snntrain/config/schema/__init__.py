"""Every key of the configuration: its type, its meaning and its bounds. The values are in conf/.

A YAML file of group `neuron` begins with `defaults: [/schema/neuron/lif@_here_, _self_]`: it takes over the types and
bounds declared here, so a wrong key or value is refused before anything is built.
"""

from snntrain.config.schema.commands import BESIDE_THE_RUN, LAUNCHERS, Composition, Ray, Search, SubmititSlurm, Sweep
from snntrain.config.schema.data import Augment, Dataset, EventDataset, EventFolder, ImageFolder, OwnDataset
from snntrain.config.schema.model import PLIF, RIF, Reset
from snntrain.config.schema.option import GREATEST, LONGEST, MOST_ITEMS, Part
from snntrain.config.schema.parallel import ParallelNeuron
from snntrain.config.schema.parameter_rule import ParameterRule
from snntrain.config.schema.register import SCHEMAS, register
from snntrain.config.schema.run import Config
from snntrain.config.schema.training import SGD, Adam, Monitor, Trainer

__all__ = [
    "BESIDE_THE_RUN",
    "GREATEST",
    "LAUNCHERS",
    "LONGEST",
    "MOST_ITEMS",
    "PLIF",
    "RIF",
    "SCHEMAS",
    "SGD",
    "Adam",
    "Augment",
    "Composition",
    "Config",
    "Dataset",
    "EventDataset",
    "EventFolder",
    "ImageFolder",
    "Monitor",
    "OwnDataset",
    "ParallelNeuron",
    "ParameterRule",
    "Part",
    "Ray",
    "Reset",
    "Search",
    "SubmititSlurm",
    "Sweep",
    "Trainer",
    "register",
]
