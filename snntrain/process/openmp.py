"""The time that torch's threads on a CPU wait in a loop for work before they sleep."""

import os
import sys

# GNU's OpenMP, with which torch is built on Linux, loops 300,000 times by default, for milliseconds. Meanwhile no other
# thread gets the core, not even one for which the same step waits.
SPINS = "30000"


def sleep_soon() -> None:
    """Let idle threads sleep after a tenth of the usual time, unless the environment has a setting.

    Must be called before torch is imported, which reads the setting.
    """
    own = [name for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY") if name in os.environ]
    if not own and "torch" not in sys.modules:
        os.environ["GOMP_SPINCOUNT"] = SPINS
