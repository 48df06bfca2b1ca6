"""The cost of a finished run's test images by this package and by NeuroBench, side by side.

    python scripts/cost_by_neurobench.py <run folder> [batches of 100 images, default 10]

Needs NeuroBench: pip install -e '.[neurobench]'. The network computes in float32.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import torch
from neurobench.metrics.static import Footprint, ParameterCount
from neurobench.metrics.workload import SynapticOperations
from neurobench.models import TorchModel

from snntrain.config import saved
from snntrain.cost.count import Cost
from snntrain.neuron import reset_net
from snntrain.training.job import build, world
from snntrain.training.job.batches import batches
from snntrain.training.saving import checkpoint

NAMES = {
    "Effective_MACs": "effective_macs_per_image",
    "Effective_ACs": "effective_acs_per_image",
    "Dense": "dense_operations_per_image",
}


def main(run: Path, count: int = 10) -> None:
    config = saved.load(run, ["trainer.precision=fp32", "trainer.eval_batch_size=100"])
    job = build.prepare(config, world.decide(config.trainer))
    model, net = job.evaluated.eval(), job.evaluated.network
    checkpoint.restore(net, run / "checkpoints" / "best.pt")
    test = batches(job.config, job.data, job.data.test, job.world)
    inputs = [model.encoder(batch.x) for batch in islice(test.epoch(), count)]
    # Not at the same time: NeuroBench calls copies of the layers, which include our hooks.
    with torch.no_grad(), Cost(net) as cost:
        for x in inputs:
            net(x)
            reset_net(net)
    watched, metric = TorchModel(net), SynapticOperations()
    watched.register_hooks()
    with torch.no_grad():
        for x in inputs:
            watched(x)
            reset_net(net)
            metric(watched, None, (x[0],))
            watched.reset_hooks()
    theirs, ours = metric.compute(), cost.figures(sum(x.shape[1] for x in inputs))
    print(f"{'':30}{'snntrain':>20}{'NeuroBench':>20}")
    for name, key in NAMES.items():
        print(f"{key:30}{ours[key]:>20,.3f}{theirs[name]:>20,.3f}")
    print(f"{'parameters':30}{ours['parameters']:>20,}{ParameterCount()(watched):>20,}")
    print(f"{'bytes (theirs with buffers)':30}{ours['parameter_bytes']:>20,}{Footprint()(watched):>20,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
