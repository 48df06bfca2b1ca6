"""A model of a training step on many GPUs: computing, the exchange between processes, and what limits it.

    python -m benchmarks.scaling_model

Pure arithmetic from bytes, bandwidths, latencies and operations; nothing is measured. README.md in this folder explains
the columns and says where the numbers come from.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.report import Row, Section, show, table
from benchmarks.scaling_networks import NETWORKS, Network

# An H100 SXM by its data sheet: bfloat16 without sparsity, and memory. Assumed: the shares of them that a step reaches.
OPERATIONS_PER_SECOND = 989e12 * 0.4
BYTES_PER_SECOND = 3.35e12 * 0.8
# Bytes that are read and written for an output in bfloat16, forward and backward: with a batch normalisation, without.
BYTES_NORMALISED, BYTES_PLAIN = 36, 20
# Assumed: kernels of a layer in a step, and the least seconds of a kernel in a recorded step.
KERNELS_PER_LAYER, SECONDS_PER_KERNEL = 14, 2e-6
# The backward pass has twice the products of the forward pass.
BACKWARD = 2 / 3
# Gradients are float32. DistributedDataParallel sends them in parts of this size.
BYTES_PER_GRADIENT = 4
BUCKET = 25 * 2**20
# NCCL's own estimate of the latency of a small all-reduce in a tree (src/graph/tuning.cc, LL): the call, a hop by
# NVLink (slower in a run on several nodes), a hop by InfiniBand. Assumed: a hop by TCP.
CALL, NVLINK_HOP, NVLINK_SLOWER, INFINIBAND_HOP, TCP_HOP = 4.4e-6, 0.52e-6, 1.8, 5e-6, 25e-6
# Assumed: JPEG images that the host decodes per GPU and second, by 14 cores.
IMAGES_PER_SECOND = 14 * 150


@dataclass(frozen=True)
class Cluster:
    """Machines with GPUs.

    Args:
        name: its name in the tables.
        nodes: number of machines.
        gpus: GPUs of each machine.
        bandwidth: bytes per second of an all-reduce in a ring, past each GPU.
        hop: seconds of a small message between machines.
    """

    name: str
    nodes: int
    gpus: int
    bandwidth: float
    hop: float = 0.0

    @property
    def size(self) -> int:
        """The number of GPUs."""
        return self.nodes * self.gpus

    def latency(self) -> float:
        """Return the seconds of an all-reduce of a few bytes."""
        inside = NVLINK_HOP * (NVLINK_SLOWER if self.nodes > 1 else 1) * (self.gpus - 1)
        return CALL + 2 * (inside + math.log2(self.nodes) * self.hop)

    def all_reduce(self, size: float) -> float:
        """Return the seconds of an all-reduce of `size` bytes."""
        return self.latency() + 2 * (self.size - 1) / self.size * size / self.bandwidth

    def agreement(self) -> float:
        """Return the seconds of the agreement of a step on the host, an all-reduce by Gloo in a ring over TCP."""
        return 2 * (self.size - 1) * TCP_HOP


# NVLink 4 has 450 GB/s in each direction, of which NCCL reaches 370 (NVIDIA/nccl-tests, issue 212). The rings of a node
# leave it through its network cards: 8 x 400 Gb/s or 100 Gb/s, of which the same share is assumed.
NVLINK = 370e9
NETWORK_SHARE = 370 / 450
CLUSTERS = (
    Cluster("8 GPUs, NVLink", 1, 8, NVLINK),
    Cluster("4 x 8 GPUs, InfiniBand", 4, 8, min(NVLINK, 8 * 400e9 / 8 * NETWORK_SHARE), INFINIBAND_HOP),
    Cluster("4 x 8 GPUs, Ethernet", 4, 8, 100e9 / 8 * NETWORK_SHARE, TCP_HOP),
)


@dataclass(frozen=True)
class Step:
    """The seconds of a step, by part.

    Args:
        computing: forward, backward and the move of the weights.
        gradients: the all-reduce of the gradients.
        normalisations: the all-reduces of the batch normalisations.
        agreement: the agreement of the hosts, which runs beside the GPUs.
        data: the decoding of the images, beside the GPUs.
        hidden: seconds of `gradients` that run beside the backward pass.
    """

    computing: float
    gradients: float
    normalisations: float
    agreement: float
    data: float
    hidden: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of the whole step."""
        on_gpu = self.computing + self.gradients - self.hidden + self.normalisations
        return max(on_gpu, self.agreement, self.data)

    @property
    def efficiency(self) -> float:
        """The part of the step in which the GPU computes."""
        return self.computing / self.seconds

    @property
    def limit(self) -> str:
        """The greatest part besides computing."""
        parts = {
            "gradients": self.gradients,
            "batch normalisation": self.normalisations,
            "agreement": max(0.0, self.agreement - self.computing),
            "data": max(0.0, self.data - self.computing),
        }
        return max(parts, key=lambda name: parts[name])


