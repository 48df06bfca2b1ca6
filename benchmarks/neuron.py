"""One neuron layer, forward and backward: ours and the peers', in time and in memory.

    python -m benchmarks.neuron [--device cuda] [--T 16] [--shape 64x4096] [--dtype float32] [--neurons if,lif,plif]

README.md in this folder explains the lines.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import machine, workers
from benchmarks.first_use import cold_and_warm
from benchmarks.layers import FIXED, NAMES, Candidate, Problem, Spec, copying, floor, ours, theirs
from benchmarks.peers import KINDS, PEERS, chosen
from benchmarks.report import Row, Section, show, write
from benchmarks.timing import Times, alternate
from snntrain.neuron.integrate_and_fire.formulas import KINDS as SURROGATES
from snntrain.neuron.surrogate import ATan

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
STEPS = (4, 16, 64, 256)
FLOOR, COPY = "floor: 5 passes", "copy"


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    kept = settings.allocator == "product" and machine.keep_freed_memory()
    described = machine.describe(torch.device(settings.device)) | {"keeps_freed_memory": kept}
    lines = {line: LINES[line] for line in settings.lines.split(",")}
    found: list[Section] = []
    for line in lines.values():
        for section in line(settings):
            show(section)
            found.append(section)
    folder = settings.out or machine.results_folder(torch.device(settings.device))
    write("neuron", folder, described, vars(settings), found)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neuron", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--T", type=int, default=16, help="time steps")
    parser.add_argument("--shape", default="64x4096", help="neurons a step")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--neurons", default=",".join(KINDS))
    parser.add_argument("--peers", default="all", help="all, none or some of them, separated by commas")
    parser.add_argument("--lines", help=f"some of {','.join(LINES)}; all by default")
    parser.add_argument("--repeats", type=int, default=25, help="rounds")
    parser.add_argument("--threads", type=int, help="of the CPU; torch's default")
    parser.add_argument("--allocator", choices=("product", "default"), default="product", help="settings of malloc")
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    parser.add_argument("--out", type=Path, help="folder; default benchmarks/results/<date>-<device name>")
    settings = parser.parse_args(argv)
    if settings.quick:
        settings.T, settings.shape, settings.repeats = 4, "4x64", 3
    if settings.lines is None:
        settings.lines = ",".join(line for line in LINES if not (settings.quick and line == "first_use"))
    for option, known in (("neurons", NAMES), ("lines", LINES)):
        if unknown := [name for name in getattr(settings, option).split(",") if name not in known]:
            parser.error(f"--{option} {','.join(unknown)}: there are {', '.join(known)}")
    try:
        settings.peer_keys = chosen(settings.peers)
        settings.shape = tuple(int(size) for size in settings.shape.split("x"))
    except ValueError as error:
        parser.error(str(error))
    return settings


# ---- lines -----------------------------------------------------------------------------------------------------------


def neurons(settings: argparse.Namespace) -> list[Section]:
    """Compare each neuron with those of the peers."""
    return [_beside_peers(kind, settings) for kind in settings.neurons.split(",")]


def _beside_peers(kind: str, settings: argparse.Namespace) -> Section:
    problem = _problem(settings)
    candidates = [ours("snntrain", kind, problem)]
    if settings.dtype == "float32":
        candidates.append(ours("snntrain bf16", kind, _problem(settings, dtype="bfloat16")))
    failures: list[Row] = []
    for key in settings.peer_keys:
        try:
            candidates.append(theirs(key, kind, problem))
        except Exception as error:  # A peer may fail in any way; the others are still measured.
            failures.append({"name": key, "failed": f"{type(error).__name__}: {error}".splitlines()[0]})
    title = f"{kind} {_size(problem)} {settings.dtype}, forward and backward"
    section = _section(title, candidates, settings, bounds=problem)
    section.rows += failures
    return section


def users(settings: argparse.Namespace) -> list[Section]:
    """Compare the same neurons, each in a separate process with the allocator's settings of its users."""
    return [_as_users_have_it(kind, settings) for kind in settings.neurons.split(",")]


def _as_users_have_it(kind: str, settings: argparse.Namespace) -> Section:
    ours = Spec(
        "snntrain",
        "snntrain",
        kind,
        T=settings.T,
        shape=settings.shape,
        dtype=DTYPES[settings.dtype],
        device=settings.device,
        steps=1 if settings.quick else 10,
        threads=torch.get_num_threads(),
        keep_memory=True,
    )
    peers = [replace(ours, name=PEERS[key].name, key=key, keep_memory=False) for key in settings.peer_keys]
    outcomes = workers.alternate([ours, *peers], settings.repeats)
    first = outcomes[0].times
    steps = settings.T * torch.Size(settings.shape).numel()
    rows: list[Row] = []
    for outcome in outcomes:
        if outcome.times is None or first is None:
            rows.append({"name": outcome.spec.name, "failed": outcome.failed})
        else:
            rows.append(_costs(outcome.spec.name, outcome.times, first.median, steps) | {"runs": outcome.runs})
    size = "x".join(map(str, (settings.T, *settings.shape)))
    return Section(f"{kind} {size} {settings.dtype}, forward and backward: each as its users have it", "ms", rows)


