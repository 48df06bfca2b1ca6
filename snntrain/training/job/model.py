"""Encoder, network and readout from the settings."""

from __future__ import annotations

import inspect
from functools import partial

from torch import Tensor, nn

from snntrain.config.schema import Config
from snntrain.config.trust.targets import locate
from snntrain.data.dataset import Data
from snntrain.data.statistics import Statistics
from snntrain.errors import UserError
from snntrain.network.first_input import give_shapes
from snntrain.network.readout import Rate, Readout
from snntrain.network.sequence import checkpoint_segments
from snntrain.neuron import BaseNode, stateful_layers
from snntrain.training.job import intensities
from snntrain.training.job.components import component, described, takes, time_steps_of


class Model(nn.Module):
    """Encoder and network: images `[N, C, H, W]`, or sequences `[T, N, *]`, to `[T, N, classes]`.

    Args:
        encoder: makes a sequence of images.
        network: maps the sequence to the output.
        chosen: the readout of the configuration.
    """

    def __init__(self, encoder: nn.Module, network: nn.Module, chosen: Readout | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network
        self.chosen = chosen or Rate()

    @property
    def readout(self) -> Readout:
        """The readout of the network's output."""
        return self.chosen.of(self.network)

    def forward(self, images: Tensor) -> Tensor:
        spikes: Tensor = self.network(self.encoder(images))
        return spikes


def model(config: Config, data: Data, numbers: Statistics) -> Model:
    """Return encoder and network for the images of `data`, and mean and standard deviation of their channels."""
    if len(numbers.mean) != data.channels:
        whole = f"{data.channels}" if len(data.shape) == 3 else f"{data.shape[0]} units, which share one number"
        raise UserError(f"dataset.mean={config.dataset.mean}: one number per channel, and {data.name} has {whole}")
    encoder = component(config, "encoder", T=config.T, mean=list(numbers.mean), std=list(numbers.std))
    intensities.check(encoder, data)
    steps = data.steps or config.T
    neuron, readout = partial(_neuron, config, steps), readout_of(config)
    output = {"output": readout.output(neuron)} if takes_output(config) else {}
    network = component(config, "network", in_shape=data.shape, classes=len(data.class_names), neuron=neuron, **output)
    try:
        give_shapes(network, data.shape, steps)
    except ValueError as error:
        raise UserError(f"network: {error}") from error
    return Model(encoder, network, readout)


def _neuron(config: Config, steps: int) -> BaseNode:
    node = component(
        config,
        "neuron",
        v_reset=config.reset.v_reset,
        surrogate_function=component(config, "surrogate"),
        detach_reset=config.detach_reset,
        step_mode="m",
        **time_steps_of(config, "neuron", steps),
    )
    if not isinstance(node, BaseNode):
        target = described(config, "neuron").target
        raise UserError(f"neuron._target_={target}: must be a subclass of snntrain.neuron.BaseNode")
    return node


def readout_of(config: Config) -> Readout:
    """Return the readout of the settings, which is not yet bound to a network."""
    readout = component(config, "readout")
    if not isinstance(readout, Readout):
        target = described(config, "readout").target
        raise UserError(f"readout._target_={target}: must be a subclass of snntrain.network.readout.Readout")
    return readout


def takes_output(config: Config) -> bool:
    """Return whether the network gets the layer after its last linear layer from the readout."""
    return takes(config, described(config, "network").target, "output")


def check_output(config: Config) -> None:
    """Check that the network can end in the layer that the readout needs."""
    if type(readout_of(config)).output is not Readout.output and not takes_output(config):
        readout, network = (described(config, group).target.rpartition(".")[2] for group in ("readout", "network"))
        raise UserError(
            f"readout={readout}: the network {network} takes no argument output, which makes the layer after its last "
            "linear layer; use readout=rate, which reads its output as it is, or give its __init__ an argument output"
        )


def check_spikes(config: Config) -> None:
    """Check that the neurons of all layers spike.

    Raises:
        UserError: they are leaky integrators, which only a readout has.
    """
    target = described(config, "neuron").target
    found = locate(target, config.allow_targets)
    if inspect.isclass(found) and issubclass(found, BaseNode) and not found.spiking:
        raise UserError(
            f"neuron._target_={target}: never spikes, so it cannot be the neuron of every layer; choose one that does, "
            "as neuron=lif, and readout=membrane for integrators at the end of the network"
        )


def check_causal(network: nn.Module) -> None:
    """Check that no neuron reads later steps, which may be padding.

    Raises:
        UserError: one does.
    """
    for name, layer in stateful_layers(network):
        if not getattr(layer, "causal", True):
            raise UserError(
                f"neuron.causal=False: layer {name} reads all steps, and these sequences have padding; "
                "give neuron.causal=true or neuron=sliding_psn"
            )


def compute_again(network: nn.Module, layers: int) -> None:
    """Let the backward pass compute the activations of a network again, in segments of so many layers.

    Raises:
        UserError: the network has no chain of layers.
    """
    try:
        checkpoint_segments(network, layers)
    except ValueError as error:
        raise UserError(f"trainer.checkpoint_layers={layers}: {error}; leave it out") from error
