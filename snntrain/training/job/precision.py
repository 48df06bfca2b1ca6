"""Precision: the format in which the layers compute, and the protection of small gradients in it.

| name | layers compute in | float32 convolutions and matrix products on a GPU |
|---|---|---|
| fp32 | float32 | IEEE float32 |
| tf32 | float32 | their factors rounded to TF32, 10 bits of mantissa; sums in float32 |
| bf16 | bfloat16 | IEEE float32, if a layer asks for float32 |
| fp16 | float16, with a scaled loss | IEEE float32, if a layer asks for float32 |

Weights, losses and sums are float32 or better in each.
"""

import logging
import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from snntrain.errors import UserError
from snntrain.training.job import float32

log = logging.getLogger("snntrain")

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# The first NVIDIA GPUs with bfloat16 and TF32.
AMPERE = (8, 0)
# AMD's GPUs that multiply bfloat16 in hardware, by the prefix of their architecture's name.
AMD_WITH_BF16 = ("gfx908", "gfx90a", "gfx94", "gfx95", "gfx11", "gfx12")


@dataclass(frozen=True)
class Precision:
    """The precision `name`: fp32, tf32, bf16 or fp16; weights and losses stay float32 in each."""

    name: str
    device: torch.device

    @property
    def dtype(self) -> torch.dtype:
        """The format that the layers compute in."""
        return DTYPES[self.name]

    def autocast(self) -> AbstractContextManager[None]:
        """Return a context in which layers compute in this precision."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def of_float32(self) -> AbstractContextManager[None]:
        """Return a context in which float32 is computed as `name` requires: a switch of the whole process."""
        return float32.computed_in(tf32=self.name == "tf32")

    def is_emulated(self) -> bool:
        """Return whether the device emulates this format with float32, which is slow."""
        return self.name == "bf16" and self.device.type == "cpu" and not (cpu_has_bf16() or _arm_has_bf16())

    def warn_if_emulated(self) -> None:
        """Log a warning if the format is emulated, with the format to use."""
        if self.is_emulated():
            log.warning(
                "trainer.precision=bf16: this CPU has no native bfloat16 and is several times slower with it than "
                "with fp32; trainer.precision=%s is fast here",
                choose("auto", self.device).name,
            )

    def scaler(self) -> torch.amp.GradScaler:
        """Return a scaler of the loss, so that gradients do not vanish in float16; no effect in the other formats."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")


def choose(name: str, device: torch.device) -> Precision:
    """Return the precision for `trainer.precision`: 'auto' is bf16 if the device has it natively, else fp16 on a GPU.

    Raises:
        UserError: fp16 on a CPU, where it is neither fast nor complete; tf32 on a device that does not have it.
    """
    if name == "auto":
        if device.type == "cuda":
            name = "bf16" if _gpu_has_bf16(device) else "fp16"
        else:
            name = "bf16" if cpu_has_bf16() else "fp32"
    if name in ("tf32", "fp16") and device.type == "cpu":
        raise UserError(f"trainer.precision={name}: needs a GPU, and the device is cpu; use fp32, bf16 or auto")
    if name == "tf32" and not _has_tf32(device):
        raise UserError(
            f"trainer.precision=tf32: needs an NVIDIA GPU of compute capability 8.0 (Ampere) or later, and {device} is "
            f"{torch.cuda.get_device_name(device)}; use fp32, fp16 or auto"
        )
    return Precision(name, device)


def _gpu_has_bf16(device: torch.device) -> bool:
    """Return whether this GPU multiplies bfloat16 in hardware; `cuda.is_bf16_supported` checks the current GPU."""
    if torch.version.hip is not None:
        return torch.cuda.get_device_properties(device).gcnArchName.startswith(AMD_WITH_BF16)
    return torch.cuda.get_device_capability(device) >= AMPERE


def _has_tf32(device: torch.device) -> bool:
    return torch.version.hip is None and torch.cuda.get_device_capability(device) >= AMPERE


def cpu_has_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware; otherwise PyTorch emulates it, slowly."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _arm_has_bf16() -> bool:
    """Return whether this is an ARM CPU that multiplies bfloat16 in hardware, according to PyTorch's CPU library."""
    return platform.machine().lower() in ("aarch64", "arm64") and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
