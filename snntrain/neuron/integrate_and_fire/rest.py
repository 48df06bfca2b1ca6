"""The resting potential in half precision, which may round it."""

import torch
from torch import Tensor

from snntrain.neuron.integrate_and_fire.reference import Coefficient


def exactly_at_rest(v: Coefficient, rest: Coefficient) -> Coefficient:
    """Return the state `v` before a call, exactly at `rest` if it equals `rest` rounded to its dtype.

    Half precision keeps -0.65 as -0.6484; with this difference as its distance from rest, a neuron would not stay at
    rest. A half-precision state becomes float32 if `rest` is not 0; its gradient passes.
    """
    if not isinstance(v, Tensor) or isinstance(rest, Tensor) or rest == 0 or v.element_size() >= 4:
        return v
    wide = v.float()
    kept = wide.detach()
    return wide - torch.where(v == torch.tensor(rest, dtype=v.dtype, device=v.device), kept - rest, 0.0)
