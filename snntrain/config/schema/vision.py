"""The keys of the residual, VGG and transformer networks for images and recordings."""

from dataclasses import dataclass

from snntrain.config.schema.option import option

JOINS = ("add", "and", "iand")


@dataclass
class Vision:
    """The keys that all of these networks share."""

    _target_: str = option("class of the network")


@dataclass
class Residual(Vision):
    """The keys of networks whose residual branches can be dropped."""

    drop_path: float = option(
        "stochastic depth: probability of dropping the last residual branch for a sample in training, for all time "
        "steps; it rises linearly from 0 in the first branch",
        at_least=0,
        below=1,
    )


@dataclass
class Wide(Residual):
    width: int = option("channels of the first layer, of which the others have multiples", at_least=1, most=100_000)


@dataclass
class SEWResNet(Wide):
    depth: int = option("layers of the network", choices=(18, 34, 50))
    stem: str = option(
        "first layers: imagenet, a 7x7 convolution and a pooling, which divide the sides by 4; cifar, a 3x3 "
        "convolution",
        choices=("imagenet", "cifar"),
    )
    join: str = option("how the spikes a of a branch meet its input s: a + s, a s, or (1 - a) s", choices=JOINS)


@dataclass
class SEWResNetEvents(Residual):
    channels: list[int] = option(
        "channels of each block; each is followed by pooling", at_least=1, most=100_000, most_items=100
    )
    join: str = option("how the spikes a of a branch meet its input s: a + s, a s, or (1 - a) s", choices=JOINS)


@dataclass
class MSResNet(Wide):
    depth: int = option("layers of the network", choices=(18, 34, 104))
    stem: str = option(
        "first layers: imagenet, which with the first stage divide the sides by 4; cifar, a 3x3 convolution",
        choices=("imagenet", "cifar"),
    )


@dataclass
class SpikingResNet19(Wide):
    hidden: int = option("neurons of the hidden linear layer", at_least=1, most=1_000_000)
    alpha: float = option(
        "deviation of normalised currents at the start, as a share of the threshold", above=0, most=1_000_000
    )


@dataclass
class VGG(Vision):
    variant: str = option("which of the networks", choices=("vggsnn", "vgg11", "vgg16"))
    width: int = option(
        "channels of the first convolution; others have up to 8 times as many", at_least=1, most=100_000
    )
    pool: str = option("how pooling halves the sides: the greatest or the mean of 2x2", choices=("max", "avg"))
    pools: int | None = option(
        "number of stages that end in a pooling, the first ones; null: all", at_least=0, most=100
    )
    hidden: list[int] = option("neurons of each hidden linear layer", at_least=1, most=1_000_000)
    dropout: float = option(
        "probability of silencing an input of a linear layer; one mask for all time steps", at_least=0, below=1
    )


@dataclass
class Transformer(Residual):
    heads: int = option("heads of the attention", at_least=1, most=100_000)
    mlp_ratio: float = option(
        "hidden channels of a block's perceptron, as a multiple of its channels", above=0, most=10_000
    )
    scale: float = option("factor of the products of the attention", above=0)


@dataclass
class Spikformer(Transformer):
    dim: int = option("channels of a token, a multiple of 8 and of heads", at_least=8, most=100_000)
    depth: int = option("number of blocks", at_least=1, most=1000)
    patch: int = option("side of the square of pixels that becomes a token", choices=(1, 2, 4, 8, 16))


@dataclass
class QKFormer(Transformer):
    stem: str = option(
        "first layers: images, without pooling; events, with three poolings by 2", choices=("images", "events")
    )
    dims: list[int] = option(
        "channels of each stage, multiples of heads; the sides halve from stage to stage",
        at_least=1,
        most=100_000,
        most_items=100,
    )
    depths: list[int] = option("number of blocks of each stage", at_least=1, most=1000, most_items=100)
    attention: str = option(
        "Q-K attention of all stages but the last: it selects places (token) or channels", choices=("token", "channel")
    )
