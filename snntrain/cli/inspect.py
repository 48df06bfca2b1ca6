"""`snntrain inspect run=<folder>`: what the neurons of a finished run do with a few images."""

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import torch

from snntrain.cli.finished import Finished, asked_for
from snntrain.data import picture_file
from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors, some_of
from snntrain.errors import WRITTEN_OUT, UserError
from snntrain.files.folder import Folder
from snntrain.files.paths import as_typed, user_path
from snntrain.inspect import files
from snntrain.inspect.drawing import figures
from snntrain.inspect.numbers import layer_numbers
from snntrain.inspect.page import Inspection, page
from snntrain.inspect.probe import choose_layers
from snntrain.inspect.recording import UNKNOWN, Probes
from snntrain.inspect.samples import choose_samples
from snntrain.process import program
from snntrain.runs.latest import LATEST
from snntrain.runs.run_folder import read_summary
from snntrain.training.evaluation import kept_test as tested
from snntrain.training.evaluation.evaluate import Metrics
from snntrain.training.evaluation.look import look
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job.build import Job
from snntrain.training.job.out_of_memory import EVALUATION_OF_A_FINISHED_RUN, explained, inspection
from snntrain.training.logs.journal import learnt_constants

HELP = """\
snntrain inspect run=<folder>|latest [checkpoint=best|last] [sample=<index>,…|image=<file>] [layer=<name>,…]
                 [out=<folder>] [group=option …] [key=value …] [--config-dir folder]

Shows what the neurons of a finished run do with a few images: index.html, one page that needs nothing else; every
picture as PNG and SVG; recordings.npz, the potentials h and v and the spikes s of each layer, <layer>/h and so on.

  sample=3,14    these test images; a few without it, one a class first
  image=me.png   an image of your own, brought to the size and colours of the data set's
  layer=conv*    these layers, by name or pattern; all without it
  out=folder     where to write, <run>/inspect without it

Overrides change the run's own configuration, as in T=16; monitor.samples and monitor.neurons say how many images
and how many neurons a picture shows."""
OWN = ("sample", "image", "layer", "out")
# Overrides that change nothing in how an image is classified.
NEUTRAL = ("monitor=", "monitor.", "allow_targets=", "trainer.device=")
# Of summary.json, and what the page calls it: what belongs to the best weights as they were trained, and what the whole
# training came to, whichever weights are looked at.
OF_BEST = {"val_accuracy": ("validation accuracy", ".4f")}
OF_TRAINING = {
    "epochs": ("epochs trained", "d"),
    "train_seconds": ("training steps took, s", ",.0f"),
    "wall_seconds": ("whole run took, s", ",.0f"),
    "images_per_second": ("images/s in training", ",.0f"),
}


@dataclass(frozen=True)
class Chosen:
    """Images as the data set stores them, with their labels, and where each comes from."""

    split: ImageTensors
    sources: Sequence[str]


def command(argv: Sequence[str]) -> None:
    """Runs `snntrain inspect` with the arguments `argv`.

    Raises:
        UserError: arguments that cannot be used, a damaged checkpoint, or one that does not fit the overrides.
        RunFailed: there is not memory enough for it.
    """
    run = asked_for(argv, "inspect", HELP, OWN)
    if run is None:
        return
    job, given = run.job, run.given
    patterns = [pattern.strip() for pattern in given.get("layer", "*").split(",")]
    layers = choose_layers(job.evaluated.network, patterns, "layer")
    chosen = chosen_images(job, given)
    # In a run folder of a stranger's it may be a link; what the user names may be one.
    out = Folder(user_path(given["out"], "out")) if given.get("out") else Folder(run.folder, "inspect")
    with explained(job.config, job.world, inspection(len(chosen.split))), job.computing():
        seen, written = _inspected(run, chosen, layers, argv)
    files.write(out, written)
    sys.stdout.write("\n".join([*seen.about, "", *_told(seen), "", str(out.path / files.PAGE)]) + "\n")


def _inspected(
    run: Finished, chosen: Chosen, layers: Iterable[str], argv: Sequence[str]
) -> tuple[Inspection, dict[str, bytes]]:
    """All that is seen of the layers with the chosen images, and the files that show it, by name."""
    job = run.job
    probes = _of_layers(_look(job, chosen), layers)
    kept = _kept_test(run)
    metrics = kept or _measured(job)
    pictures = dict(figures(probes, metrics.confusion.numpy(), job.config.monitor.neurons))
    vectors = {tag: files.svg(figure) for tag, figure in pictures.items()}
    seen = Inspection(
        name=job.config.name,
        about=[
            f"{run.checkpoint}, epoch {run.epoch}",
            f"{job.data.name}, {job.world.device_name}, {job.world.precision.name}, T={job.config.T}",
        ],
        figures=_figures(run, metrics, kept=kept is not None),
        command=shlex.join([*program.words(), "inspect", *_lasting(argv, run)]),
        sources=chosen.sources,
        probes=probes,
        numbers={layer: layer_numbers(recording) for layer, recording in probes.recordings.items()},
        learnt=_learnt(job),
        pictures=vectors,
    )
    written = {f"{_file_name(tag)}.png": files.png(figure) for tag, figure in pictures.items()}
    written |= {f"{_file_name(tag)}.svg": vector.encode() for tag, vector in vectors.items()}
    written |= {files.RECORDINGS: files.npz(probes), files.PAGE: page(seen).encode(errors=WRITTEN_OUT)}
    return seen, written


