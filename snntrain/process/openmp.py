"""How long torch's threads on a CPU wait for their next work in a loop before they sleep."""

import os
import sys

# GNU's OpenMP, which torch is built with on Linux, loops 300,000 times by default, for milliseconds. Whatever else
# wants the core is kept from it, a thread that the others of the same step wait for among them.
SPINS = "30000"


def sleep_soon() -> None:
    """Has idle threads sleep after a tenth of the usual time; nothing is changed where the environment says otherwise.

    Must be called before torch is imported, which reads the setting.
    """
    own = [name for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY") if name in os.environ]
    if not own and "torch" not in sys.modules:
        os.environ["GOMP_SPINCOUNT"] = SPINS
