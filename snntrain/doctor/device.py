"""The device, the precision and the kernels that a run would use."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

from snntrain.config.schema import Trainer
from snntrain.doctor.finding import Finding
from snntrain.doctor.folders import GB, can_be_written, shown
from snntrain.errors import UserError
from snntrain.files.private_folder import lasting_cache
from snntrain.kernels import dispatch
from snntrain.kernels.gpu import triton_build
from snntrain.training.job import devices as known
from snntrain.training.job import precision
from snntrain.training.job.precision import Precision
from snntrain.training.job.world import World

COMPUTED_BY = {"cpu": "compiled by Numba", "cuda": "compiled by Triton", "reference": "plain PyTorch"}
COMPILER = {"cpu": "numba", "cuda": "triton"}
# The meaning of float32 on a GPU, and the variable that switches TF32 off in NVIDIA's libraries.
MEANT = {"fp32": ": IEEE float32, no TF32", "tf32": ": float32, convolved and multiplied in TF32"}
OVERRIDE = "NVIDIA_TF32_OVERRIDE"
NVIDIA = (Path("/proc/driver/nvidia/gpus"), Path("/dev/nvidia0"))


def chosen(trainer: Trainer) -> tuple[World, list[Finding]]:
    """Return the device and the precision of a run; if one is refused, the reason and the choice of auto instead."""
    refused = []
    try:
        device = known.choose(trainer.device)
    except UserError as error:
        refused.append(Finding("refused", f"{error} (examined with auto)"))
        device = known.choose("auto")
    try:
        formats = precision.choose(trainer.precision, device)
    except UserError as error:
        refused.append(Finding("refused", f"{error} (examined with auto)"))
        formats = precision.choose("auto", device)
    return World(device, formats), refused


def devices(asked: str, device: torch.device) -> Iterator[Finding]:
    """Report the device that a run would use, whether it is untested, and the other devices.

    Args:
        asked: `trainer.device`.
        device: the device that a run would use.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cpu":
        yield Finding("device", _processor(), "" if gpus else _why_no_gpu())
        if line := known.passed_over(asked, device):
            yield Finding("not used", line)
        return
    used = torch.cuda.current_device() if device.index is None else device.index
    yield Finding("device", _gpu(used))
    if line := known.untested(device):
        yield Finding("untested", line)
    for other in range(gpus):
        if other != used:
            yield Finding("not used", _gpu(other))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GB
    except (ValueError, OSError, AttributeError):  # Not available on this system.
        return f"cpu: {name}"
    return f"cpu: {name}, {memory:.0f} GB memory"


def _gpu(index: int) -> str:
    major, minor = torch.cuda.get_device_capability(index)
    free, total = torch.cuda.mem_get_info(index)
    return (
        f"cuda:{index}: {torch.cuda.get_device_name(index)}, {free / GB:.0f} of {total / GB:.0f} GB free, "
        f"compute capability {major}.{minor}"
    )


def _why_no_gpu() -> str:
    """Return why torch cannot use an NVIDIA GPU of this machine; '' if the machine has no such GPU."""
    if not any(path.exists() for path in NVIDIA):
        return ""
    if torch.version.cuda is None:
        return "an NVIDIA GPU is here, but this torch has no CUDA: install one with CUDA, see pytorch.org/get-started"
    hiding = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hiding is not None:
        return f"an NVIDIA GPU is here, and CUDA_VISIBLE_DEVICES={hiding} hides it: unset it"
    return f"an NVIDIA GPU is here, and torch cannot use it: its driver must support CUDA {torch.version.cuda}"


