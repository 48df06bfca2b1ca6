"""`snntrain doctor`: the capabilities of this machine, the speed of training on it, and hints for more speed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snntrain.cli import one_process
from snntrain.cli.arguments import parse
from snntrain.config.compose import Composer, composer
from snntrain.config.composed import Composed
from snntrain.config.schema import Config
from snntrain.config.targets import Component
from snntrain.config.validate import checked
from snntrain.doctor import software
from snntrain.doctor.finding import Finding, examined, in_short
from snntrain.errors import RunFailed, UserError
from snntrain.process.allocator import keep_freed_memory

if TYPE_CHECKING:
    from snntrain.training.job.world import World

HELP = """\
snntrain doctor [group=option …] [key=value …] [--config-dir folder]

Shows what this machine offers to training: versions, device, precision and why, the kernels that compute the neurons,
threads, memory, caches, data sets. Trains for three seconds on random images of MNIST's shape, and shows what would
make training faster here. Overrides are those of training, as in trainer.device=cpu dataset.root=/data network=mlp.
Exit status: 0 training works here, 1 it does not."""
WIDTH = 110
LABEL = 11
FAILED = "failed"


def command(argv: Sequence[str]) -> None:
    """Run `snntrain doctor`.

    Raises:
        UserError: arguments that cannot be used.
        RunFailed: training does not work on this machine.
    """
    arguments = parse(argv)
    if "--help" in arguments.flags:
        print(HELP)
        return
    one_process.check()
    for flag in arguments.flags.keys() - {"--config-dir"}:
        raise UserError(f"{flag}: doctor takes overrides and --config-dir")
    with composer(config_dir=arguments.flags.get("--config-dir")) as compose:
        (composed,) = checked(compose, arguments.overrides)
        data_sets = _data_sets(compose)
    found: list[Finding] = []
    for title, findings in _sections(composed.settings(), data_sets):
        print("\n".join([title, *map(_line, findings)]), end="\n\n", flush=True)
        found += findings
    hints = [finding.hint for finding in found if finding.hint]
    print("\n".join(["What would make it faster", *map(_hint, hints or ["nothing that doctor knows of"])]))
    if failed := [finding.text for finding in found if finding.label == FAILED]:
        raise RunFailed(f"training does not work on this machine: {failed[0]}")


def _data_sets(compose: Composer) -> dict[str, dict[str, Any]]:
    """Return the plain values of every available data set."""
    options = compose.groups["dataset"]
    return {name: Composed(compose([f"dataset={name}"])).value("dataset") for name in options}


def _sections(config: Config, data_sets: dict[str, dict[str, Any]]) -> Iterator[tuple[str, list[Finding]]]:
    """Yield the title and the findings of each section as soon as they are known."""
    yield "Software", examined("packages", software.findings)
    if not software.torch_works():
        yield "Speed", [Finding(FAILED, "torch cannot be imported")]
        return
    keep_freed_memory()
    from snntrain.doctor import device, processor, storage

    world, refused = device.chosen(config.trainer)
    formats = world.precision
    yield (
        "Computing",
        [
            *refused,
            *examined("device", lambda: device.devices(config.trainer.device, world.device)),
            *examined("precision", lambda: device.precision_of(config.trainer.precision, formats)),
            *examined("neurons", lambda: device.executors(formats)),
            *examined("launches", lambda: device.launches(formats)),
            *examined("kernels", lambda: device.kernel_cache(formats)),
            *examined("threads", processor.threads),
            *examined("load", processor.load),
            *examined("memory", processor.memory),
        ],
    )
    yield (
        "Storage",
        [
            *examined("data root", lambda: storage.data_sets(data_sets, config.dataset)),
            *examined("runs", storage.runs),
        ],
    )
    yield "Speed", list(_speed(config, data_sets["mnist"], world))


def _speed(config: Config, mnist: Mapping[str, Any], world: World) -> Iterator[Finding]:
    from snntrain.doctor import speed

    try:
        measured = speed.measure(config, mnist, world, speed.SECONDS)
    except Exception as error:  # Compilers, drivers, memory: whatever breaks here breaks a run.
        yield Finding(FAILED, in_short(error), "make training work first")
        return
    network = Component.of(config.network).target.rpartition(".")[2]
    what = f"{network}, T={config.T}, batches of {config.trainer.batch_size} images of 1x28x28, {world.precision.name}"
    yield Finding("training", f"{measured.images_per_second:,.0f} images/s ({what})")
    yield Finding("first steps", f"{measured.first_seconds:.1f} s, including compilation")


def _line(finding: Finding) -> str:
    left = f"  {finding.label:<{LABEL}} "
    return _broken(finding.text, left, " " * len(left))


def _hint(hint: str) -> str:
    return _broken(hint, "  - ", "    ")


def _broken(text: str, first: str, more: str) -> str:
    """Return the text on several lines, broken only at spaces: paths and settings can still be copied."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=more,
        break_on_hyphens=False,
        break_long_words=False,
    )
