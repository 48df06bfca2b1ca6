"""The keys of networks for sequences of units."""

from dataclasses import dataclass

from snntrain.config.schema.option import option


@dataclass
class RSNN:
    _target_: str = option("class of the network")
    hidden: list[int] = option("neurons of each hidden layer", at_least=1, most=1_000_000)
    recurrent: bool = option("feed the spikes of a hidden layer back to its own neurons, one step later")
    recurrent_diagonal: bool = option("feed the spikes of a neuron back to itself, too; no effect without recurrent")
    delays: int | None = option(
        "greatest delay of a synapse, in time steps; each delay is learnt; null: no delays", at_least=1, most=10_000
    )
    delay_lr_factor: float = option(
        "learning rate of the delays, as a multiple of optimizer.lr; no effect without delays", at_least=0, most=1e9
    )
    norm: bool = option("normalise the current of each hidden layer over batch and time (batch normalisation)")
    bias: bool = option("give the linear layers a bias")
    dropout: float = option(
        "probability of silencing a hidden neuron; one mask for all time steps", at_least=0, below=1
    )
    votes: int = option("output neurons per class, averaged", at_least=1, most=10_000)
