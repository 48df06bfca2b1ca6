"""`snntrain data clear`: deletes converted recordings."""

from __future__ import annotations

from collections.abc import Sequence

from snntrain.cli.arguments import Arguments
from snntrain.cli.data.listing import in_words
from snntrain.cli.data.settings import named_root, split_words
from snntrain.data.cache import caches, clear
from snntrain.data.root import data_root
from snntrain.errors import UserError
from snntrain.files.paths import shown


def run(arguments: Arguments, words: Sequence[str]) -> None:
    """Delete the converted recordings of the named sets, or of all, and print the space that was freed.

    Raises:
        UserError: a set that has none, another word, or a file that cannot be deleted.
    """
    names, overrides = split_words(words)
    root = data_root(named_root("clear", overrides))
    present = {cache.name for cache in caches(root)}
    for name in names:
        if name not in present:
            there = f"there are those of {', '.join(sorted(present))}" if present else "there are none of any set"
            raise UserError(f"data clear {name}: no converted recordings of it below {shown(root)}; {there}")
    gone = clear(root, names or None)
    for cache in gone:
        print(f"deleted {shown(cache.path)}, {in_words(cache.nbytes)}")
    print(f"{in_words(sum(cache.nbytes for cache in gone))} freed below {shown(root)}")
