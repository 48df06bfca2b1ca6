"""Names in any script, also where the locale knows ASCII alone, as LC_ALL=C does."""

import codecs
import os
import sys


def ensure() -> None:
    """Starts the program anew in Python's UTF-8 mode, in the same process, where Python would take names for ASCII.

    Python turns this mode on by itself under LC_ALL=C, unless PYTHONUTF8=0 keeps it from that.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name == "ascii" and not sys.flags.utf8_mode:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
