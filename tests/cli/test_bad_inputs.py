"""A bad input gets a one-line message and exit status 2, and leaves nothing behind."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torchvision import datasets

from tests.conftest import Outcome
from tests.data.files import NO_NETWORK

from . import broken

TINY = "network=mlp network.hidden=[16] debug=smoke monitor=off"
OWN = "--config-dir {broken}/configs allow_targets=[broken_neurons,broken_module,nowhere]"
INSPECT = "inspect run={broken}/runs"
EVAL = "eval run={broken}/runs"

BAD = {
    # commands
    "command with a letter too many": ("evall run=outputs", "evall: there is no such command (did you mean eval?)"),
    "command of other programs": ("help", "help: there is no such command; the commands are train, search"),
    "command of another program": (
        "tensorboard",
        "the commands are train, search, eval, inspect, report, data, doctor, resume=",
    ),
    "command without its equals sign": ("resume outputs/x", "resume: there is no such command"),
    "file in place of a command": ("conf/config.yaml", "conf/config.yaml: there is no such command"),
    "key without its value": ("neuron.tau", "neuron.tau: cannot be read; write key=value"),
    "plus before a preset": ("+experiment=plif_mnist", "leave the + out, experiment=plif_mnist"),
    "list split by the shell": ("network.channels=[16, 32]", "quote all of it: 'network.channels=[16, 32]'"),
    "folder with a comma": ("dataset.root=x,y", "or write 'dataset.root=\"x,y\"' for one value"),
    "folder of Hydra's own": ("hydra.job.chdir=true", "hydra.job.chdir=true: a run finds data"),
    # flags
    "unknown flag": ("--frobnicate T=2", "--frobnicate: there is no such flag"),
    "flag without value": ("T=2 --config-dir", "--config-dir: needs a value"),
    "unknown word of a flag": ("--cfg everything", "--cfg everything: must be one of job, hydra, all"),
    "resolve without cfg": ("--resolve", "--resolve: goes with --cfg"),
    "package without cfg": ("--package neuron", "--package: goes with --cfg"),
    "package that is not there": ("--cfg job --package neurn", "--package neurn: there is no such part"),
    "flag that would load a pickle": ("--experimental-rerun job.pickle", "there is no such flag"),
    "completion of nothing": ("--shell-completion", "--shell-completion: needs install=bash"),
    "completion of no shell": ("--shell-completion install=dos", "'dos'"),
    "config folder that is not there": ("--config-dir {broken}/none", "none: there is no such folder"),
    "config that is not there": ("--config-name mine", "--config-name mine: there is no mine.yaml in "),
    "help on YAML with a syntax error": ("--help --config-dir {broken}/syntax", "syntax.yaml: cannot be read"),
    "help on a schema that is not there": (
        "--config-dir {broken}/no_such_schema --help",
        "no_such_schema.yaml: there is no /schema/neuron/gif; there are config, neuron/if",
    ),
    # keys and values
    "nothing": ("=", "there is no key ''"),
    "two equals signs": ("T==3", "cannot be read"),
    "key in another script": ("нейрон=lif", "cannot be read"),
    "empty option": ("neuron=", "there are adlif, cuba, if, lif, plif, psn, rif, sliding_psn"),
    "key of Hydra that is not there": ("hydra.foo=1", "hydra.foo=1: in hydra there is no key 'foo'"),
    "option of Hydra that is not there": ("hydra/launcher=basicc", "(did you mean basic?)"),
    "whole number written as a float": ("T=1e9", "T=1e9: must be a whole number"),
    "value given twice, last wrong": ("T=2 T=0", "T=0: must be >= 1"),
    "value that refers to itself": ("name=${{name}}", "Recursive interpolation"),
    "very long value": ("optimizer.lr=" + "9" * 50_000, "cannot be read"),
    "presets without -m": ("experiment=plif_mnist,mnist_cpu", "gives several values; add -m"),
    "key that one neuron of a sweep lacks": ("-m neuron=lif,rif neuron.tau=3", "with neuron=rif there is no key 'tau'"),
    "unknown option": ("neuron=liff", "plif, psn, rif, sliding_psn (did you mean lif?)"),
    "unknown group": ("neurn=lif", "did you mean neuron?"),
    "unknown key": ("neuron.int_tau=3", "did you mean init_tau?"),
    "unknown preset": ("experiment=paper", "there are adlif_shd"),
    "not an override": ("T", "T: cannot be read"),
    "unbalanced bracket": ("network.hidden=[3", "cannot be read"),
    "no number": ("T=abc", "T=abc: must be a whole number, >= 1"),
    "out of range": ("T=0", "T=0: must be >= 1"),
    "negative learning rate": ("optimizer.lr=-1", "optimizer.lr=-1.0: must be > 0"),
    "list expected": ("network.channels=3", "must be a list of whole numbers"),
    "interpolation to nowhere": ("T=${{nothing}}", "T"),
    "variable that is not set": ("name=${{oc.env:SNNTRAIN_NO_SUCH}}", "SNNTRAIN_NO_SUCH"),
    "value taken away": ("~T", "T is needed"),
    "weight outside amplitude": (
        "neuron=rif neuron.init_w=2 neuron.amplitude=1",
        "neuron.init_w=2.0: must lie inside the open interval (-1, 1)",
    ),
    "reset above threshold": ("reset.v_reset=1", "reset.v_reset=1.0: must be below neuron.v_threshold=1.0"),
    "sweep without -m": ("neuron=lif,plif", "neuron=lif,plif: gives several values; add -m"),
    "one bad value in a sweep": ("-m seed=0,-1", "seed=-1: must be >= 0"),
    "one bad combination in a sweep": (
        f"-m {TINY} reset.v_reset=0,0.8 neuron.v_threshold=1,0.5",
        "reset.v_reset=0.8: must be below neuron.v_threshold=0.5",
    ),
    # files of the user's own
    "YAML syntax": (f"{OWN} neuron=syntax", "syntax.yaml"),
    "YAML key outside its schema": (f"{OWN} neuron=unknown_key", "tauu"),
    "YAML schema that is not there": (f"{OWN} neuron=no_such_schema", "schema/neuron/gif"),
    "YAML without target": (f"{OWN} neuron=no_target", "_target_"),
    "target not allowed": (f"{OWN} neuron=forbidden", "add allow_targets=[subprocess] to the command line"),
    "target allowed by a file": ("--config-dir {broken}/configs experiment=shadow", "only counts on the command line"),
    "target reached through torch": (f"{OWN} neuron=shell", "torch.os.system"),
    "target that is not a component": (f"{OWN} neuron=loader", "torch.load"),
    "module not installed": (f"{OWN} neuron=not_installed", "nowhere.Node: there is no such class"),
    "class not in its module": (f"{OWN} neuron=no_such_class", "there is no such class"),
    "module that raises": (f"{OWN} neuron=raises", "division by zero"),
    "class that is not a neuron": (f"{OWN} neuron=no_node", "must be a subclass of snntrain.neuron.BaseNode"),
    "class that takes other keys": (f"{OWN} neuron=other_keys", "slope"),
    # data, machine, folders
    "data missing and no network": (
        "dataset=mnist dataset.root={broken}/empty",
        "lacks train-images-idx3-ubyte, train-labels-idx1-ubyte",
    ),
    "data root below a file": ("dataset=mnist dataset.root={broken}/file/data", "cannot be written"),
    "truncated IDX file": ("dataset=mnist dataset.root={broken}/truncated", "train-images-idx3-ubyte is damaged"),
    "wrong magic number": ("dataset=mnist dataset.root={broken}/wrong_magic", "t10k-labels-idx1-ubyte is damaged"),
    "too many blocks for 8x8": ("network.channels=[8,8,8,8]", "can be halved 3 times"),
    "two means for one channel": (f"{TINY} dataset.mean=[0.1,0.2]", "one number per channel, and digits has 1"),
    "two deviations for one channel": (f"{TINY} dataset.std=[0.1,0.2]", "one number per channel"),
    "a GPU that is not there": (f"{TINY} trainer.device=cuda:99", "trainer.device=cuda:99: PyTorch finds no such GPU"),
    "fp16 on the CPU": ("trainer.device=cpu trainer.precision=fp16", "trainer.precision=fp16: needs a GPU"),
    "output folder without a name": ("hydra.run.dir=", "hydra.run.dir=: names no folder"),
    "output folder below a file": ("hydra.run.dir={broken}/file/run", "file/run: cannot be written"),
    "output folder is a file": ("hydra.run.dir={broken}/file", "file: cannot be written"),
    "output folder in /proc": ("hydra.run.dir=/proc/snntrain/run", "/proc/snntrain"),
    "sweep folder below a file": ("-m seed=0,1 hydra.sweep.dir={broken}/file/sweep", "cannot be written"),
    "folder of another run": ("hydra.run.dir={broken}/runs/good", "runs/good holds a run already: network."),
    "folder of another sweep": (f"-m {TINY} T=1,2 hydra.sweep.dir={{broken}}/runs", "this folder holds runs already"),
    "sweep folder without a name": ("-m seed=0,1 hydra.sweep.dir=", "hydra.sweep.dir=: names no folder"),
    "one folder for all jobs": (
        "-m seed=0,1 hydra.sweep.subdir=job",
        "hydra.sweep.subdir=job: is the same for all jobs",
    ),
    # eval
    "eval of nothing": ("eval", "eval needs run=<folder>"),
    "eval of no folder": ("eval run={broken}/none", "none: not a run folder, it has no config.yaml"),
    "eval of the latest of none": ("eval run=latest", "latest: there are no runs below outputs/ or multirun/ here"),
    "eval of many runs": (EVAL, "name one of them, as in run="),
    "eval of another checkpoint": (f"{EVAL}/good checkpoint=first", "checkpoint=first: must be best or last"),
    "eval with a flag": (f"{EVAL}/good -m", "--multirun: eval takes"),
    "eval with a flag that is not there": (f"{EVAL}/good --verbose", "--verbose: there is no such flag"),
    "eval with a config folder that is not there": (f"{EVAL}/good --config-dir none", "none: there is no such folder"),
    "eval with no override": (f"{EVAL}/good T", "T: cannot be read; write key=value, as in T=8"),
    "eval with an unbalanced bracket": (
        f"{EVAL}/good network.hidden=[3",
        "cannot be read as a list or mapping; write key=value",
    ),
    "eval with a list split by the shell": (f"{EVAL}/good network.hidden=[3, 4]", "'network.hidden=[3, 4]'"),
    "eval with a key that is not there": (f"{EVAL}/good neuron.tau=3", "neuron.tau=3"),
    "eval out of range": (f"{EVAL}/good T=0", "T=0: must be >= 1"),
    "eval of two values": (f"{EVAL}/good T=2,4", "T=2,4: give one value"),
    "eval with a preset": (f"{EVAL}/good experiment=mnist_cpu", "presets are for training"),
    "eval of other weights": (f"{EVAL}/good network.hidden=[8]", "its weights do not fit this network"),
    "checkpoint missing": (f"{EVAL}/no_best", "best.pt: there is no such checkpoint"),
    "checkpoint truncated": (f"{EVAL}/truncated", "best.pt: damaged"),
    "checkpoint empty": (f"{EVAL}/empty", "best.pt: damaged"),
    "checkpoint of foreign objects": (f"{EVAL}/foreign", "best.pt: damaged"),
    "checkpoint that runs code": (f"{EVAL}/executing", "best.pt: damaged"),
    "checkpoint of another program": (f"{EVAL}/other_format", "best.pt: damaged, or no checkpoint of snntrain"),
    "saved config no YAML": (f"{EVAL}/yaml", "config.yaml: cannot be read"),
    "saved config no text": (f"{EVAL}/binary", "config.yaml: cannot be read"),
    "saved config a list": (f"{EVAL}/list", "config.yaml: is not the configuration of a run"),
    "saved config with a key too many": (f"{EVAL}/unknown_key", "momentum"),
    "saved config with a key too few": (f"{EVAL}/incomplete", "T has no value"),
    "saved config of the wrong type": (f"{EVAL}/wrong_type", "four"),
    "saved config with a target not allowed": (f"{EVAL}/forbidden", "os.system"),
    # inspect
    "inspect of nothing": ("inspect", "inspect needs run=<folder>"),
    "inspect with a flag": (
        f"{INSPECT}/good -m",
        "--multirun: inspect takes run=<folder>, checkpoint=best|last, sample=",
    ),
    "inspect of another checkpoint": (f"{INSPECT}/good checkpoint=first", "checkpoint=first: must be best or last"),
    "inspect of a damaged checkpoint": (f"{INSPECT}/truncated", "best.pt: damaged"),
    "inspect of no such layer": (
        f"{INSPECT}/good layer=conv*",
        "layer: 'conv*' matches no spiking layer of this network; there are fc1_neu",
    ),
    "inspect of one layer too many": (f"{INSPECT}/good layer=out_neuron,fc9", "layer: 'fc9' matches no spiking layer"),
    "inspect of a sample beyond the last": (
        f"{INSPECT}/good sample=359",
        "must be the index of a test image, 0 to 358",
    ),
    "inspect of a negative sample": (f"{INSPECT}/good sample=-1", "sample=-1: must be the index"),
    "inspect of no sample": (f"{INSPECT}/good sample=", "sample=: must be the index"),
    "inspect of a sample and an image": (f"{INSPECT}/good sample=1 image=x.png", "give one of them"),
    "inspect of a missing image": (f"{INSPECT}/good image=none.png", "image=none.png: there is no such file"),
    "inspect of a text as an image": (f"{INSPECT}/good image={{broken}}/file", "is not a readable image"),
    "inspect of a folder as an image": (f"{INSPECT}/good image={{broken}}/empty", "is a folder, not an image file"),
    "inspect into a file": (f"{INSPECT}/good out={{broken}}/file", "file: cannot be written"),
    "inspect into /proc": (f"{INSPECT}/good out=/proc/snntrain", "out=/proc/snntrain: cannot be written"),
}


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory, finished_run: Path) -> Path:
    folder = tmp_path_factory.mktemp("broken")
    broken.fill(folder, finished_run)
    return folder


@pytest.fixture(autouse=True)
def _surroundings(museum: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(museum / "modules")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    monkeypatch.setenv("no_proxy", "*")


def everything_below(*folders: Path) -> dict[Path, int]:
    """Return every file with its time and every folder without: a folder may be made and removed again."""
    paths = [path for folder in folders for path in folder.rglob("*")]
    return {path: 0 if path.is_dir() else path.stat().st_mtime_ns for path in paths}


# Every second case is slow. tests/test_messages.py checks all messages; half of the cases show that no file is left.
SLOW = {name: [pytest.mark.slow] if number % 2 else [] for number, name in enumerate(BAD)}


@pytest.mark.parametrize(
    ("argv", "message"), [pytest.param(*case, id=name, marks=SLOW[name]) for name, case in BAD.items()]
)
def test_a_bad_input_gets_a_one_line_message_and_leaves_nothing_behind(
    argv: str, message: str, snntrain: Callable[..., Outcome], museum: Path, tmp_path: Path
) -> None:
    before = everything_below(museum, tmp_path)
    outcome = snntrain(*argv.format(broken=museum).split())
    print(outcome.err, outcome.out)
    assert outcome.status == 2
    (line,) = outcome.err.splitlines()
    assert line.startswith("snntrain: ")
    assert message in line
    assert "Traceback" not in outcome.out
    assert everything_below(museum, tmp_path) == before
