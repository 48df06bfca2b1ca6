"""Rest in half precision, which may not have the number."""

import torch
from torch import Tensor

from snntrain.neuron.integrate_and_fire.reference import Coefficient


def exactly_at_rest(v: Coefficient, rest: Coefficient) -> Coefficient:
    """The state `v` that a call begins with, exactly at `rest` where it is there as far as its dtype can tell.

    Half precision keeps -0.65 as -0.6484; a neuron that took the difference for a distance from rest would not stay.
    A half-precision state becomes float32 if `rest` is not 0; its gradient passes.
    """
    if not isinstance(v, Tensor) or isinstance(rest, Tensor) or rest == 0 or v.element_size() >= 4:
        return v
    wide = v.float()
    kept = wide.detach()
    return wide - torch.where(v == torch.tensor(rest, dtype=v.dtype, device=v.device), kept - rest, 0.0)
