"""Messages of the command line, of the commands, and of a configuration."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf

from snntrain.cli import one_process
from snntrain.cli.launchers import slots
from snntrain.config import saved
from snntrain.config.composed import Composed
from snntrain.config.targets import Component, build
from snntrain.config.trust.targets import locate
from tests.conftest import TINY

from .world import Case, World, line, overrides, together

OWN = "{broken}/configs"
CASES: dict[str, Case] = {
    # cli/arguments.py, cli/main.py
    "flag without value": (line("T=2 -cn"), ("-cn", "needs a value", "as in -cn <value>")),
    "unknown flag": (line("--frobnicate"), ("--frobnicate", "no such flag", "snntrain --help")),
    "word of a flag": (line("--cfg everything"), ("--cfg everything", "job, hydra, all", "must be one of")),
    "flag that goes with --cfg": (line("--resolve"), ("--resolve", "goes with --cfg", "snntrain --cfg job --resolve")),
    "completion of nothing": (line("--shell-completion"), ("--shell-completion", "needs", "install=bash, or zsh")),
    "unknown command": (
        line("evall"),
        ("evall", "no such command (did you mean eval?)", "the commands are train, search, eval"),
    ),
    "no home folder": (
        line("eval run=~no_user/x"),
        ("run=~no_user/x", "there is no user 'no_user'", "write ./~no_user/x"),
    ),
    # config/check.py
    "beyond all use": (overrides("T=1000001"), ("T is 1,000,001", "give at most 100,000", "time steps")),
    "a long list": (
        overrides(f"network.hidden=[{','.join(['1'] * 1001)}]"),
        ("network.hidden has 1,001 items", "give at most 1,000", "neurons of each hidden layer"),
    ),
    "a long text": (
        together(f"name={'x' * 1001}"),
        ("name has 1,001 characters", "give at most 1,000", "name of the run"),
    ),
    # cli/one_process.py
    "torchrun": (
        lambda _: one_process.check({"WORLD_SIZE": "2", "RANK": "1"}),
        ("WORLD_SIZE=2", "it is one process", "start it without torchrun"),
    ),
    "launcher": (
        lambda _: one_process.check_launcher(
            Composed(
                OmegaConf.create(
                    {
                        "hydra": {
                            "launcher": {"_target_": "JoblibLauncher"},
                            "runtime": {"choices": {"hydra/launcher": "joblib"}},
                        }
                    }
                )
            )
        ),
        ("hydra/launcher=joblib", "submitit_slurm or ray for a cluster", "sweep.workers=N runs N jobs at once"),
    ),
    # cli/train.py, cli/sweep.py
    "mode": (line("hydra.mode=MULTIRUN"), ("hydra.mode=MULTIRUN", "a sweep without a report", "give -m")),
    "package": (line("--cfg job --package x"), ("--package x", "no such part", "give one that exists, as neuron")),
    "other folder": (
        line("hydra.job.chdir=true"),
        ("hydra.job.chdir=true", "a run finds data, and your own classes", "leave it out"),
    ),
    "no folder": (line("hydra.run.dir="), ("hydra.run.dir=", "names no folder", "without it a run makes its own")),
    "folder of a run": (
        line("hydra.run.dir={broken}/runs/good"),
        ("runs/good", "holds a run already", "network.hidden=[512] (not [16])"),
    ),
    "folder that cannot be": (
        line("hydra.run.dir={broken}/file/a"),
        ("file/a", "cannot be written", "hydra.run.dir=…"),
    ),
    "no sweep folder": (
        line("-m T=1,2 hydra.sweep.dir="),
        ("hydra.sweep.dir=", "no folder", "without it a sweep makes"),
    ),
    "folder of a sweep": (
        line("-m T=1,2 hydra.sweep.dir={broken}/runs"),
        ("hydra.sweep.dir=", "holds runs already", "name another one"),
    ),
    "one folder for all": (
        line("-m T=1,2 hydra.sweep.subdir=a"),
        ("hydra.sweep.subdir=a", "the same for all jobs", "each gets its own"),
    ),
    "a failed run": (
        line(
            f"{' '.join(TINY)} monitor=off hydra.run.dir=failed_run "
            "allow_targets=[unlucky_loss] loss._target_=unlucky_loss.Loss"
        ),
        ("the run failed", "no such luck", "failed_run/train.log"),
    ),
    "a sweep with a job of another process": (
        World.sweep_of_another,
        ("1 of 1 jobs", "running in another process", "give the same command again when it has ended"),
    ),
    # cli/whole_sweep.py, cli/launchers/
    "workers of one run": (
        line("sweep.workers=2"),
        ("sweep.workers=2", "belongs to a sweep", "add -m, or leave it out"),
    ),
    "workers swept": (line("-m sweep.workers=1,2"), ("sweep.workers=1,2", "the sweep as a whole", "give one value")),
    "workers that do not count": (
        line("-m T=1,2 sweep.workers=many"),
        ("sweep.workers=many", "a whole number >= 1", "or auto"),
    ),
    "parts of two GPUs": (
        line("-m T=1,2 sweep.gpus_per_job=1.5"),
        ("sweep.gpus_per_job=1.5", "a whole number", "below 1 for jobs that share a GPU, as 0.5"),
    ),
    "a job with more processes than GPUs": (
        line("-m T=1,2 sweep.workers=2 trainer.device=cuda trainer.devices=2"),
        ("sweep.gpus_per_job=1", "trainer.devices=2", "needs 2"),
    ),
    "more workers than GPUs": (
        lambda _: slots.divided(slots.Machine(8, ("0", "1")), 3, 1, 9),
        ("sweep.workers=3, sweep.gpus_per_job=1", "2 GPUs (0, 1), on which 2 jobs fit", "give fewer of either"),
    ),
    "no worker": (World.no_worker, ("the workers of the sweep do not start", "ended with status", "sweep.workers=1")),
    "no process": (
        World.no_process,
        ("a worker of the sweep", "cannot be started (Resource temporarily unavailable)", "a smaller sweep.workers"),
    ),
    "a failed sweep": (World.failed_sweep, ("1 of 1 jobs", "failed", "each folder's summary.json says why")),
    # cli/evaluate.py, cli/inspect.py, cli/report.py, cli/doctor.py, cli/help.py
    "flag of eval": (line("eval run=x -m"), ("--multirun", "eval takes run=<folder>", "overrides and --config-dir")),
    "eval of nothing": (line("eval"), ("eval", "needs run=<folder>", "as in run=outputs/")),
    "no epoch": (
        line("eval run={broken}/runs/no_epoch"),
        ("best.pt", "after which epoch", "take the run's other checkpoint"),
    ),
    "no latest run": (line("eval run=latest"), ("latest", "no runs below outputs/ or multirun/ here", "name a folder")),
    "flag of resume": (line("resume=x -m"), ("--multirun", "resume=<folder> takes", "overrides and --config-dir")),
    "resume of nothing": (line("resume="), ("resume=", "names no run", "give its folder, as in resume=outputs/")),
    "link in a run": (
        line("resume={broken}/runs/linked trainer.epochs=9"),
        ("linked/metrics.jsonl", "is a link", "put the file or folder itself there"),
    ),
    "folder of something else": (
        line("hydra.run.dir={broken}/foreign"),
        ("broken/foreign", "a summary.json of another program", "name another folder"),
    ),
    "other checkpoint": (line("eval run=x checkpoint=y"), ("checkpoint=y", "must be", "best or last")),
    "layer": (
        line("inspect run={broken}/runs/good layer=x"),
        ("layer: 'x'", "matches no spiking layer", "there are fc1_neuron"),
    ),
    "sample": (line("inspect run={broken}/runs/good sample=-1"), ("sample=-1", "0 to 358", "several as in 3,14")),
    "sample and image": (
        line("inspect run={broken}/runs/good sample=1 image=a"),
        ("sample= and image=", "one of them", "give"),
    ),
    "flag of report": (line("report -m x"), ("--multirun", "report takes folders", "metric=<figure>")),
    "report of nothing": (line("report"), ("report", "needs the folders", "as in snntrain report multirun")),
    "key of report without value": (
        line("report x metric="),
        ("metric=", "needs a value", "as in metric=val_accuracy"),
    ),
    "key of report": (line("report x=y"), ("x=y", "no such folder, and no key 'x'", "the keys are metric, out")),
    "flag of doctor": (line("doctor -m"), ("--multirun", "doctor takes", "overrides and --config-dir")),
    "doctor fails": (World.without_training, ("this machine", "training does not work", "no compiler")),
    "help on YAML": (line("--help --config-dir {broken}/syntax"), ("syntax.yaml", "cannot be read", "fix it")),
    "help on no schema": (
        line("--help --config-dir {broken}/no_such_schema"),
        ("/schema/neuron/gif", "there is no", "there are config, neuron/if"),
    ),
    "help on a list": (
        line("--help --config-dir {broken}/lists"),
        ("list.yaml", "must be a mapping", "keys with values"),
    ),
    # config/compose.py
    "config folder": (
        overrides(config_dir="nowhere"),
        ("--config-dir nowhere", "no such folder", "give the folder with"),
    ),
    "options of a group that are not names": (
        overrides("neuron=[1]"),
        ("neuron=[1]", "the name of an option", "as in neuron=lif"),
    ),
    "sweep without -m": (overrides("T=1,2"), ("T=1,2", "several values", "add -m")),
    "text with a comma": (
        together("name=a,b"),
        ("name=a,b", "several values", "or write 'name=\"a,b\"' for one value"),
    ),
    "sweep of nothing": (overrides("T=range(0)", multirun=True), ("T=range(0)", "no value", "needs one or more")),
    "great sweep": (overrides("seed=range(99999)", multirun=True), ("seed=range(99999)", "10,000 at most", "in parts")),
    "hydra as a value": (overrides("hydra=1"), ("hydra=1", "must stay a mapping", "as in hydra.run.dir=…")),
    "allowed by a file": (
        overrides("experiment=shadow", config_dir=OWN),
        ("allow_targets=['os']", "only counts on the command line", "give it there"),
    ),
    # config/primary.py, config/words.py
    "config that is not there": (
        overrides(config_name="confi"),
        ("--config-name confi", "there is no confi.yaml", "there are config (did you mean config?)"),
    ),
    "config that is not YAML": (
        overrides(config_name="mine", config_dir="{broken}/primary"),
        ("mine.yaml", "expected ',' or ']'", "fix it, or take another"),
    ),
    "config without the schema": (
        overrides(config_name="bare", config_dir="{broken}/primary"),
        ("the primary config", "has no schema", "begin it with defaults: [config, _self_]"),
    ),
    "no value given": (together("seed"), ("seed", "cannot be read", "write key=value, as in T=8")),
    "unreadable key": (together("ключ=1"), ("ключ=1", "the letters a to z", "as in neuron.tau=3")),
    "unreadable list": (together("seed=["), ("seed=[", "cannot be read as a list", "brackets that are closed")),
    "list with a text": (
        together("monitor.layers=[#1]"),
        ("monitor.layers=[#1]", "cannot be read as a list", "write 'monitor.layers=[\"#1\"]'"),
    ),
    "unreadable sweep": (together("seed=1,"), ("seed=1,", "as one value or as several", "write key=value")),
    "two equals signs": (together("seed==1"), ("seed==1", "cannot be read", "write seed=1 with one equals sign")),
    "control character": (together("name=\x01"), ("name=", "cannot be read", "no control characters")),
    "too many digits": (
        together("dataset.validation=" + "9" * 5000),
        ("dataset.validation=9", "it is too long", "a shorter value"),
    ),
    "split word": (
        overrides("network.hidden=[1,", "2]"),
        ("network.hidden=[1, 2]", "the shell has split it", "quote all of it: 'network.hidden=[1, 2]'"),
    ),
    # config/explain.py
    "plus before a group": (
        together("+experiment=plif_mnist"),
        ("+experiment=plif_mnist", "is chosen already", "leave the + out"),
    ),
    "option": (together("encoder=poison"), ("encoder=poison", "there are direct, latency, poisson", "mean poisson?")),
    "option of Hydra": (
        together("hydra/launcher=x"),
        ("hydra/launcher=x", "no hydra/launcher 'x'", "there are basic, ray, submitit_"),
    ),
    "broken option": (
        overrides("neuron=syntax", config_dir=OWN),
        ("syntax.yaml", "expected ',' or ']'", "fix it, or take another"),
    ),
    "key": (together("neuron.int_tau=1"), ("neuron.int_tau=1", "the keys are", "did you mean init_tau?")),
    "key in another group": (together("lr=1"), ("lr=1", "the keys are T", "did you mean optimizer.lr?")),
    "key below a value": (
        together("trainer.epochs.x=1"),
        ("trainer.epochs.x=1", "no keys of its own", "set it, trainer.epochs=…"),
    ),
    "type": (together("monitor.samples=x"), ("monitor.samples=x", "must be a whole number, >= 1", "validation images")),
    "type of Hydra's": (together("hydra.job=x"), ("hydra.job=x", "is not a subclass", "snntrain --cfg hydra prints")),
    "variable of Hydra's": (
        overrides("hydra.job.env_copy=[NO_SUCH]"),
        ("hydra.job.env_copy=[NO_SUCH]", "no variable NO_SUCH", "set it, or leave it out"),
    ),
    "value added twice": (
        together("+detach_reset=false"),
        ("+detach_reset=false", "it exists already", "set it without the +"),
    ),
    "value taken away": (together("~name=x"), ("~name=x", "has another value", "~name removes it")),
    "key taken away": (together("~neuron.init_tau"), ("~neuron.init_tau", "cannot be removed", "give it a value")),
    # config/check.py
    "key beside the schema": (together("+x=1"), ("x", "no key 'x'", "the keys are")),
    "needed key": (together("~T"), ("T is", "cannot be removed", "give it a value")),
    "no value": (
        together("trainer.accumulate=???"),
        ("accumulate", "has no value", "give it one, trainer.accumulate=…"),
    ),
    "interpolation to nowhere": (
        together("network.votes=${nothing}"),
        ("votes=${nothing}", "'nothing' not found", "give a value"),
    ),
    "no mapping": (overrides("neuron=number", config_dir=OWN), ("neuron=", "must be a mapping", "as conf/neuron/ has")),
    "no schema": (
        overrides("reset=bare", config_dir=OWN),
        ("reset", "its file must begin with", "[/schema/reset/reset@_here_, _self_]"),
    ),
    "no target": (
        overrides("neuron=no_target", config_dir=OWN),
        ("neuron", "has no _target_", "its file must give them, as conf/neuron/ does"),
    ),
    "list in a list": (
        together("network.hidden=[[1]]"),
        ("network.hidden=[[1]]", "a flat list, without lists in it", "neurons of"),
    ),
    "more than 64 bits": (
        together("dataset.split_seed=1" + "0" * 20),
        ("split_seed=1000", "at most 9,223,372", "seed of that split"),
    ),
    "out of range": (together("monitor.neurons=0"), ("monitor.neurons=0", "must be >= 1", "neurons of a picture")),
    "not finite": (together("neuron.v_threshold=nan"), ("v_threshold=nan", "a finite number", "a neuron fires if")),
    # config/rules.py
    "soft reset": (
        overrides("reset=soft", "neuron.v_threshold=0"),
        ("neuron.v_threshold=0", "must be > 0", "with reset=soft"),
    ),
    "hard reset": (overrides("reset.v_reset=1"), ("reset.v_reset=1.0", "must be below", "neuron.v_threshold=1.0")),
    "tau": (overrides("neuron.init_tau=1"), ("neuron.init_tau=1.0", "must be > 1", "neuron.clamp=null takes any")),
    "amplitude": (
        overrides("neuron=rif", "neuron.amplitude=x"),
        ("neuron.amplitude=x", "must be null, a number A", "[lo, hi]"),
    ),
    "empty interval": (
        overrides("neuron=rif", "neuron.amplitude=0"),
        ("neuron.amplitude=0", "open interval", "A > 0 or [lo, hi]"),
    ),
    "weight": (
        overrides("neuron=rif", "neuron.init_w=2", "neuron.amplitude=1"),
        ("neuron.init_w=2.0", "inside the open interval (-1, 1)", "of neuron.amplitude=1"),
    ),
    "zoom": (together("dataset.augment.scale=[2,1]"), ("scale=[2.0, 1.0]", "two numbers", "lo <= hi")),
    "betas": (together("optimizer.betas=[0.9]"), ("optimizer.betas=[0.9]", "two numbers", "as [0.9,0.999]")),
    "nesterov": (
        overrides("optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=true"),
        ("optimizer.nesterov=true", "needs", "optimizer.momentum > 0"),
    ),
    "device": (overrides("trainer.device=gpu"), ("trainer.device=gpu", "auto, cpu, cuda", "from 0 to 127")),
    "device of another kind": (
        overrides("trainer.device=mps"),
        ("trainer.device=mps", "Apple's GPUs have no float64", "take cpu, or cuda on an NVIDIA GPU"),
    ),
    "fp16": (
        overrides("trainer.device=cpu", "trainer.precision=fp16"),
        ("trainer.precision=fp16", "needs a GPU", "use fp32 or bf16"),
    ),
    # config/saved.py
    "no run": (lambda world: saved.load(world.folder / "none", []), ("none", "not a run folder", "run=outputs/")),
    "saved list": (lambda world: world.config("list"), ("config.yaml", "is not the configuration", "get it again")),
    "saved bytes": (lambda world: world.config("binary"), ("config.yaml", "cannot be read", "get it again")),
    "saved key": (lambda world: world.config("unknown_key"), ("config.yaml", "'momentum'", "get it again")),
    "saved interpolation": (
        lambda world: world.config("interpolation"),
        ("name=${oc.env:HOME}", "values, not interpolations", "get it again"),
    ),
    "several values": (lambda world: world.good("T=2,4"), ("T=2,4", "give one value", "as in T=8")),
    "preset": (
        lambda world: world.good("experiment=mnist_cpu"),
        ("experiment=mnist_cpu", "presets are for training", "give the keys"),
    ),
    # config/trust/targets.py
    "forbidden": (
        together("neuron._target_=os.system"),
        ("neuron._target_=os.system", "may name only what is in snntrain.neuron", "add allow_targets=[os]"),
    ),
    "out of reach": (
        lambda _: locate("os.system"),
        ("_target_=os.system", "must be a class or function in", "snntrain.neuron"),
    ),
    "no component": (
        lambda _: locate("torch.nn.factory_kwargs"),
        ("torch.nn.factory_kwargs", "cannot be built", "add allow_targets=[torch]"),
    ),
    "no such class": (lambda _: locate("torch.nn.Linar"), ("torch.nn.Linar", "no such class", "is the name right")),
    "module that raises": (
        lambda _: locate("broken_module.Node", ["broken_module"]),
        ("broken_module.Node", "division by zero", "fix it"),
    ),
    "keys that do not fit": (
        line(f"{' '.join(TINY)} --config-dir {OWN} neuron=other_keys"),
        ("neuron: _target_=snntrain.neuron.LIFNode", "unexpected keyword argument 'slope'", "it takes (tau"),
    ),
    "value that a class refuses": (
        lambda _: build(Component("torch.optim.Adam", {"lr": -1}), [torch.zeros(1)]),
        ("Adam", "Invalid learning rate", "-1"),
    ),
}