def chosen_images(job: Job, given: Mapping[str, str]) -> Chosen:
    """The images that `sample` or `image` asks for, else a few test images, one a class first.

    Raises:
        UserError: both, indices that are none, or a file that is no image.
    """
    if "sample" in given and "image" in given:
        raise UserError("sample= and image=: give one of them")
    if "image" in given:
        path = user_path(given["image"], "image")
        image, done = picture_file.read(path, job.data)
        source = f"{path.name}: {', '.join(done)}" if done else path.name
        return Chosen(ImageTensors(image.unsqueeze(0), torch.tensor([UNKNOWN])), [source])
    split, monitor = job.data.test, job.config.monitor
    if "sample" in given:
        indices = _indices(given["sample"], len(split))
    else:
        indices = choose_samples(split.labels, monitor.samples, job.config.seed)
    return Chosen(some_of(split, indices), [f"test image {index}" for index in indices])


def _indices(words: str, count: int) -> list[int]:
    indices = []
    for word in words.split(","):
        if not word.strip().isdecimal() or int(word) >= count:
            raise UserError(f"sample={word}: must be the index of a test image, 0 to {count - 1:,}; several as in 3,14")
        indices.append(int(word))
    return indices


def _look(job: Job, chosen: Chosen) -> Probes:
    batches = Batches(chosen.split, batch_size=len(chosen.split), scale=job.data.scale, device=job.world.device)
    return look(job, next(batches.epoch()))


def _of_layers(probes: Probes, layers: Iterable[str]) -> Probes:
    return replace(probes, recordings={layer: probes.recordings[layer] for layer in layers})


def _lasting(argv: Sequence[str], run: Finished) -> list[str]:
    """The arguments, such that they mean the same run when there is a later one."""
    latest = run.given["run"] == LATEST
    return [f"run={as_typed(run.folder)}" if latest and word.startswith("run=") else word for word in argv]


def _as_trained(run: Finished) -> bool:
    """Whether no override changes how an image is classified."""
    return all(override.startswith(NEUTRAL) for override in run.overrides)


def _kept_test(run: Finished) -> Metrics | None:
    """What the run's own test came to, where there was one of these weights and no override changes it."""
    return tested.read(run.folder, run.job.evaluated.network, run.job.classes) if _as_trained(run) else None


def _measured(job: Job) -> Metrics:
    with explained(job.config, job.world, EVALUATION_OF_A_FINISHED_RUN):
        return metrics_on_test(job)


def _figures(run: Finished, metrics: Metrics, *, kept: bool) -> dict[str, str]:
    """What these weights come to with these settings, and what their training came to, as far as its summary tells.

    Args:
        run: the run.
        metrics: over the test images.
        kept: whether the run itself has measured them, maybe on another device.
    """
    told = {
        "test accuracy": f"{metrics.accuracy:.4f}",
        "test loss": f"{metrics.loss:.4f}",
        "test ties": f"{metrics.ties:,}",
        "parameters": f"{sum(p.numel() for p in run.job.evaluated.parameters()):,}",
    }
    summary = read_summary(run.folder)
    of_best = OF_BEST if run.checkpoint.stem == "best" and _as_trained(run) else {}
    for key, (name, form) in {**of_best, **OF_TRAINING}.items():
        # A summary that is damaged is no part of what is looked at; the weights and the configuration are.
        with suppress(ValueError, TypeError, OverflowError):
            told |= {name: f"{summary[key]:{form}}"} if summary.get(key) else {}
    there, world = [summary.get(key) for key in ("device_name", "precision")], run.job.world
    if there != [world.device_name, world.precision.name] and all(isinstance(word, str) for word in there):
        done = [*(["validated"] if of_best else []), *(["tested"] if kept else [])]
        told |= {f"{' and '.join(done)} on": ", ".join(map(str, there))} if done else {}
    return told


def _learnt(job: Job) -> dict[str, str]:
    constants = learnt_constants(job.evaluated.network)
    return {tag.partition("/")[2]: f"{tag.partition('/')[0]} {value:.4g}" for tag, value in constants.items()}


def _told(seen: Inspection) -> Iterable[str]:
    probes, answers = seen.probes, seen.probes.answers
    for number, (source, label, guess, tied) in enumerate(
        zip(seen.sources, probes.labels, answers.classes, answers.tied, strict=True), 1
    ):
        true = "" if label == UNKNOWN else f", class {probes.class_names[label]}"
        yield f"image {number}  {source}{true}, taken for {probes.class_names[guess]}{', tied' if tied else ''}"
    yield ""
    width = max(map(len, seen.numbers))
    yield f"{'layer':<{width}}  spikes a neuron and step  silent  saturated"
    for layer, numbers in seen.numbers.items():
        yield (
            f"{layer:<{width}}  {numbers.rate:>24.4f}  {100 * numbers.silent:>4.1f} %"
            f"  {100 * numbers.saturated:>7.1f} %  {seen.learnt.get(layer, '')}"
        ).rstrip()


def _file_name(tag: str) -> str:
    """A tag as the name of a file, without its ending."""
    return tag.replace("/", "-")
