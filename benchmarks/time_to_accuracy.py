"""Seconds of training until a test accuracy on MNIST: snntrain, and SpikingJelly with the same network and recipe.

`python -m benchmarks.time_to_accuracy [--accuracy 0.99] [--seeds N] [--set KEY=VALUE …]`. Both train the network of
`experiment=mnist_fast` with the same loss, optimizer, schedule and number of steps, one after the other, each in a
process of its own. SpikingJelly begins with the same weights, gets its images ready, normalised and in memory, and runs
in float32: once as its tutorials write it, which repeat the image over time, and once ("spikingjelly once") with the
layers before the first neurons called for one image and their result repeated. The clock counts training alone; after
each epoch all are tested on the 10,000 test images, off the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from benchmarks import machine, peer_networks, report
from benchmarks.report import Row, Section
from snntrain.config.schema import Config
from snntrain.config.validate import validate
from snntrain.data.batch import Batch
from snntrain.training import loop
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.job import build, world
from snntrain.training.job.batches import batches
from snntrain.training.job.components import component
from snntrain.training.state import begin

ROOT = Path(__file__).resolve().parents[1]
RECIPE = "experiment=mnist_fast"
# The neurons that SpikingJelly has, too.
NEURONS = {"IFNode": "if", "LIFNode": "lif", "PLIFNode": "plif"}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--accuracy", type=float, default=0.99, help="test accuracy to reach")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further configuration of both")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--only", choices=TRAININGS, help=argparse.SUPPRESS)
    settings = parser.parse_args(argv)
    if settings.only:
        train(settings.only, settings.set)
        return
    rows: list[Row] = []
    for seed in range(settings.seeds):
        for name in TRAININGS:
            epochs = _in_a_process(name, [f"seed={seed}", *settings.set])
            rows.append({"name": name, "seed": seed} | _figures(epochs, settings.accuracy))
    section = Section(f"Seconds of training until {settings.accuracy:.1%} on MNIST", "seconds until", rows)
    report.show(section)
    device = torch.device("cpu")
    out = settings.out or machine.results_folder(device)
    report.write("time_to_accuracy", out, machine.describe(device), vars(settings), [section])


def _in_a_process(name: str, words: Sequence[str]) -> list[Row]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.time_to_accuracy", f"--only={name}", "--set", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _figures(epochs: Sequence[Row], wanted: float) -> Row:
    reached = next((epoch for epoch in epochs if epoch["accuracy"] >= wanted), None)
    return {
        "seconds until": reached["seconds"] if reached else None,
        "epochs until": reached["epoch"] if reached else None,
        "accuracy at the end": epochs[-1]["accuracy"],
        "seconds in all": epochs[-1]["seconds"],
    }


def train(name: str, words: Sequence[str]) -> None:
    """Train, and print a line of JSON with the accuracy and the seconds of training after each epoch."""
    (config,) = validate([RECIPE, *words])
    job = build.prepare(config, world.decide(config.trainer))
    with job.computing():
        seconds = 0.0
        for epoch, (took, accuracy) in enumerate(TRAININGS[name](job, config), 1):
            seconds += took
            print(json.dumps({"epoch": epoch, "seconds": round(seconds, 2), "accuracy": accuracy}), flush=True)


def ours(job: build.Job, config: Config) -> Iterator[tuple[float, float]]:
    """Yield the seconds of training of each epoch, and the accuracy after it."""
    training = begin(job)
    test = batches(config, job.data, job.data.test, job.world)
    for _ in range(config.trainer.epochs):
        started = time.perf_counter()
        loop.train_epoch(training)
        took = time.perf_counter() - started
        training.progress.next_epoch()
        metrics = evaluate(job.evaluated, job.loss, test.epoch(), job.classes, job.world.precision)
        yield took, metrics.accuracy


def spikingjelly(job: build.Job, config: Config, once: bool = False) -> Iterator[tuple[float, float]]:
    """Yield the seconds of training of each epoch, and the accuracy after it; the loop is that of its tutorials."""
    kind = NEURONS[str(config.neuron._target_).rpartition(".")[2]]
    normalise, network = job.model.encoder, job.model.network
    net = peer_networks.spikingjelly_copy(network, kind, config.T, once)
    optimizer = component(config, "optimizer", net.parameters())
    scheduler = component(config, "scheduler", optimizer, total_steps=config.trainer.epochs * len(job.train))
    test = batches(config, job.data, job.data.test, job.world)
    for epoch in range(1, config.trainer.epochs + 1):
        net.train()
        ready = [(_normalised(batch, normalise), batch.labels) for batch in job.train.epoch(epoch)]
        started = time.perf_counter()
        for images, labels in ready:
            loss = job.loss(net(images).unsqueeze(0), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        took = time.perf_counter() - started
        net.eval()
        with torch.no_grad():
            correct = sum(
                int((net(_normalised(batch, normalise)).argmax(1) == batch.labels).sum()) for batch in test.epoch()
            )
        yield took, correct / len(job.data.test)


def _normalised(batch: Batch, encoder: nn.Module) -> torch.Tensor:
    """Return the images as the encoder makes them, which are the same at all steps."""
    images: torch.Tensor = encoder(batch.x)[0]
    return images.contiguous()


TRAININGS: dict[str, Callable[[build.Job, Config], Iterator[tuple[float, float]]]] = {
    "snntrain": ours,
    "spikingjelly": spikingjelly,
    "spikingjelly once": partial(spikingjelly, once=True),
}

if __name__ == "__main__":
    main()
