"""`snntrain data get`: downloads data sets."""

from __future__ import annotations

from collections.abc import Sequence

from snntrain.cli.arguments import Arguments
from snntrain.cli.data.settings import of_sets, split_words
from snntrain.data.catalogue import place_of
from snntrain.data.download import obtain
from snntrain.data.root import data_root
from snntrain.errors import UserError
from snntrain.files.paths import shown


def run(arguments: Arguments, words: Sequence[str]) -> None:
    """Download the named data sets that are missing, and print their folders.

    Raises:
        UserError: no name, an unknown set, or a set that cannot be downloaded.
    """
    names, overrides = split_words(words)
    if not names:
        raise UserError("data get: needs the names of data sets, as in snntrain data get nmnist; data list shows them")
    for name, option in of_sets(arguments, overrides, names).items():
        target = str(option.get("_target_"))
        place = place_of(target, option)
        if place is None:
            raise UserError(f"data get {name}: {target} finds its data itself; only published sets can be downloaded")
        if not place.files:
            print(f"{name}: part of the package")
            continue
        root = data_root(option.get("root"))
        complete = not place.missing(place.data_root_of(root))
        folder = obtain(place, root)
        print(f"{name}: {shown(folder)}{', complete before' if complete else ''}", flush=True)
