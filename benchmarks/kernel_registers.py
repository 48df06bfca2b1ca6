"""Resources of the recurrence's Triton kernels on a GPU, also without one: registers, spills, bytes in flight.

    python -m benchmarks.kernel_registers [--arch 90] [--T 1,4,8,16,32] [--dtypes bfloat16,float32]

README.md in this folder explains the columns.
"""

from __future__ import annotations

import argparse
import re
from itertools import product
from pathlib import Path

import torch

from benchmarks import machine
from benchmarks.ahead_of_time import Compiled, compiling, has_tools
from benchmarks.report import Row, Section, markdown, show, write
from snntrain.neuron.integrate_and_fire import cuda
from snntrain.neuron.integrate_and_fire.contract import Inputs, Learnt, Rule

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Gain, feedback and rest of each neuron, None if it is learnt; only a user's own neuron learns all three.
NEURONS: dict[str, tuple[float | None, float | None, float | None]] = {
    "IF": (1.0, 0.0, 0.0),
    "LIF": (0.5, -1.0, 0.0),
    "PLIF": (None, -1.0, 0.0),
    "RIF": (1.0, None, 0.0),
    "all learnt": (None, None, None),
}
SIGMOID = 2
# The most threads and programs of a multiprocessor, by compute capability (CUDA's programming guide).
HOLDS = {
    75: (1024, 16),
    80: (2048, 32),
    86: (1536, 16),
    89: (1536, 24),
    90: (2048, 32),
    100: (2048, 32),
    120: (1536, 24),
}
REGISTERS, PER_WARP = 65536, 256
WIDTHS = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16}


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    # The first compilation of a process also starts the compiler.
    launch("forward", "IF", 1, torch.float32, settings.arch)
    found = [_section(kernel, settings) for kernel in ("forward", "backward")]
    for section in found:
        show(section)
    cpu = torch.device("cpu")
    folder, described = settings.out or machine.results_folder(cpu), machine.describe(cpu)
    write(settings.name, folder, described, vars(settings), found)
    (folder / f"{settings.name}.md").write_text(markdown(described, found))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernel_registers", description=__doc__.splitlines()[0])
    parser.add_argument("--arch", type=int, choices=HOLDS, default=90, help="compute capability, 90 for 9.0")
    parser.add_argument("--T", default="1,2,4,8,13,16,20,32", help="time steps")
    parser.add_argument("--dtypes", default="bfloat16,float32")
    parser.add_argument("--neurons", default=",".join(NEURONS))
    parser.add_argument("--name", default="kernel_registers", help="of the files that are written")
    parser.add_argument("--quick", action="store_true", help="few, to see that everything runs")
    parser.add_argument("--out", type=Path, help="folder; default benchmarks/results/<date>-<device name>")
    settings = parser.parse_args(argv)
    if settings.quick:
        settings.T, settings.dtypes, settings.neurons = "2", "float32", "PLIF"
    for option, known in (("dtypes", DTYPES), ("neurons", NEURONS)):
        if unknown := [name for name in getattr(settings, option).split(",") if name not in known]:
            parser.error(f"--{option} {','.join(unknown)}: there are {', '.join(known)}")
    try:
        settings.steps = [int(T) for T in settings.T.split(",")]
    except ValueError:
        settings.steps = [0]
    if min(settings.steps) < 1:
        parser.error(
            f"--T {settings.T}: give whole numbers of time steps, at least 1, separated by commas, such as 4,8"
        )
    if not has_tools():
        parser.error("Triton's cuobjdump and nvdisasm are missing; Triton for Linux brings them: pip install triton")
    return settings


