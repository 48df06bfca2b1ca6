"""Samples in an array of the user's own, in the layout and the type in which a data set stores them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snntrain.errors import UserError

log = logging.getLogger(__name__)

# The dimensions of an array without dataset.axes, by their number.
USUAL = {3: "NHW", 4: "NCHW", 5: "NTCHW"}
# Channels of pictures.
FEW = (1, 2, 3, 4)


def laid_out(array: NDArray[Any], name: str, axes: str | None) -> NDArray[Any]:
    """Return samples `[N, C, H, W]`, or sequences `[N, T, C, H, W]` or `[N, T, units]`.

    Args:
        array: the samples.
        name: its name in messages.
        axes: the dimensions of the array; None for the usual ones.

    Raises:
        UserError: the array has another number of dimensions, is empty, or seems to have its channels at the end.
    """
    meant = axes or USUAL.get(array.ndim)
    if meant is None or len(meant) != array.ndim:
        wanted = f"dataset.axes={axes} has {len(axes)} dimensions" if axes else "images [N,H,W] or [N,C,H,W]"
        more = "" if axes else ", sequences [N,T,C,H,W], or others with dataset.axes"
        raise UserError(f"{name}: has the shape {list(array.shape)}, and must be as {wanted}{more}")
    if not array.size:
        raise UserError(f"{name}: has the shape {list(array.shape)}, without a single number; give samples")
    if axes is None and meant == "NCHW" and array.shape[1] not in FEW and array.shape[3] in FEW:
        raise UserError(
            f"{name}: has the shape {list(array.shape)}, which looks like channels at the end; give dataset.axes=NHWC, "
            f"or dataset.axes=NCHW if each image has {array.shape[1]} channels"
        )
    if meant.endswith("HWC"):
        return np.moveaxis(array, -1, -3)
    return np.expand_dims(array, -3) if meant in ("NHW", "NTHW") else array


def as_stored(array: NDArray[Any], name: str) -> Tensor:
    """Return the numbers as uint8 or float32; no value is changed but by the rounding to float32.

    Args:
        array: the samples: uint8, other whole numbers from 0 to 255, true and false (255 and 0), or floats.
        name: its name in messages.

    Raises:
        UserError: another type, a whole number that is no byte, or a float that is not finite.
    """
    kind = array.dtype.kind
    if kind == "b":
        log.info("%s: true is stored as 255, which is intensity 1", name)
        return _tensor(array.astype(np.uint8) * np.uint8(255))
    if kind in "iu":
        if array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255):
            raise UserError(
                f"{name}: has whole numbers from {array.min()} to {array.max()}, and bytes go from 0 to 255; "
                f"give it as float32, {name}.astype('float32')"
            )
        return _tensor(array.astype(np.uint8, copy=False))
    if kind != "f":
        raise UserError(f"{name}: is {array.dtype}, and must be uint8 or float32; convert it with {name}.astype")
    with np.errstate(over="ignore"):
        floats = array.astype(np.float32, copy=False)
    if array.dtype.itemsize > 4:
        log.info("%s: %s is stored as float32", name, array.dtype)
    finite = np.isfinite(floats).reshape(len(floats), -1).all(axis=1)
    if not finite.all():
        raise UserError(
            f"{name}: {int((~finite).sum()):,} of {len(floats):,} samples have numbers that are not finite in float32, "
            f"the first is {name}[{int(finite.argmin())}]; repair them or leave them out"
        )
    return _tensor(floats)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
