"""`snntrain inspect run=<folder>`: the potentials and spikes of a finished run for a few images."""

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
from snntrain.files.output import write_output
from snntrain.files.paths import as_typed, user_path
from snntrain.inspect import files
from snntrain.inspect.drawing import plots
from snntrain.inspect.numbers import layer_numbers
from snntrain.inspect.page import Inspection, page
from snntrain.inspect.probe import matching_layers
from snntrain.inspect.recording import UNKNOWN, Probes
from snntrain.inspect.samples import sample_indices
from snntrain.neuron import learnt_constants
from snntrain.process import program
from snntrain.runs import summary as summaries
from snntrain.runs.latest import LATEST
from snntrain.training.evaluation import kept_test as tested
from snntrain.training.evaluation.evaluate import Metrics
from snntrain.training.evaluation.look import look
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job.build import Job
from snntrain.training.job.out_of_memory import EVALUATION_OF_A_FINISHED_RUN, explained, inspection

HELP = """\
snntrain inspect run=<folder>|latest [checkpoint=best|last] [sample=<index>,…|image=<file>] [layer=<name>,…]
                 [out=<folder>] [group=option …] [key=value …] [--config-dir folder]

Shows what the neurons of a finished run do with a few images: index.html, one page that needs nothing else; every
picture as PNG and SVG; recordings.npz, the potentials h and v and the spikes s of each layer, <layer>/h and so on.

  sample=3,14    these test images; a few without it, one per class first
  image=me.png   an image of your own, brought to the size and colours of the data set's
  layer=conv*    these layers, by name or pattern; all without it
  out=folder     where to write, <run>/inspect without it

Overrides change the run's own configuration, as in T=16; monitor.samples and monitor.neurons say how many images
and how many neurons a picture shows."""
OWN = ("sample", "image", "layer", "out")
# Overrides that do not change how an image is classified.
NEUTRAL = ("monitor=", "monitor.", "allow_targets=", "trainer.device=")
# Keys of summary.json with their names and formats on the page, for the best weights and for the whole training.
OF_BEST = {"val_accuracy": ("validation accuracy", ".4f")}
OF_TRAINING = {
    "epochs": ("epochs trained", "d"),
    "train_seconds": ("training steps took, s", ",.0f"),
    "wall_seconds": ("whole run took, s", ",.0f"),
    "images_per_second": ("images/s in training", ",.0f"),
}


@dataclass(frozen=True)
class Chosen:
    """Images as the data set stores them, with their labels and the source of each image."""

    split: ImageTensors
    sources: Sequence[str]


def command(argv: Sequence[str]) -> None:
    """Run `snntrain inspect`.

    Raises:
        UserError: arguments that cannot be used, a damaged checkpoint, or one that does not fit the overrides.
        RunFailed: there is not enough memory.
    """
    run = asked_for(argv, "inspect", HELP, OWN)
    if run is None:
        return
    job, given = run.job, run.given
    patterns = [pattern.strip() for pattern in given.get("layer", "*").split(",")]
    layers = matching_layers(job.evaluated.network, patterns, "layer")
    chosen = chosen_images(job, given)
    # `inspect` in a stranger's run folder may be a link, which is not followed; a link that the user names is followed.
    out = Folder(user_path(given["out"], "out")) if given.get("out") else Folder(run.folder, "inspect")
    with explained(job.config, job.world, inspection(len(chosen.split))), job.computing():
        seen, written = _inspected(run, chosen, layers, argv)
    write_output(out, written)
    sys.stdout.write("\n".join([*seen.about, "", *_answers(seen), "", str(out.path / files.PAGE)]) + "\n")


def _inspected(
    run: Finished, chosen: Chosen, layers: Iterable[str], argv: Sequence[str]
) -> tuple[Inspection, dict[str, bytes]]:
    """Return recordings of the layers for the chosen images, and the files that show them, by name."""
    job = run.job
    probes = _of_layers(_look(job, chosen), layers)
    kept = _kept_test(run)
    metrics = kept or _measured(job)
    pictures = dict(plots(probes, metrics.confusion.numpy(), job.config.monitor.neurons))
    vectors = {tag: files.svg(figure) for tag, figure in pictures.items()}
    seen = Inspection(
        name=job.config.name,
        about=[
            f"{run.checkpoint}, epoch {run.epoch}",
            f"{job.data.name}, {job.world.device_name}, {job.world.precision.name}, T={job.steps}",
        ],
        figures=_figures(run, metrics, kept=kept is not None),
        command=shlex.join([*program.words(), "inspect", *_lasting(argv, run)]),
        sources=chosen.sources,
        probes=probes,
        numbers={layer: layer_numbers(recording, probes.lengths) for layer, recording in probes.recordings.items()},
        learnt=_learnt(job),
        pictures=vectors,
    )
    written = {f"{_file_name(tag)}.png": files.png(figure) for tag, figure in pictures.items()}
    written |= {f"{_file_name(tag)}.svg": vector.encode() for tag, vector in vectors.items()}
    written |= {files.RECORDINGS: files.npz(probes), files.PAGE: page(seen).encode(errors=WRITTEN_OUT)}
    return seen, written