def launch(
    kernel: str,
    neuron: str,
    T: int,
    dtype: torch.dtype,
    arch: int = 90,
    *,
    neurons: int = 2**20,
    per_neuron: bool = False,
    constant: bool = False,
    v_reset: float | None = 0.0,
    detach_reset: bool = False,
    kind: int = SIGMOID,
    with_state: bool = False,
    record: bool = False,
) -> Compiled:
    """Compile the kernel that the GPU's executor launches.

    Args:
        kernel: `forward` or `backward`.
        neuron: a key of `NEURONS`.
        T: number of steps.
        dtype: dtype of the input.
        arch: compute capability, 90 for 9.0.
        neurons: neurons per step.
        per_neuron: each neuron has its own learnt coefficients.
        constant: the input is the same in all steps.
        v_reset, detach_reset, kind: see `Rule`.
        with_state: the potential before the first step and the gradient of the last one are tensors.
        record: forward writes all potentials.
    """

    def empty(*shape: int, of: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.empty(shape, dtype=of, device="meta")

    learns = [value is None for value in NEURONS[neuron]]
    learnt = empty(neurons if per_neuron else 1)
    coefficients = [learnt if value is None else value for value in NEURONS[neuron]]
    x = empty(1 if constant else T, neurons, of=dtype)
    given = Inputs(x, T, neurons, *coefficients, empty(neurons) if with_state else 0.0)
    rule = Rule(1.0, v_reset, detach_reset, kind, 4.0, 0.1)
    s, v_last, h = empty(T, neurons, of=dtype), empty(neurons, of=dtype), empty(T, neurons)
    with compiling(cuda.kernels, [kernel], arch) as found:
        if kernel == "forward":
            cuda.forward(rule, given, s, v_last, *((h, h) if record else ()))
        else:
            grad_v_last, grad_v0 = (v_last, empty(neurons)) if with_state else (None, None)
            cuda.backward(rule, given, s, grad_v_last, empty(*x.shape, of=dtype), grad_v0, Learnt(*learns))
    return found[0]


def _section(kernel: str, settings: argparse.Namespace) -> Section:
    neurons, dtypes = settings.neurons.split(","), settings.dtypes.split(",")
    if kernel == "forward":
        # This holds whether a coefficient is learnt or not: with gain and feedback, and with only feedback.
        neurons = [neuron for neuron in neurons if neuron in ("LIF", "RIF")] or neurons[:1]
    rows = [
        _row(launch(kernel, neuron, T, DTYPES[dtype], settings.arch), neuron, dtype, T, settings.arch)
        for neuron, dtype, T in product(neurons, dtypes, settings.steps)
    ]
    return Section(f"{kernel}, sm_{settings.arch}", "registers", rows)


def _row(compiled: Compiled, neuron: str, dtype: str, T: int, arch: int) -> Row:
    given = compiled.given
    each = given["BLOCK"] // (32 * compiled.warps)
    flying, threads = in_flight(compiled.machine_code), resident(compiled, arch)
    return {
        "name": f"{neuron} {dtype} T={T}",
        "steps": given["STEPS"],
        # Before groups were loaded as a whole, GROUP of backward gave the number.
        "at once": min(given.get("GROUP", given["STEPS"]), given["STEPS"]),
        "block": given["BLOCK"],
        "registers": compiled.registers,
        "spilled": compiled.spilled,
        "shared": compiled.shared,
        "in flight": flying,
        "threads/SM": threads,
        "KB/SM": round(flying * threads / 1024, 1),
        "instructions": round(len(instructions(compiled.machine_code)) / (each * given["STEPS"]), 1),
        "seconds": round(compiled.seconds, 2),
    }


# ---- machine code ----------------------------------------------------------------------------------------------------


def instructions(machine_code: str) -> list[tuple[str, str]]:
    """Yield each operation with its modifiers and its operands, without the padding at the end."""
    found = re.findall(r"^\s*/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+ +)?([A-Z]\w*(?:\.\w+)*)\s*([^;]*);", machine_code, re.M)
    return [(operation, operands) for operation, operands in found if operation != "NOP"]


def in_flight(machine_code: str) -> int:
    """Return the most bytes that a thread has requested from memory before it must wait for one of them.

    It follows the order of the code: a thread waits at the use of a loaded register until all earlier loads are done.
    """
    loads: list[tuple[set[int], int]] = []
    most = 0
    for operation, operands in instructions(machine_code):
        kind, *modifiers = operation.split(".")
        width = next((WIDTHS[modifier] for modifier in modifiers if modifier in WIDTHS), 4) if kind == "LDG" else 0
        target, _, address = operands.partition(",") if width else ("", "", operands)
        used = _registers(address)
        waits_for = max((i for i, (registers, _) in enumerate(loads) if registers & used), default=-1)
        del loads[: waits_for + 1]
        if first := _registers(target):
            loads.append(({min(first) + i for i in range(max(1, width // 4))}, width))
            most = max(most, sum(width for _, width in loads))
    return most


def _registers(operands: str) -> set[int]:
    found = re.findall(r"(?<![\w.])R(\d+)(\.64)?", operands)
    return {int(number) + i for number, wide in found for i in range(2 if wide else 1)}


def resident(compiled: Compiled, arch: int) -> int:
    """Return the threads that a multiprocessor holds at once, by registers and its own limits."""
    threads, programs = HOLDS[arch]
    per_warp = -(-compiled.registers * 32 // PER_WARP) * PER_WARP
    fit = min(REGISTERS // (per_warp * compiled.warps), threads // (32 * compiled.warps), programs)
    return fit * compiled.warps * 32


if __name__ == "__main__":
    main()
