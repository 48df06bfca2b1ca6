"""The keys of losses."""

from dataclasses import dataclass

from snntrain.config.schema.option import option


@dataclass
class Loss:
    """The keys that all losses share."""

    _target_: str = option("class of the loss")
    label_smoothing: float = option("share of the target spread over all classes", at_least=0, below=1)
    rate_target: float = option(
        "firing rate towards which rate_weight moves each spiking layer before the output", at_least=0, at_most=1
    )
    rate_weight: float = option(
        "weight of the squared distance between firing rates and rate_target in the training loss, 0 for none",
        at_least=0,
    )


@dataclass
class CERate(Loss):
    scale: float = option("factor that turns scores of classes into logits", above=0)


@dataclass
class TET(Loss):
    mse_weight: float = option(
        "share of the squared distance between output and mse_target in the loss", at_least=0, at_most=1
    )
    mse_target: float = option("value near which that share keeps the output of each step")
