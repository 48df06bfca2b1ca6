"""Messages of data sets, pictures and reports, and of training."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from snntrain.data import idx, vision
from snntrain.data.dataset import ImageTensors, hold_out
from snntrain.data.download import only_read
from snntrain.files.folder import Folder
from snntrain.files.output import write_output
from snntrain.report.report import make
from snntrain.runs import find
from snntrain.runs.lock import Lock
from snntrain.training import loop
from snntrain.training.saving import resume, saver
from tests.conftest import TINY
from tests.training.jobs import prepared

from .world import Case, World, fake, fake_training, line

OWN = "{broken}/configs"
HEAD = bytes((0, 0, 8, 3))


def _read_only(world: World) -> None:
    root = str(world.broken / "none")
    with only_read(root, world.folder / "config.yaml"):
        vision.mnist(root)


def _report_of_everything(world: World) -> None:
    with world.patch.context() as patch:
        patch.setattr(find, "MOST_FOLDERS", 1)
        make([world.broken], "x", 0.0)


CASES: dict[str, Case] = {
    # data/
    "share": (
        lambda _: hold_out(
            "some",
            *[ImageTensors(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), torch.tensor([0]))] * 2,
            ("a",),
            validation=0.5,
            split_seed=0,
        ),
        ("dataset.validation=0.5", "class 0 has a single element", "cannot be on both sides"),
    ),
    "digits": (lambda world: world.digits(b""), ("optdigits.npz", "is damaged", "install snntrain again")),
    "no network": (
        lambda world: vision.mnist(str(world.broken / "empty")),
        ("dataset=mnist", "lacks train-images-idx3-ubyte", "put them there"),
    ),
    "data root": (
        lambda world: vision.mnist(str(world.broken / "file" / "data")),
        ("file/data", "cannot be written", "name another data root"),
    ),
    "data root of a file": (
        _read_only,
        ("dataset=mnist", "nothing is downloaded there", "give dataset.root="),
    ),
    "files in the data root": (
        lambda world: vision.mnist(str(world.broken / "mine")),
        ("broken/mine itself holds train-", "if these are mnist's", "move them to"),
    ),
    "no gzip file": (
        lambda world: idx.read_idx(world.broken / "zip", 3),
        ("zip.gz", "is damaged: it is not a complete gzip file", "delete it"),
    ),
    "magic number": (lambda world: world.idx(b"\x89PNG"), ("idx", "should begin with the bytes 00000803", "delete it")),
    "no pixels": (lambda world: world.idx(HEAD + bytes(12)), ("idx", "have 0x0 pixels", "delete it")),
    "IDX size": (
        lambda world: world.idx(HEAD + bytes((0, 0, 0, 1)) * 3),
        ("idx", "promises 1x1x1 bytes, it holds 0", "put a good copy there"),
    ),
    "IDX folder": (lambda world: idx.read_idx(world.folder, 3), ("", "cannot be read", "make it readable")),
    "labels": (lambda world: world.pair(2, [0]), ("labels", "1 labels for the 2 images", "delete it")),
    "no labels": (lambda world: world.pair(0, []), ("labels", "it is empty", "delete it")),
    "label of no class": (lambda world: world.pair(2, [0, 2]), ("labels", "must run from 0 to 1", "delete it")),
    "checksum": (
        lambda world: vision._verified(world.broken / "file", "0" * 32),
        ("file", "its MD5 checksum is", "delete it"),
    ),
    "file of a set": (
        lambda world: vision._verified(world.broken, "0" * 32),
        ("broken", "cannot be read", "make it readable"),
    ),
    "EMNIST": (lambda _: vision.emnist(split="x"), ("dataset.split=x", "must be one of", "balanced, letters")),
    "torchvision": (World.without_torchvision, ("torchvision", "does not work here", "take dataset=digits")),
    "no picture": (lambda world: world.picture("none"), ("image=", "no such file", "give an image file")),
    "folder of pictures": (lambda world: world.picture("empty"), ("empty", "is a folder", "name a file in it")),
    "text as a picture": (lambda world: world.picture("file"), ("file", "is not a readable image", "save it as PNG")),
    "great picture": (
        lambda world: world.picture("great.png"),
        ("great.png", "more than 100,000,000 pixels", "scale it down"),
    ),
    "two channels": (lambda world: world.picture("file", 2), ("image=", "has 2 channels", "take sample=")),
    # inspect/, report/
    "page below a file": (
        lambda world: write_output(Folder(world.broken / "file" / "page"), {}),
        ("file/page", "cannot be written", "choose another folder with out="),
    ),
    "layers to watch": (
        line(f"{' '.join(TINY)} monitor.layers=[fc9]"),
        ("'fc9'", "matches no spiking layer", "there are fc1_neuron"),
    ),
    "report of no folder": (lambda _: make([Path("no")], "x", 0.0), ("no", "no such folder", "give folders of runs")),
    "report of everything": (
        _report_of_everything,
        ("more than 1 folders", "name the folders of runs or sweeps", "as multirun"),
    ),
    "report of no runs": (
        lambda world: make([world.broken / "empty"], "x", 0.0),
        ("empty", "no runs there", "the folder of a run holds a summary.json"),
    ),
    "metric": (
        lambda world: make([world.folder / "sweep"], "val_acuracy", 0.0),
        ("metric=val_acuracy", "no run has it", "did you mean val_accuracy?"),
    ),
    "report below a file": (World.report_below_a_file, ("file/report", "cannot be written", "choose another folder")),
    # training/
    "channels": (
        line(f"{' '.join(TINY)} dataset.mean=[0.1,0.2]"),
        ("dataset.mean=[0.1, 0.2]", "one number per channel", "digits has 1"),
    ),
    "no neuron": (
        line(f"{' '.join(TINY)} --config-dir {OWN} allow_targets=[broken_neurons] neuron=no_node"),
        ("broken_neurons.NoNode", "must be a subclass", "snntrain.neuron.BaseNode"),
    ),
    "no checkpoint": (lambda world: world.checkpoint("no_best"), ("best.pt", "there is no", "such checkpoint")),
    "damaged checkpoint": (lambda world: world.checkpoint("truncated"), ("best.pt", "damaged", "try the run's other")),
    "other weights": (World.foreign_weights, ("best.pt", "do not fit this network", "was an override given?")),
    "checkpoint of another format": (
        lambda world: world.checkpoint("old"),
        ("best.pt", "not a checkpoint", "that this version of snntrain can read (format"),
    ),
    "no checkpoint to resume from": (
        line("resume={broken}/runs/nothing_good trainer.epochs=9"),
        ("nothing_good/checkpoints", "last.pt and previous.pt cannot be used", "put a good copy there"),
    ),
    "a configuration that was changed": (
        line("resume={broken}/runs/edited trainer.epochs=9"),
        ("runs/edited: config.yaml has changed", "it says T=6 (not 4)", "put the old values back"),
    ),
    "a folder in the way": (
        line("resume={broken}/runs/in_the_way trainer.epochs=9"),
        ("in_the_way/checkpoints/last.pt", "is a folder", "move it away, and start the run again"),
    ),
    "a pipe in a run": (
        line("resume={broken}/runs/piped trainer.epochs=9"),
        ("piped/metrics.jsonl", "is not a regular file", "move it away, or name another folder"),
    ),
    "a second name of a run's file": (
        line("resume={broken}/runs/two_names trainer.epochs=9"),
        ("two_names/metrics.jsonl", "has a second name, as a hard link gives", "put a copy there"),
    ),
    "a file in the place of a run's folder": (
        line("hydra.run.dir={broken}/runs/no_folder"),
        ("no_folder/checkpoints", "is not a folder", "move it away, or name another folder"),
    ),
    "a folder that cannot be read": (
        line(f"hydra.run.dir={{broken}}/{'x' * 300}"),
        ("xxx", "cannot be read (File name too long)", "name another folder"),
    ),
    "other data": (
        lambda _: resume.restore(fake(data=fake(name="some")), {"data": "these"}, "those"),
        ("dataset=some", "are not those with which this run began", "put the old files back"),
    ),
    "a state that is not one": (
        lambda _: resume.restore(prepared(), {"data": "these"}, "these"),
        ("checkpoints/last.pt", "does not fit this run", "put a good copy there"),
    ),
    "a full disk": (
        World.full_disk,
        ("run cannot be written", "No space left on device", "resume with: snntrain resume=run"),
    ),
    "a loss without lengths": (
        World.sequences_for_a_loss_without_lengths,
        ("loss=Infinite", "have different lengths", "use loss=mse_rate, ce_rate, ce, tet or mse_votes"),
    ),
    "loss that is not finite": (
        lambda _: loop.train_epoch(fake_training(loss=math.nan)),
        ("in epoch 3", "the training loss was never finite", "try a lower optimizer.lr"),
    ),
    "weights that are not finite": (
        lambda _: saver.check_weights(fake_training(weight=math.inf)),
        ("in epoch 3", "the weights are no longer finite", "try a lower optimizer.lr"),
    ),
    "dead workers": (
        World.dead_workers,
        ("a worker process that reads the data died", "3 times in a row", "dataset.workers=0"),
    ),
    "fp16 of a CPU": (
        line(f"{' '.join(TINY)} trainer.device=auto trainer.precision=fp16"),
        ("trainer.precision=fp16", "needs a GPU", "use fp32, bf16 or auto"),
    ),
    "tf32 of an old GPU": (
        World.tf32_of_an_old_gpu,
        ("trainer.precision=tf32", "needs an NVIDIA GPU of compute capability 8.0", "use fp32, fp16 or auto"),
    ),
    "working memory of cuBLAS": (
        World.workspace_of_the_users_own,
        (
            "trainer.deterministic=true: CUBLAS_WORKSPACE_CONFIG=:16:4",
            "differ from run to run",
            "unset it, or set it to",
        ),
    ),
    "no such GPU": (line(f"{' '.join(TINY)} trainer.device=cuda:99"), ("cuda:99", "no such GPU", "or use auto")),
    "a lock": (
        lambda world: Lock(world.broken / "file").__enter__(),
        ("run.lock", "cannot be written", "make it writable, or name another folder"),
    ),
}
