"""Every key of the configuration: its type, its meaning and its bounds. The values are in conf/.

A YAML file of group `neuron` begins with `defaults: [/schema/neuron/lif@_here_, _self_]`: it takes over the types and
bounds declared here, so a wrong key or value is refused before anything is built.
"""

from snntrain.config.schema.commands import BESIDE_THE_RUN, LAUNCHERS, Composition, Ray, Search, SubmititSlurm, Sweep
from snntrain.config.schema.data import (
    CIFAR10DVS,
    EMNIST,
    Augment,
    Dataset,
    DVS128Gesture,
    EventDataset,
    EventFolder,
    Heidelberg,
    ImageFolder,
    OwnDataset,
    Saccades,
    Tensors,
)
from snntrain.config.schema.model import (
    CSNN,
    LIF,
    MLP,
    PLIF,
    RIF,
    CERate,
    Encoder,
    MSERate,
    Neuron,
    PiecewiseLeakyReLU,
    Reset,
    Surrogate,
)
from snntrain.config.schema.option import GREATEST, LONGEST, MOST_ITEMS, Checked, Part, option
from snntrain.config.schema.register import SCHEMAS, register
from snntrain.config.schema.run import Config
from snntrain.config.schema.training import SGD, Adam, Cosine, Monitor, OneCycle, Optimizer, Scheduler, Trainer
from snntrain.config.schema.two_states import AdLIF, Cuba

__all__ = [
    "BESIDE_THE_RUN",
    "CIFAR10DVS",
    "CSNN",
    "EMNIST",
    "GREATEST",
    "LAUNCHERS",
    "LIF",
    "LONGEST",
    "MLP",
    "MOST_ITEMS",
    "PLIF",
    "RIF",
    "SCHEMAS",
    "SGD",
    "AdLIF",
    "Adam",
    "Augment",
    "CERate",
    "Checked",
    "Composition",
    "Config",
    "Cosine",
    "Cuba",
    "DVS128Gesture",
    "Dataset",
    "Encoder",
    "EventDataset",
    "EventFolder",
    "Heidelberg",
    "ImageFolder",
    "MSERate",
    "Monitor",
    "Neuron",
    "OneCycle",
    "Optimizer",
    "OwnDataset",
    "Part",
    "PiecewiseLeakyReLU",
    "Ray",
    "Reset",
    "Saccades",
    "Scheduler",
    "Search",
    "SubmititSlurm",
    "Surrogate",
    "Sweep",
    "Tensors",
    "Trainer",
    "option",
    "register",
]
