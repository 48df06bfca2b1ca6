"""A neuron of the user's own that hurts its process, until a file `repaired` lies in the working directory."""

from __future__ import annotations

from pathlib import Path

MODULE = """
import ctypes, os, signal, sys, time
from pathlib import Path
from snntrain.neuron import IFNode

class Faulty(IFNode):
    def __init__(self, fault: str, **arguments):
        print("made", fault)
        os.write(2, b"bytes of C\\n")
        if not Path("repaired").exists():
            if fault == "raise":
                raise RuntimeError("of its own")
            if fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if fault == "segfault":
                ctypes.string_at(0)
            if fault == "exit":
                os._exit(7)
            if fault == "memory":
                raise RuntimeError("CUDA error: out of memory")
        if fault == "stuck":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            Path(f"stuck-{os.getpid()}").touch()
            time.sleep(600)
        super().__init__(**arguments)
"""
OWN = ("--config-dir", "conf", "neuron=faulty", "allow_targets=[faulty]")


def write(folder: Path) -> None:
    """Write the module and its option into a working directory."""
    (folder / "faulty.py").write_text(MODULE)
    (folder / "conf" / "neuron").mkdir(parents=True)
    (folder / "conf" / "neuron" / "faulty.yaml").write_text("_target_: faulty.Faulty\nfault: none\n")
