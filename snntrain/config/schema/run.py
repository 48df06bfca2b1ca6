"""All settings of a run."""

from dataclasses import dataclass

from snntrain.config.schema.data import Dataset, OwnDataset
from snntrain.config.schema.model import Reset
from snntrain.config.schema.option import Checked, Part, option
from snntrain.config.schema.training import Monitor, Trainer


@dataclass
class Config:
    """All settings of a run: the keys at the top, and one part per group."""

    name: str = option("name of the run, shown in its summary and reports")
    T: int = option("time steps", at_least=1, most=100_000)
    seed: int = option("seed of weights, batches, augmentation, dropout and noise", at_least=0, below=2**32)
    detach_reset: bool = option("keep the reset out of the gradient")
    allow_targets: list[str] = option("prefixes that _target_ may name besides those trusted in its group")
    neuron: Checked[Part] = option("the neuron model of every spiking layer")
    surrogate: Checked[Part] = option("the surrogate gradient of the spike")
    reset: Checked[Reset] = option("what happens to the potential after a spike")
    dataset: Checked[Dataset | OwnDataset] = option("the images and their split")
    encoder: Checked[Part] = option("how an image becomes an input over T steps")
    network: Checked[Part] = option("the layers from the encoded image to the classes")
    readout: Checked[Part] = option("how the output of the network over time becomes scores of the classes")
    loss: Checked[Part] = option("what is minimised")
    optimizer: Checked[Part] = option("how the gradients move the weights")
    scheduler: Checked[Part] = option("the course of the learning rate over the run")
    trainer: Checked[Trainer] = option("length, batch, device, precision")
    monitor: Checked[Monitor] = option("voltages and spikes in TensorBoard")
