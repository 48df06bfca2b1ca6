"""The networks once more: a loop over time in ordinary PyTorch, written from the papers.

It knows nothing of the package: it reads weights by their names, and computes the neurons by their equation.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

THRESHOLD, TAU = 0.25, 2.0


class Plain:
    """The weights of a network, and the potentials of its neurons."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.w = weights
        self.v: dict[str, Tensor] = {}
        self.values: set[float] = set()

    def conv(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = self.w[f"{name}.weight"]
        return F.conv2d(x, weight, self.w.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def norm(self, name: str, x: Tensor) -> Tensor:
        mean, var, weight, bias = (self.w[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        shape = (1, -1, 1, 1)
        return (x - mean.view(shape)) / (var.view(shape) + 1e-5).sqrt() * weight.view(shape) + bias.view(shape)

    def fire(self, name: str, x: Tensor, threshold: float = THRESHOLD) -> Tensor:
        v = self.v.get(name, torch.zeros_like(x))
        h = v + (x - v) / TAU
        s = (h >= threshold).to(x)
        self.v[name] = torch.where(s == 1, torch.zeros_like(h), h)
        self.values |= set(s.unique().tolist())
        return s

    def cbn(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        """Convolution and batch normalisation."""
        return self.norm(f"{name}_norm", self.conv(name, x, stride))

    def cbf(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        """Convolution, batch normalisation, neurons."""
        return self.fire(f"{name}_neuron", self.cbn(name, x, stride))

    def cbpf(self, name: str, x: Tensor) -> Tensor:
        """Convolution, batch normalisation, pooling, neurons."""
        return self.fire(f"{name}_neuron", pool3(self.cbn(name, x)))

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def has(self, name: str) -> bool:
        return any(key.startswith(name) for key in self.w)


def pool3(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, 1)


def sew_block(n: Plain, name: str, x: Tensor, stride: int, convolutions: int) -> Tensor:
    y, body = x, f"{name}.body."
    if convolutions == 2:
        y = n.cbf(body + "conv2", n.cbf(body + "conv1", y, stride))
    else:
        y = n.cbf(body + "conv3", n.cbf(body + "conv2", n.cbf(body + "conv1", y), stride))
    if n.has(f"{name}.shortcut"):
        x = n.cbf(f"{name}.shortcut.conv", x, stride)
    return y + x


def sew_resnet18(n: Plain, x: Tensor) -> Tensor:
    x = n.cbf("conv1", x)
    for block, stride in enumerate((1, 1, 2, 1, 2, 1, 2, 1), 1):
        x = sew_block(n, f"block{block}", x, stride, 2)
    return n.linear("out", x.mean((2, 3)))


def sew_resnet50(n: Plain, x: Tensor) -> Tensor:
    x = pool3(n.cbf("conv1", x, 2))
    strides = (1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)
    for block, stride in enumerate(strides, 1):
        x = sew_block(n, f"block{block}", x, stride, 3)
    return n.linear("out", x.mean((2, 3)))


def sew_resnet_events(n: Plain, x: Tensor) -> Tensor:
    x = n.cbf("conv1", x)
    x = F.max_pool2d(sew_block(n, "block1", x, 1, 2), 2)
    x = F.max_pool2d(sew_block(n, "block2", x, 1, 2), 2)
    x = n.cbf("conv3", x)
    x = F.max_pool2d(sew_block(n, "block3", x, 1, 2), 2)
    return n.linear("out", x.flatten(1))


def ms_block(n: Plain, name: str, x: Tensor, stride: int) -> Tensor:
    y = n.cbn(f"{name}.body.conv1", n.fire(f"{name}.1", x), stride)
    y = n.cbn(f"{name}.body.conv2", n.fire(f"{name}.2", y))
    if n.has(f"{name}.shortcut"):
        x = n.cbn(f"{name}.shortcut.conv", x, stride)
    return y + x


def ms_resnet18(n: Plain, x: Tensor, first: int = 1) -> Tensor:
    x = n.cbn("conv1", x, first)
    for block, stride in enumerate((first, 1, 2, 1, 2, 1, 2, 1), 1):
        x = ms_block(n, f"block{block}", x, stride)
    return n.linear("out", n.fire("last", x).mean((2, 3)))


def ms_resnet18_imagenet(n: Plain, x: Tensor) -> Tensor:
    return ms_resnet18(n, x, 2)


def spiking_resnet19(n: Plain, x: Tensor) -> Tensor:
    x = n.cbf("conv1", x)
    for block, stride in enumerate((1, 1, 1, 2, 1, 1, 2, 1), 1):
        name = f"block{block}"
        y = n.cbn(f"{name}.body.conv2", n.cbf(f"{name}.body.conv1", x, stride))
        if n.has(f"{name}.shortcut"):
            x = n.cbn(f"{name}.shortcut.conv", x, stride)
        x = n.fire(name, x + y)
    return n.linear("out", n.fire("fc1", n.linear("fc1", x.mean((2, 3)))))


def vggsnn(n: Plain, x: Tensor) -> Tensor:
    for index in range(1, 9):
        x = n.cbf(f"conv{index}", x)
        if index in (2, 4, 6):  # The fourth pooling would leave no pixel.
            x = F.avg_pool2d(x, 2)
    return n.linear("out", x.flatten(1))


def vgg11(n: Plain, x: Tensor) -> Tensor:
    for index in range(1, 9):
        x = n.cbf(f"conv{index}", x)
        if index in (1, 2, 4, 6):
            x = F.max_pool2d(x, 2)
    x = n.fire("fc1", n.linear("fc1", x.flatten(1)))
    return n.linear("out", n.fire("fc2", n.linear("fc2", x)))


def attention(n: Plain, name: str, x: Tensor, heads: int, scale: float) -> Tensor:
    """Self-attention, head by head and token by token."""
    q, k, v = (n.cbf(f"{name}.heads.{part}.conv", x).flatten(2) for part in ("query", "key", "value"))
    size = x.shape[1] // heads
    parts = []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        scores = torch.einsum("ncl,ncm->nlm", q[:, own], k[:, own])
        parts.append(torch.einsum("nlm,ncm->ncl", scores, v[:, own]) * scale)
    spikes = n.fire(f"{name}.heads", torch.cat(parts, 1).view_as(x), THRESHOLD / 2)
    return n.cbf(f"{name}.conv", spikes)


def token_attention(n: Plain, name: str, x: Tensor, heads: int) -> Tensor:
    q, k = (n.cbf(f"{name}.heads.{part}.conv", x) for part in ("query", "key"))
    sums = torch.stack([part.sum(1) for part in q.chunk(heads, 1)], 1)
    kept = n.fire(f"{name}.heads", sums, THRESHOLD / 2)
    masked = torch.cat([part * kept[:, i : i + 1] for i, part in enumerate(k.chunk(heads, 1))], 1)
    return n.cbf(f"{name}.conv", masked)


def channel_attention(n: Plain, name: str, x: Tensor) -> Tensor:
    q, k = (n.cbf(f"{name}.heads.{part}.conv", x) for part in ("query", "key"))
    kept = n.fire(f"{name}.heads", q.sum((2, 3)), THRESHOLD / 2)
    return n.cbf(f"{name}.conv", k * kept[:, :, None, None])


def perceptron(n: Plain, block: int, x: Tensor) -> Tensor:
    return n.cbf(f"block{block}_mlp.body.conv2", n.cbf(f"block{block}_mlp.body.conv1", x))


def spikformer(n: Plain, x: Tensor, blocks: int = 2, heads: int = 4, scale: float = 0.125, first: int = 4) -> Tensor:
    for index in range(1, 5):
        x = n.cbf(f"conv{index}", x)
        x = pool3(x) if index >= first else x
    x = x + n.cbf("position.body.conv", x)
    for block in range(1, blocks + 1):
        x = x + attention(n, f"block{block}_attention.body", x, heads, scale)
        x = x + perceptron(n, block, x)
    return n.linear("out", x.mean((2, 3)))


def spikformer_events(n: Plain, x: Tensor) -> Tensor:
    return spikformer(n, x, 1, 2, 0.25, 2)


def halving(n: Plain, name: str, x: Tensor) -> Tensor:
    body = n.cbpf(f"{name}.body.conv2", n.cbf(f"{name}.body.conv1", x))
    return body + n.cbf(f"{name}.shortcut.conv", x, 2)


def qkformer(n: Plain, x: Tensor) -> Tensor:
    x = n.cbf("conv1", x)
    x = n.cbf("embedding1.body.conv", x) + n.cbf("embedding1.shortcut.conv", x)
    for block in (1, 2):
        x = x + token_attention(n, f"block{block}_attention.body", x, 2)
        x = x + perceptron(n, block, x)
        x = halving(n, f"embedding{block + 1}", x)
    for block in (3, 4):
        x = x + attention(n, f"block{block}_attention.body", x, 2, 0.125)
        x = x + perceptron(n, block, x)
    return n.linear("out", x.mean((2, 3)))


def qkformer_events(n: Plain, x: Tensor) -> Tensor:
    x = n.cbpf("conv2", n.cbf("conv1", x))
    body = n.cbpf("embedding1.body.conv2", n.cbpf("embedding1.body.conv1", x))
    x = body + n.cbf("embedding1.shortcut.conv", x, 4)
    x = x + channel_attention(n, "block1_attention.body", x)
    x = x + perceptron(n, 1, x)
    x = halving(n, "embedding2", x)
    x = x + attention(n, "block2_attention.body", x, 2, 0.125)
    x = x + perceptron(n, 2, x)
    return n.linear("out", x.mean((2, 3)))


# By the names of the small networks.
LOOPS: dict[str, Callable[[Plain, Tensor], Tensor]] = {
    "sew_resnet18": sew_resnet18,
    "sew_resnet50": sew_resnet50,
    "sew_resnet_events": sew_resnet_events,
    "ms_resnet18": ms_resnet18,
    "ms_resnet18_imagenet": ms_resnet18_imagenet,
    "spiking_resnet19": spiking_resnet19,
    "vggsnn": vggsnn,
    "vgg11": vgg11,
    "spikformer": spikformer,
    "spikformer_events": spikformer_events,
    "qkformer": qkformer,
    "qkformer_events": qkformer_events,
}