def chosen_images(job: Job, given: Mapping[str, str]) -> Chosen:
    """Return the images of `sample` or `image`, else a few test images, beginning with one per class.

    Raises:
        UserError: both are given, an index does not exist, or the file is not an image.
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
        indices = sample_indices(split.labels, monitor.samples, job.config.seed)
    chosen = some_of(split, indices)
    kind = "image" if chosen.images.ndim == 4 else "sample"
    return Chosen(chosen, [f"test {kind} {index}" for index in indices])


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
    """Return the arguments with `latest` replaced by the run's folder."""
    latest = run.given["run"] == LATEST
    return [f"run={as_typed(run.folder)}" if latest and word.startswith("run=") else word for word in argv]


def _as_trained(run: Finished) -> bool:
    """Return whether no override changes how an image is classified."""
    return all(override.startswith(NEUTRAL) for override in run.overrides)


def _kept_test(run: Finished) -> Metrics | None:
    """Return the metrics from the run's own test of these weights; None if missing, or if an override changes them."""
    return tested.read(run.folder, run.job.evaluated.network, run.job.classes) if _as_trained(run) else None


def _measured(job: Job) -> Metrics:
    with explained(job.config, job.world, EVALUATION_OF_A_FINISHED_RUN):
        return metrics_on_test(job)


def _figures(run: Finished, metrics: Metrics, *, kept: bool) -> dict[str, str]:
    """Return the results of these weights with these settings, and results of their training from summary.json.

    Args:
        run: the run.
        metrics: metrics on the test images.
        kept: whether the run itself has measured `metrics`, possibly on another device.
    """
    shown = {
        "test accuracy": f"{metrics.accuracy:.4f}",
        "test loss": f"{metrics.loss:.4f}",
        "test ties": f"{metrics.ties:,}",
        "parameters": f"{sum(p.numel() for p in run.job.evaluated.parameters()):,}",
    }
    summary = summaries.read(run.folder).known
    of_best = OF_BEST if run.checkpoint.stem == "best" and _as_trained(run) else {}
    for key, (name, form) in {**of_best, **OF_TRAINING}.items():
        # A damaged summary is skipped: the weights and the configuration do not need it.
        with suppress(ValueError, TypeError, OverflowError):
            shown |= {name: f"{summary[key]:{form}}"} if summary.get(key) else {}
    there, world = [summary.get(key) for key in ("device_name", "precision")], run.job.world
    if there != [world.device_name, world.precision.name] and all(isinstance(word, str) for word in there):
        done = [*(["validated"] if of_best else []), *(["tested"] if kept else [])]
        shown |= {f"{' and '.join(done)} on": ", ".join(map(str, there))} if done else {}
    return shown


def _learnt(job: Job) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for tag, value in learnt_constants(job.evaluated.network).items():
        constant, _, layer = tag.partition("/")
        found.setdefault(layer, []).append(f"{constant} {value:.4g}")
    return {layer: ", ".join(constants) for layer, constants in found.items()}


def _answers(seen: Inspection) -> Iterable[str]:
    """Yield the answer to each image, and a table of the layers."""
    probes, answers = seen.probes, seen.probes.answers
    for number, (source, label, guess, tied) in enumerate(
        zip(seen.sources, probes.labels, answers.classes, answers.tied, strict=True), 1
    ):
        true = "" if label == UNKNOWN else f", class {probes.class_names[label]}"
        yield f"{probes.kind} {number}  {source}{true}, taken for {probes.class_names[guess]}{', tied' if tied else ''}"
    yield ""
    width = max(map(len, seen.numbers))
    yield f"{'layer':<{width}}  spikes per neuron and step  silent  saturated"
    for layer, numbers in seen.numbers.items():
        rate, silent, saturated = "–", "–", "–"
        if numbers.rate is not None and numbers.silent is not None and numbers.saturated is not None:
            rate, silent = f"{numbers.rate:.4f}", f"{100 * numbers.silent:.1f} %"
            saturated = f"{100 * numbers.saturated:.1f} %"
        yield f"{layer:<{width}}  {rate:>26}  {silent:>6}  {saturated:>9}  {seen.learnt.get(layer, '')}".rstrip()


def _file_name(tag: str) -> str:
    """Return a tag as the name of a file, without its extension."""
    return tag.replace("/", "-")
