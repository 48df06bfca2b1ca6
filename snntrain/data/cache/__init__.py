"""Recordings that are converted once, into one file a split that training reads sample by sample.

recording.py  what is converted: one sample, read when it is asked for
identity.py   the name of a cache: settings, sources, labels
place.py      the folder of the caches of a data root
turn.py       one process at a time converts
layout.py     the bytes of the file
writer.py     writes the file, whole or not at all
split.py      reads samples from it
convert.py    makes a cache, or uses one
listing.py    lists and removes caches
"""

from snntrain.data.cache.convert import converted
from snntrain.data.cache.listing import Cache, caches, clear
from snntrain.data.cache.recording import Recording
from snntrain.data.cache.split import CachedSplit

__all__ = ["Cache", "CachedSplit", "Recording", "caches", "clear", "converted"]
