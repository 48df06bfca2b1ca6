"""`snntrain data list|get|show|clear`: the data sets on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snntrain.cli import one_process
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.data import clearing, getting, listing, showing
from snntrain.config.explain import did_you_mean
from snntrain.errors import UserError

HELP = """\
snntrain data list [dataset.root=<folder>] [--config-dir folder]
snntrain data get <set>… [dataset.root=<folder>] [key=value …]
snntrain data show dataset=<set> [sample=<index>] [split=train|validation|test] [out=<folder>] [key=value …]
snntrain data clear [<set>…] [dataset.root=<folder>]

  list    all data sets: size, shape, classes, licence, state on this machine, source
  get     downloads sets, or shows what to download by hand and where to put it
  show    writes a picture of a sample as the network gets it, and an animation of a sequence; without sample=, of the
          first sample; without split=, of the training; without out=, into the current folder
  clear   deletes the converted recordings of these sets, or of all, and shows the space that was freed; the next run
          converts them again

Overrides are those of training, as in T=10 dataset.frames_by=time; dataset.root names the folder of the data sets."""
ACTIONS: dict[str, Callable[[Arguments, Sequence[str]], None]] = {
    "list": listing.run,
    "get": getting.run,
    "show": showing.run,
    "clear": clearing.run,
}


def command(argv: Sequence[str]) -> None:
    """Run `snntrain data`.

    Raises:
        UserError: arguments that cannot be used, data that is missing or damaged, or a folder that cannot be written.
    """
    arguments = parse(argv)
    if "--help" in arguments.flags:
        print(HELP)
        return
    one_process.check()
    for flag in arguments.flags.keys() - {"--config-dir"}:
        raise UserError(f"{flag}: data takes overrides and --config-dir")
    action, *words = arguments.overrides or ["list"]
    if action not in ACTIONS:
        raise UserError(
            f"data {action}: there is no such action{did_you_mean(action, ACTIONS)}; give one of {', '.join(ACTIONS)}, "
            "as in snntrain data list"
        )
    ACTIONS[action](arguments, words)
