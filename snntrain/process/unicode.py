"""Names in any script, even if the locale has only ASCII, as with LC_ALL=C."""

import codecs
import os
import sys


def ensure() -> None:
    """Restart the program in Python's UTF-8 mode, in the same process, if Python would read names as ASCII.

    Python itself turns this mode on under LC_ALL=C, unless PYTHONUTF8=0 is set.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name == "ascii" and not sys.flags.utf8_mode:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
