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
from snntrain.config.schema.learning import (
    CosineOscillating,
    MultiStep,
    Plateau,
    Polynomial,
    RMSprop,
    Step,
    Warmed,
)
from snntrain.config.schema.loss import TET, CERate, Loss
from snntrain.config.schema.model import (
    CSNN,
    LIF,
    MLP,
    PLIF,
    RIF,
    Encoder,
    Neuron,
    PiecewiseLeakyReLU,
    Reset,
    Surrogate,
)
from snntrain.config.schema.option import GREATEST, LONGEST, MOST_ITEMS, Checked, Part, option
from snntrain.config.schema.parallel import PSN, ParallelNeuron, SlidingPSN
from snntrain.config.schema.parameter_rule import ParameterRule
from snntrain.config.schema.readout import Integrated, Membrane, Readout
from snntrain.config.schema.register import SCHEMAS, register
from snntrain.config.schema.rsnn import RSNN
from snntrain.config.schema.run import Config
from snntrain.config.schema.surrogates import S2NN, LeakyKReLU, LogTailedReLU, Pass, SquarewaveFourierSeries
from snntrain.config.schema.training import SGD, Adam, Cosine, Monitor, OneCycle, Optimizer, Scheduler, Trainer
from snntrain.config.schema.two_states import AdLIF, Cuba
from snntrain.config.schema.vision import (
    VGG,
    MSResNet,
    QKFormer,
    SEWResNet,
    SEWResNetEvents,
    Spikformer,
    SpikingResNet19,
)
from snntrain.config.schema.written import WrittenNetwork

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
    "PSN",
    "RIF",
    "RSNN",
    "S2NN",
    "SCHEMAS",
    "SGD",
    "TET",
    "VGG",
    "AdLIF",
    "Adam",
    "Augment",
    "CERate",
    "Checked",
    "Composition",
    "Config",
    "Cosine",
    "CosineOscillating",
    "Cuba",
    "DVS128Gesture",
    "Dataset",
    "Encoder",
    "EventDataset",
    "EventFolder",
    "Heidelberg",
    "ImageFolder",
    "Integrated",
    "LeakyKReLU",
    "LogTailedReLU",
    "Loss",
    "MSResNet",
    "Membrane",
    "Monitor",
    "MultiStep",
    "Neuron",
    "OneCycle",
    "Optimizer",
    "OwnDataset",
    "ParallelNeuron",
    "ParameterRule",
    "Part",
    "Pass",
    "PiecewiseLeakyReLU",
    "Plateau",
    "Polynomial",
    "QKFormer",
    "RMSprop",
    "Ray",
    "Readout",
    "Reset",
    "SEWResNet",
    "SEWResNetEvents",
    "Saccades",
    "Scheduler",
    "Search",
    "SlidingPSN",
    "Spikformer",
    "SpikingResNet19",
    "SquarewaveFourierSeries",
    "Step",
    "SubmititSlurm",
    "Surrogate",
    "Sweep",
    "Tensors",
    "Trainer",
    "Warmed",
    "WrittenNetwork",
    "option",
    "register",
]
