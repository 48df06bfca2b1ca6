"""The neuron package stands alone: its import loads PyTorch and NumPy, and no part of the command line."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
import numpy, torch
before = set(sys.modules)
import snntrain.neuron
print(*sorted(set(sys.modules) - before))
"""


def test_import_loads_torch_and_numpy_alone_of_third_parties() -> None:
    probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    loaded = probe.stdout.split()
    assert "snntrain.neuron.nodes" in loaded
    roots = {name.split(".")[0] for name in loaded}
    assert roots <= {"numpy", "snntrain", "torch", *sys.stdlib_module_names}
    of_the_project = {name for name in loaded if name.startswith("snntrain.")}
    assert {name.split(".")[1] for name in of_the_project} == {"kernels", "neuron"}