def computing(network: Network, batch: int) -> float:
    """Return the seconds in which a GPU computes a step of `batch` images."""
    operations = 2 * 3 * network.products * batch
    moved = 0
    for layer in network.layers:
        each = BYTES_NORMALISED if layer.normalised else BYTES_PLAIN
        moved += each * layer.outputs * network.T * batch
    busy = operations / OPERATIONS_PER_SECOND + moved / BYTES_PER_SECOND
    return max(busy, len(network.layers) * KERNELS_PER_LAYER * SECONDS_PER_KERNEL)


def step(network: Network, cluster: Cluster, batch: int, *, overlapped: bool = False) -> Step:
    """Return the step of a network on a cluster, with `batch` images per GPU.

    Args:
        network: the network.
        cluster: the machines.
        batch: images per GPU.
        overlapped: whether the gradients are sent during the backward pass, in parts; the last part comes after it.
    """
    busy = computing(network, batch)
    size = BYTES_PER_GRADIENT * network.parameters
    gradients, hidden = cluster.all_reduce(size), 0.0
    if overlapped:
        last = cluster.all_reduce(min(size, BUCKET))
        hidden = max(0.0, min(gradients - last, BACKWARD * busy))
    # Forward: sums, sums of squares and a count in float64; backward: two sums in float32.
    normalisations = sum(
        cluster.all_reduce(8 * (2 * channels + 1)) + cluster.all_reduce(4 * 2 * channels)
        for channels in network.normalised
    )
    data = 0.0 if network.resident else batch / IMAGES_PER_SECOND
    return Step(busy, gradients, normalisations, cluster.agreement(), data, hidden)


def least_batch(network: Network, cluster: Cluster, efficiency: float) -> int | None:
    """Return the least number of images per GPU for an efficiency; None if 16,384 are too few."""
    batch = next((2**n for n in range(15) if step(network, cluster, 2**n).efficiency >= efficiency), None)
    if batch is None:
        return None
    below = batch // 2
    while batch - below > 1:
        middle = (batch + below) // 2
        if step(network, cluster, middle).efficiency >= efficiency:
            batch = middle
        else:
            below = middle
    return batch


def gain(network: Network, cluster: Cluster, batch: int) -> float:
    """Return how much the efficiency grows if gradients are sent during the backward pass."""
    plain, overlapped = (step(network, cluster, batch, overlapped=way) for way in (False, True))
    return overlapped.efficiency - plain.efficiency


def sections() -> list[Section]:
    """Return a table of the networks, one for each cluster, and one of the gain by overlap."""
    return [_networks(), *map(_on, CLUSTERS), _gains()]


def _networks() -> Section:
    rows: list[Row] = [
        {
            "name": network.name,
            "parameters": f"{network.parameters / 1e6:.1f} M",
            "operations per image": f"{2 * network.products / 1e9:.3g} G",
            "T": network.T,
            "images per GPU": network.batch,
            "gradients": f"{BYTES_PER_GRADIENT * network.parameters / 1e6:.1f} MB",
            "all-reduces of batch normalisation": 2 * len(network.normalised),
            "computing": _milliseconds(computing(network, network.batch)),
            "data": "resident" if network.resident else _milliseconds(network.batch / IMAGES_PER_SECOND),
        }
        for network in NETWORKS
    ]
    return Section("networks", "images per GPU", rows)


def _on(cluster: Cluster) -> Section:
    rows: list[Row] = []
    for network in NETWORKS:
        found = step(network, cluster, network.batch)
        overlapped = step(network, cluster, network.batch, overlapped=True)
        rows.append(
            {
                "name": network.name,
                "gradients": _milliseconds(found.gradients),
                "batch normalisation": _milliseconds(found.normalisations),
                "agreement": _milliseconds(found.agreement),
                "efficiency": _share(found.efficiency),
                "with overlap": _share(overlapped.efficiency),
                "images for 50 %": _images(least_batch(network, cluster, 0.5)),
                "for 90 %": _images(least_batch(network, cluster, 0.9)),
                "limit": found.limit,
            }
        )
    return Section(cluster.name, "efficiency", rows)


def _gains() -> Section:
    rows: list[Row] = []
    for network in NETWORKS:
        row: Row = {"name": network.name}
        for cluster in CLUSTERS:
            points, negative = max((100 * gain(network, cluster, batch), -batch) for batch in range(1, 1025))
            batch = -negative
            row[cluster.name] = f"{points:.0f} at {batch:,}" if points >= 0.5 else "less than 1"
        rows.append(row)
    return Section(
        "the most that overlap could bring, in points of efficiency, and at how many images per GPU", "", rows
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _images(count: int | None) -> str:
    return "never" if count is None else f"{count:,}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling_model", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/several_devices.md")
    shown: Callable[[Section], None] = _markdown if parser.parse_args(argv).markdown else show
    for section in sections():
        shown(section)


def _markdown(section: Section) -> None:
    print(f"\n{section.title}:\n\n{table(section)}")


if __name__ == "__main__":
    main()