def precision_of(asked: str, formats: Precision) -> Iterator[Finding]:
    """Report the number format, the reason for it, and whether another one would be faster."""
    best = precision.choose("auto", formats.device).name
    native = best != "fp32"
    hint = ""
    if formats.name == "tf32" and os.environ.get(OVERRIDE) == "0":
        hint = f"unset {OVERRIDE}=0: it switches TF32 off"
    elif asked == formats.name and formats.dtype == torch.float32 and native:
        hint = f"trainer.precision=auto would compute in {best}, which this device has natively"
    elif formats.is_emulated():
        hint = f"trainer.precision=bf16 is emulated here, several times slower than fp32: auto takes {best}"
    elif not native:
        hint = "a CPU with AVX512-BF16 or AMX, or a GPU, computes in half the bytes"
    yield Finding("precision", f"{formats.name}: {_why(asked, formats)}", hint)


def _why(asked: str, formats: Precision) -> str:
    if asked == formats.name:
        # A CPU always computes float32 like this.
        meant = MEANT.get(asked, "") if formats.device.type == "cuda" else ""
        return f"trainer.precision={asked} asks for it{meant}"
    if formats.device.type == "cuda":
        return f"this GPU has {'' if formats.name == 'bf16' else 'no '}native bfloat16"
    return f"this CPU {'multiplies bfloat16 in hardware' if formats.name == 'bf16' else 'would emulate bfloat16'}"


def executors(formats: Precision) -> Iterator[Finding]:
    """Report which kernels compute the neurons in each number format."""
    kind = formats.device.type
    by: dict[str, list[str]] = {}
    # In tf32 the neurons get the same numbers as in fp32.
    formats_of_neurons = {dtype: name for name, dtype in precision.DTYPES.items() if name != "tf32"}
    for dtype, name in formats_of_neurons.items():
        try:
            by.setdefault(COMPUTED_BY[dispatch.choose(kind, dtype)], []).append(name)
        except ValueError as error:
            by.setdefault(str(error), []).append(name)
    text = "; ".join(f"{', '.join(names)} {words}" for words, names in by.items())
    is_compiled = formats_of_neurons[formats.dtype] in by.get(COMPUTED_BY[kind], [])
    yield Finding("neurons", text, "" if is_compiled else _hint(kind))


def _hint(kind: str) -> str:
    """Return how to make compiled code compute the neurons; '' if `launches` reports it."""
    if forced := os.environ.get(dispatch.VARIABLE):
        advice = f"unset {dispatch.VARIABLE}={forced}"
    elif not dispatch.COMPILED[kind]:
        advice = f"install {COMPILER[kind]}"
    else:
        return ""
    return f"{advice}: neurons {COMPUTED_BY[kind]} are several times as fast"


def launches(formats: Precision) -> Iterator[Finding]:
    """Report whether Triton can launch kernels on the GPU of a run; nothing for a CPU."""
    if formats.device.type != "cuda" or not dispatch.COMPILED["cuda"]:
        return
    obstacle = triton_build.obstacle()
    if obstacle is None:
        yield Finding("launches", "Triton has what it needs to launch kernels")
    else:
        hint = f"{obstacle.remedy}: neurons and pooling compiled by Triton are several times as fast"
        yield Finding("launches", f"Triton cannot launch kernels: {obstacle.why}", hint)


def kernel_cache(formats: Precision) -> Iterator[Finding]:
    """Report the folder in which compiled kernels are kept between runs."""
    name, variable = ("triton", "TRITON_CACHE_DIR") if formats.device.type == "cuda" else ("numba", "NUMBA_CACHE_DIR")
    folder = _given(name) or lasting_cache(name)
    if folder is not None and can_be_written(folder):
        yield Finding("kernels", f"kept in {shown(folder)}")
    else:
        hint = f"set {variable} to a folder that can be written, so that kernels are compiled once for all runs"
        yield Finding("kernels", "compiled again by each run: there is no private folder to keep them in", hint)


def _given(compiler: str) -> Path | None:
    """Return the folder that the user has set for a compiler's cache."""
    if compiler == "numba":
        named = os.environ.get("NUMBA_CACHE_DIR")
    elif not (named := os.environ.get("TRITON_CACHE_DIR")) and (home := os.environ.get("TRITON_HOME")):
        named = f"{home}/.triton/cache"
    return Path(named).expanduser() if named else None
