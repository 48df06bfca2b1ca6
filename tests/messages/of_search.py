"""Messages of a search; none of these cases needs Optuna."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from snntrain.cli.search import command, ending, journal, optional, planning, result
from snntrain.cli.search.space import Choice, Space
from snntrain.cli.search.study import Study
from snntrain.files.folder import LINK, Folder, Unsafe
from tests.report.folders import write_run

from .world import Case, World, fake, line

OWN = "{broken}/searches"


def _without_optuna(world: World) -> None:
    with world.patch.context() as patch:
        patch.setitem(sys.modules, "optuna", None)
        optional.optuna()


def _great_journal(world: World) -> None:
    folder = world.folder / "great" / "search"
    folder.mkdir(parents=True)
    (folder / journal.NAME).write_text("{}\n")
    with world.patch.context() as patch:
        patch.setattr(journal, "MOST_BYTES", 2)
        journal.storage(Folder(folder))


def _another_search(world: World) -> None:
    before = fake(
        create_new_study=lambda *_: 0,
        get_all_studies=lambda: [fake(study_name="search")],
        get_study_user_attrs=lambda _: {"command": {"overrides": "T=4"}},
    )
    Study.begin(_study(world, before, {"overrides": "T=8"}))


def _no_study(world: World) -> None:
    before = fake(get_all_studies=lambda: [fake(study_name="search")], get_study_user_attrs=lambda _: {"command": 3})
    Study.begin(_study(world, before, {}))


def _study(world: World, storage: Any, identity: Any) -> Any:
    return fake(folder=Folder(world.folder / "s" / "search"), storage=storage, identity=identity, _id=0, directions=[])


def _runs_of_no_search(world: World) -> None:
    write_run(world.folder / "no_search" / "0")
    planning.check_folder(world.folder / "no_search")


def _link_in_the_way(world: World) -> None:
    with command._named(Path("s")):
        raise Unsafe(LINK, Path("s/search"))


def _only_failures(world: World) -> None:
    trial = fake(state="fail", error="no luck")
    driver = fake(failures=5, folder=Path("s"), study=None)
    with world.patch.context() as patch:
        patch.setattr(ending, "_summarize", lambda *_: result.Result(driver, [], [trial]))
        ending.conclude(driver, [], ["snntrain", "search", "T=2,4"])


def space(text: str) -> Any:
    """Return the call of a search with this space."""
    # `line` formats its command.
    return line(f"search search.space={text.replace('{', '{{').replace('}', '}}')}")


CASES: dict[str, Case] = {
    # cli/search/asked.py, cli/search/command.py, cli/search/planning.py
    "a method without -m": (line("sweep.search=tpe"), ("sweep.search=tpe", "with -m only", "write snntrain search")),
    "a key of a search in a run": (
        line("search.trials=3"),
        ("search.trials=3", "only a search reads it", "write snntrain search"),
    ),
    "flag of search": (line("search T=2,4 --resolve --cfg job"), ("--", "search takes key=value", "--help")),
    "no folder of a search": (
        line("search T=2,4 hydra.sweep.dir="),
        ("hydra.sweep.dir=", "names no folder", "without it a search makes its own"),
    ),
    "rungs of two figures": (
        line("search T=2,4 search.pruner=halving search.objectives=[val_accuracy,energy]"),
        ("search.pruner=halving", "by one figure", "or search.pruner=null"),
    ),
    "rungs of a late figure": (
        line("search T=2,4 search.pruner=halving search.objectives=[energy]"),
        ("search.pruner=halving", "energy is known or fair only at the end", "or search.pruner=null"),
    ),
    "rungs above the end": (
        line("search T=2,4 search.pruner=halving search.rungs=[3,9] trainer.epochs=9"),
        ("search.rungs=[3, 9]", "below trainer.epochs=9", "give lower ones"),
    ),
    "a grid without steps": (
        line("search optimizer.lr=(0.1,1) sweep.search=grid"),
        ("sweep.search=grid", "optimizer.lr takes any number", "give a list, or a step"),
    ),
    "epochs with rungs": (
        line("search trainer.epochs=4,8 search.pruner=halving"),
        ("trainer.epochs", "counts its rungs in epochs", "or search.pruner=null"),
    ),
    "cmaes with one range": (
        line("search optimizer.lr=(0.1,1) sweep.search=cmaes"),
        ("sweep.search=cmaes", "it has 1", "take sweep.search=tpe"),
    ),
    "runs that no search made": (_runs_of_no_search, ("no_search", "that no search made", "name another one")),
    "link in a search": (_link_in_the_way, ("s/search", "is a link", "name another folder")),
    # cli/search/checks.py
    "a space of nothing": (line("search T=2"), ("search.space", "names no key", "as in neuron=lif,plif")),
    "a space that names no key": (space("{Tee:[1,2]}"), ("Tee=1", "there is no key 'Tee'", "the keys are")),
    "a space of Hydra's": (line("search sweep.workers=1,2"), ("sweep.workers", "the same for all trials", "one value")),
    "the pause of a search": (
        line("search T=2,4 trainer.pause_after=1"),
        ("trainer.pause_after=1", "set by the search itself", "leave it out"),
    ),
    "the folders of a search": (
        line("search T=2,4 hydra.sweep.subdir=a"),
        ("hydra.sweep.subdir=a", "names the folders of its trials itself", "leave it out"),
    ),
    # cli/search/forms.py
    "a space that is not a mapping": (
        line(f"search search=list --config-dir {OWN}"),
        ("search.space=T", "must be a mapping of keys", "log(low,high)"),
    ),
    "a space without braces": (space("T"), ("search.space=T", "in braces", "as in 'search.space={T: int(2,8)}'")),
    "a key without values": (space("{T}"), ("'T' has no value", "write key: value", "log(low,high)")),
    "a single value": (space("{T:4}"), ("T: 4", "nothing to choose from", "a list as [a,b]")),
    "an empty list": (space("{T:[]}"), ("T: []", "nothing to choose from", "a list as [a,b]")),
    "an empty range": (line("search T=range(4,4,1)"), ("T=range(4,4,1)", "nothing to choose from", "a list as [a,b]")),
    "one number": (space("{T:log(1)}"), ("T: log(1)", "needs two numbers", "log(low,high)")),
    "a strange word": (space("{T:int(1,4,lin)}"), ("T: int(1,4,lin)", "neither log nor step", "int(low,high,log)")),
    "the wrong way round": (space("{T:int(8,2)}"), ("T: int(8,2)", "must be below the second", "turn them round")),
    "a logarithm of 0": (space("{T:log(0,2)}"), ("T: log(0,2)", "numbers above 0", "take uniform")),
    "a great step": (space("{T:int(1,2,step=3)}"), ("T: int(1,2,step=3)", "step must", "fit between")),
    "int of others": (space("{T:int(1,2.5)}"), ("T: int(1,2.5)", "takes whole numbers", "write uniform")),
    "no number": (space("{T:int(a,b)}"), ("T=int(a,b)", "'a' is not a number", "int(low,high)")),
    # cli/search/objectives.py
    "no objective": (
        line("search T=2,4 search.objectives=[]"),
        ("search.objectives=[]", "something to make better", "give one or more of val_accuracy"),
    ),
    "an objective twice": (
        line("search T=2,4 search.objectives=[energy,energy]"),
        ("[energy,energy]", "has a figure twice", "give each of"),
    ),
    "an unknown objective": (
        line("search T=2,4 search.objectives=[val_acuracy]"),
        ("'val_acuracy'", "no such figure", "did you mean val_accuracy?"),
    ),
    "an objective of the test": (
        line("search T=2,4 search.objectives=[test_accuracy]"),
        ("'test_accuracy'", "does not see the test images", "there are val_accuracy"),
    ),
    # cli/search/optional.py, cli/search/journal.py, cli/search/study.py, cli/search/space.py, cli/search/ending.py
    "not installed": (_without_optuna, ("a search", "needs the package optuna", "pip install 'snntrain[search]'")),
    "a great journal": (_great_journal, ("journal.jsonl", "it has 3 bytes", "name another folder")),
    "another search": (_another_search, ("hydra.sweep.dir=", "overrides=T=8 (not T=4)", "or name another folder")),
    "no study": (_no_study, ("journal.jsonl", "its command is not a mapping", "name another folder")),
    "values of a stranger": (
        lambda _: Space((Choice("T", ("2", "4")),)).overrides({"T": "8"}),
        ("{'T': '8'}", "not in its space", "name another folder"),
    ),
    "only failures": (_only_failures, ("5 trials in a row", "no luck", "continue with: snntrain search T=2,4")),
}
