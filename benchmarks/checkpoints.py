"""The cost of checkpoints: the share of a run's time in which training waits for one.

`python -m benchmarks.checkpoints [key=value …]` trains on MNIST as `snntrain neuron=plif dataset=mnist` does, for three
epochs, and times every saving. It does not compare runs with and without checkpoints, because two runs of the same
command differ by more than that.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine

JOB = ("neuron=plif", "dataset=mnist", "trainer.epochs=3")


def main(overrides: list[str]) -> None:
    from snntrain.config.validate import validate
    from snntrain.process.allocator import keep_freed_memory
    from snntrain.training import loop, run
    from snntrain.training.job import devices
    from snntrain.training.saving.checkpoints import Checkpoints
    from snntrain.training.saving.saver import Saver

    (config,) = validate([*JOB, *overrides])
    keep_freed_memory()
    spent: dict[str, list[float]] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keys: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **keys)
            finally:
                spent.setdefault(name, []).append(time.perf_counter() - started)

        return call

    Saver.save = timed("a snapshot of the last", Saver.save)  # type: ignore[method-assign]
    Saver.save_best = timed("a snapshot of the best", Saver.save_best)  # type: ignore[method-assign]
    Saver.wait = timed("waiting at the end", Saver.wait)  # type: ignore[method-assign]
    Checkpoints.save = timed("written beside: the last", Checkpoints.save)  # type: ignore[method-assign]
    Checkpoints.save_best = timed("written beside: the best", Checkpoints.save_best)  # type: ignore[method-assign]
    run.fit = timed("training", loop.fit)
    with tempfile.TemporaryDirectory() as folder:
        run.train(config, Path(folder) / "run")
        sizes = {path.name: path.stat().st_size for path in (Path(folder) / "run" / "checkpoints").iterdir()}
    training = sum(spent.pop("training"))
    waited = sum(sum(seconds) for name, seconds in spent.items() if not name.startswith("written beside"))
    print(machine.describe(devices.choose(config.trainer.device)))
    print(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sorted(sizes.items())))
    for name, seconds in spent.items():
        print(f"{name}: {len(seconds)} times, median {1000 * statistics.median(seconds):.1f} ms")
    print(f"training waited for {waited:.3f} s of {training:.1f} s: {100 * waited / training:.2f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
