"""The precision of float32 convolutions and products: set by `trainer.precision`, and restored afterwards.

The switches belong to the whole process and can be read without a GPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from snntrain.training.job.float32 import computed_in
from snntrain.training.job.precision import Precision
from tests.conftest import TINY, Outcome

from .jobs import trained
from .switches import new, old

# Settings that a user's own program may have made before, by the old switches, by the new ones, and by both; and
# whether products are in TF32 by a setting of their own.
EARLIER = {
    "pass": False,
    "cudnn.allow_tf32 = False": False,
    "cudnn.allow_tf32 = True; cuda.matmul.allow_tf32 = True": True,
    "torch.set_float32_matmul_precision('medium')": True,
    "backends.fp32_precision = 'tf32'": False,
    "cudnn.fp32_precision = 'ieee'": False,
    "cudnn.conv.fp32_precision = 'ieee'; cuda.matmul.fp32_precision = 'tf32'": True,
    "cudnn.allow_tf32 = False; backends.fp32_precision = 'tf32'; cuda.matmul.fp32_precision = 'ieee'": False,
}
# A forked process for each, because a program cannot undo all of these settings.
PROBE = """
import os, sys, traceback
import torch
from torch.backends import cuda, cudnn
from snntrain.training.job.float32 import computed_in
from tests.training.switches import new, old

backends = torch.backends

def look(earlier):
    exec(earlier)
    before = new(), old()
    for tf32 in (False, True):
        word = "tf32" if tf32 else "ieee"
        with computed_in(tf32=tf32):
            inside = new()
            assert inside["cudnn"] == inside["conv"] == inside["rnn"] == inside["matmul"] == word, inside
            assert inside["conv of a CPU"] == inside["matmul of a CPU"] == "ieee", inside
            assert old() == {"cudnn": tf32, "matmul": tf32, "products": "high" if tf32 else "highest"}, old()
            # It reads the old switches and raises where the new ones say otherwise.
            with cudnn.flags(enabled=True):
                pass
            assert new() == inside, new()
        assert new() == before[0], (new(), before[0])
        assert all(value == before[1][name] for name, value in old().items() if before[1][name] is not None)
    # What was inherited is so again.
    backends.fp32_precision = "ieee"
    return new()["matmul"]

for earlier in sys.argv[1:]:
    if os.fork() == 0:
        try:
            print(look(earlier), flush=True)
        except BaseException as error:
            print(f"{earlier}: {error!r}", flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process for each")
@pytest.mark.slow
def test_both_sets_of_switches_agree_in_the_block_and_are_restored_after_it() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROBE, *EARLIER]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    # Products in TF32 stay so if they were not inherited.
    assert done.stdout.splitlines() == ["tf32" if keeps else "ieee" for keeps in EARLIER.values()]


def test_an_error_puts_the_switches_back() -> None:
    before = new(), old()
    with pytest.raises(ZeroDivisionError), computed_in(tf32=True):
        raise ZeroDivisionError
    assert (new(), old()) == before


@pytest.mark.parametrize("name", ["fp32", "tf32", "bf16", "fp16"])
def test_only_tf32_allows_tf32(name: str) -> None:
    with Precision(name, torch.device("cuda")).of_float32():
        assert new()["conv"] == new()["matmul"] == ("tf32" if name == "tf32" else "ieee")


@contextmanager
def watched() -> Iterator[set[tuple[str, str, bool]]]:
    """Record how the linear layers convolve and multiply while the block runs, and whether reproducibly."""
    seen: set[tuple[str, str, bool]] = set()

    def look(module: nn.Module, *_: object) -> None:
        if isinstance(module, nn.Linear):
            switches = new()
            seen.add((switches["conv"], switches["matmul"], torch.are_deterministic_algorithms_enabled()))

    hook = register_module_forward_hook(look)
    try:
        yield seen
    finally:
        hook.remove()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_computes_float32_in_float32_and_leaves_the_process_as_it_was(precision: str, tmp_path: Path) -> None:
    before = new(), old()
    with watched() as seen:
        summary = trained(tmp_path, f"trainer.precision={precision}")
    assert summary["precision"] == precision
    assert seen == {("ieee", "ieee", False)}
    assert (new(), old()) == before


@pytest.mark.parametrize(
    "words",
    [("eval", "run=run"), ("inspect", "run=run", "sample=1"), pytest.param(("doctor", *TINY), marks=pytest.mark.slow)],
)
def test_every_command_computes_as_a_run_does(
    words: tuple[str, ...], snntrain: Callable[..., Outcome], tmp_path: Path, finished_run: Path
) -> None:
    (tmp_path / "run").symlink_to(finished_run)
    before = new(), old()
    with watched() as seen:
        outcome = snntrain(*words, "trainer.deterministic=true", *(["out=seen"] if words[0] == "inspect" else []))
    assert outcome.status == 0, outcome.err
    assert seen == {("ieee", "ieee", True)}
    assert (new(), old()) == before
    assert not torch.are_deterministic_algorithms_enabled()
