"""A folder of unusable things: configs, modules, data, runs. Each is real and broken in one way."""

import pickle
import shutil
from pathlib import Path

from tests.data.files import write_mnist

# In the user's own --config-dir: each is an option of the group neuron.
NEURONS = {
    "syntax": "v_threshold: [1.0\n",
    "unknown_key": "defaults: [/schema/neuron/lif@_here_, _self_]\n_target_: snntrain.neuron.LIFNode\ntauu: 2.0\n",
    "no_such_schema": "defaults: [/schema/neuron/gif@_here_, _self_]\n",
    "no_target": "v_threshold: 1.0\n",
    "forbidden": "_target_: subprocess.call\nargs: [touch, executed]\n",
    "not_installed": "_target_: nowhere.Node\n",
    "no_such_class": "_target_: broken_neurons.Absent\n",
    "raises": "_target_: broken_module.Node\n",
    "no_node": "_target_: broken_neurons.NoNode\nv_threshold: 1.0\n",
    "other_keys": "_target_: snntrain.neuron.LIFNode\nv_threshold: 1.0\nslope: 3\n",
    "shell": "_target_: torch.os.system\ncommand: touch executed\n",
    "loader": "_target_: torch.load\nf: weights.pt\n",
}
MODULES = {
    "broken_module": "1 / 0\n",
    "broken_neurons": "import torch\n\n\nclass NoNode(torch.nn.Module):\n    def __init__(self, **keys):\n"
    "        super().__init__()\n",
}


class Executing:
    """An object that creates a file in the working directory when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("executed", "w")


def fill(folder: Path, run: Path) -> None:
    """Put everything broken below `folder`; copies of the finished run `run` are damaged."""
    for name, text in NEURONS.items():
        _write(folder / "configs" / "neuron" / f"{name}.yaml", text)
    for name in ("syntax", "no_such_schema"):
        _write(folder / name / "neuron" / f"{name}.yaml", NEURONS[name])
    _write(folder / "configs" / "experiment" / "shadow.yaml", "# @package _global_\nallow_targets: [os]\n")
    for name, text in MODULES.items():
        _write(folder / "modules" / f"{name}.py", text)
    _write(folder / "file", "no folder\n")
    (folder / "empty").mkdir()
    _data_sets(folder)
    _runs(folder / "runs", run)


def _data_sets(folder: Path) -> None:
    images = write_mnist(folder / "truncated") / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-100])
    labels = write_mnist(folder / "wrong_magic") / "t10k-labels-idx1-ubyte"
    labels.write_bytes(b"\x89PNG" + labels.read_bytes()[4:])


def _runs(runs: Path, run: Path) -> None:
    for name in ("good", "truncated", "empty", "foreign", "executing", "other_format", "no_best"):
        shutil.copytree(run, runs / name, ignore=shutil.ignore_patterns("tensorboard", ".hydra"))
    for name in ("yaml", "binary", "list", "unknown_key", "incomplete", "forbidden", "wrong_type"):
        shutil.copytree(run, runs / name, ignore=shutil.ignore_patterns("tensorboard", ".hydra"))
    best = {path.name: path / "checkpoints" / "best.pt" for path in runs.iterdir()}
    best["truncated"].write_bytes(best["good"].read_bytes()[:-500])
    best["empty"].write_bytes(b"")
    best["foreign"].write_bytes(pickle.dumps({"format": 1, "model": object()}))
    best["executing"].write_bytes(pickle.dumps(Executing()))
    best["no_best"].unlink()
    config = (run / "config.yaml").read_text()
    for name, text in {
        "yaml": config.replace("neuron:", "neuron: ["),
        "list": "- T\n- 4\n",
        "unknown_key": f"{config}momentum: 0.9\n",
        "incomplete": config.replace("T: 4\n", ""),
        "forbidden": config.replace("snntrain.neuron.PLIFNode", "os.system"),
        "wrong_type": config.replace("T: 4\n", "T: four\n"),
    }.items():
        assert text != config
        (runs / name / "config.yaml").write_text(text)
    (runs / "binary" / "config.yaml").write_bytes(b"\xff\xfe\x00")
    import torch

    torch.save({"weights": [1.0]}, best["other_format"])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
