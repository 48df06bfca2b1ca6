"""Mixed precision: which format the layers compute in, and how small gradients survive it."""

import logging
import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from snntrain.errors import UserError

log = logging.getLogger("snntrain")

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """`name` is fp32, bf16 or fp16; weights and losses stay float32 in each."""

    name: str
    device: torch.device

    def autocast(self) -> AbstractContextManager[None]:
        """Runs the layers of the block in this precision."""
        return torch.autocast(self.device.type, DTYPES[self.name], enabled=self.name != "fp32")

    def is_emulated(self) -> bool:
        """Whether the device has no such numbers of its own and computes them by way of float32, slowly."""
        return self.name == "bf16" and self.device.type == "cpu" and not (cpu_has_bf16() or _arm_has_bf16())

    def warn_if_emulated(self) -> None:
        """Says so in the log, and what to use."""
        if self.is_emulated():
            log.warning(
                "trainer.precision=bf16: this CPU has no bfloat16 of its own and is several times slower with it than "
                "with fp32; trainer.precision=%s is fast here",
                choose("auto", self.device).name,
            )

    def scaler(self) -> torch.amp.GradScaler:
        """Scales the loss so that gradients do not vanish in float16; does nothing in the other formats."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")


def choose(name: str, device: torch.device) -> Precision:
    """The precision for `trainer.precision`: 'auto' is bf16 where the device has it natively, else fp16 on a GPU.

    Raises:
        UserError: fp16 on a CPU, where it is neither fast nor complete.
    """
    if name == "auto":
        if device.type == "cuda":
            name = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        else:
            name = "bf16" if cpu_has_bf16() else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise UserError("trainer.precision=fp16: needs a GPU, and the device is cpu; use fp32, bf16 or auto")
    return Precision(name, device)


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; PyTorch would emulate it elsewhere, slowly."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _arm_has_bf16() -> bool:
    """Whether this is an ARM CPU that multiplies bfloat16 in hardware, by the test of the library that does it."""
    return platform.machine().lower() in ("aarch64", "arm64") and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