def surrogates(settings: argparse.Namespace) -> list[Section]:
    """Measure LIF with each surrogate."""
    problem = _problem(settings)
    # ATan first: the others are compared with it.
    kinds = sorted(SURROGATES, key=lambda kind: kind is not ATan)
    candidates = [ours(f"snntrain {kind.__name__}", "lif", problem, kind()) for kind in kinds]
    return [_section(f"surrogates, lif {_size(problem)} {settings.dtype}", candidates, settings)]


def time(settings: argparse.Namespace) -> list[Section]:
    """Measure LIF over few and many steps, with the same total of neuron-steps."""
    total = settings.T * torch.Size(settings.shape).numel()
    problems = [_problem(settings, T=T, shape=(max(1, total // T),)) for T in STEPS]
    candidates = [ours(f"snntrain T={len(problem.grad)}", "lif", problem) for problem in problems]
    return [_section(f"time steps, lif, {total:,} neuron-steps {settings.dtype}", candidates, settings)]


def variants(settings: argparse.Namespace) -> list[Section]:
    """Compare a constant current with a changing one, and a learnable neuron with a fixed one."""
    changing, constant = _problem(settings), _problem(settings, constant=True)
    candidates = [
        ours("snntrain fixed (lif)", "lif", changing),
        ours("snntrain learnable (plif)", "plif", changing),
        ours("snntrain fixed, constant current", "lif", constant),
        ours("snntrain learnable, constant current", "plif", constant),
    ]
    return [_section(f"variants {_size(changing)} {settings.dtype}", candidates, settings)]


def two_states(settings: argparse.Namespace) -> list[Section]:
    """Compare the neurons with two states with LIF."""
    problem = _problem(settings)
    candidates = [ours(f"snntrain {kind}", kind, problem) for kind in ("lif", "plif", "cuba", "adlif", *FIXED)]
    return [_section(f"two states {_size(problem)} {settings.dtype}", candidates, settings)]


def first_use(settings: argparse.Namespace) -> list[Section]:
    """Measure the first step in a new process."""
    rows: list[Row] = []
    for kind in settings.neurons.split(","):
        cold, warm = cold_and_warm(settings.device, kind)
        rows += [
            {"name": f"snntrain {kind}, nothing compiled yet", "seconds": cold},
            {"name": f"snntrain {kind}, compiled by an earlier process", "seconds": warm},
        ]
    return [Section("first use in a process, torch imported", "seconds", rows)]


LINES: dict[str, Callable[[argparse.Namespace], list[Section]]] = {
    "neurons": neurons,
    "users": users,
    "surrogates": surrogates,
    "time": time,
    "variants": variants,
    "two_states": two_states,
    "first_use": first_use,
}


# ---- shared by the lines ---------------------------------------------------------------------------------------------


def _problem(
    settings: argparse.Namespace,
    T: int | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: str | None = None,
    constant: bool = False,
) -> Problem:
    """Return the problem of the command line, with these changes."""
    device = torch.device(settings.device)
    return Problem.random(
        T or settings.T, shape or settings.shape, DTYPES[dtype or settings.dtype], device, constant=constant
    )


def _size(problem: Problem) -> str:
    return "x".join(map(str, problem.grad.shape))


def _section(
    title: str, candidates: list[Candidate], settings: argparse.Namespace, bounds: Problem | None = None
) -> Section:
    """Time the candidates and compare them with the first; `bounds` adds the floor of that problem."""
    device = torch.device(settings.device)
    actions: dict[str, Callable[[], object]] = {candidate.name: candidate.step for candidate in candidates}
    if bounds is not None:
        actions[FLOOR] = floor(bounds)
    copied = 2**20 if settings.quick else 2**28
    actions[COPY] = copying(device, copied)
    times = alternate(actions, device, settings.repeats)
    bandwidth = 2 * copied / times[COPY].median
    first = times[candidates[0].name].median
    rows = [_row(candidate, times[candidate.name], first, bandwidth) for candidate in candidates]
    if bounds is not None:
        rows.append(_costs(FLOOR, times[FLOOR], first, bounds.neuron_steps))
    note = f"copy bandwidth {bandwidth / 1e9:.1f} GB/s; 'of copy' is the share of it on mandatory bytes"
    return Section(title, "ms", rows, note)


def _row(candidate: Candidate, times: Times, first: float, bandwidth: float) -> Row:
    problem = candidate.problem
    return {
        **_costs(candidate.name, times, first, problem.neuron_steps),
        "of copy": problem.mandatory_bytes / times.median / bandwidth,
        "kept B/step": candidate.kept_bytes() / problem.neuron_steps,
        "runs": candidate.runs,
    }


def _costs(name: str, times: Times, first: float, neuron_steps: int) -> Row:
    return {
        "name": name,
        "ms": times.median * 1e3,
        "ratio": times.median / first,
        "±": times.spread,
        "ns/step": times.median * 1e9 / neuron_steps,
    }


if __name__ == "__main__":
    main()
