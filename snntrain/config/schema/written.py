"""The keys of a network that is written as text."""

from dataclasses import dataclass

from snntrain.config.schema.option import option


@dataclass
class WrittenNetwork:
    _target_: str = option("class of the network")
    layers: str = option(
        "the network as text, as in 32C3-BN-N-P2-10K-N-V10: layers from the input to the vote, K for the classes",
        longest=5000,
    )
