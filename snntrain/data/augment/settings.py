"""The settings of the augmentation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from snntrain.data.augment import affine, draws
from snntrain.data.augment.draws import Row

GEOMETRIC = ("degrees", "translate", "scale", "crop_padding", "flip", "shear")
# The changes of which `one_of` takes one, by key.
CHOICES = {
    "degrees": ("rotation",),
    "shear": ("shear",),
    "scale": ("zoom",),
    "translate": ("shift",),
    "crop_padding": ("pixels along x", "pixels along y"),
    "roll": ("roll",),
    "cutout": ("cutout",),
}


@dataclass(frozen=True)
class Augment:
    """Random changes of a sample, the same at all of its time steps.

    Args:
        degrees: maximum rotation; drawn uniformly from +- this.
        translate: maximum shift along each axis as a share of the side; drawn uniformly from +- this.
        scale: range of the zoom, `(lo, hi)`.
        crop_padding: zero pixels around the image before a random crop, which shifts it by whole pixels along each
            axis, up to +- this.
        flip: mirrors left to right with probability 1/2.
        shear: maximum shear along x, in pixels per row; drawn uniformly from +- this.
        roll: maximum shift of pixels along each axis, or of units, in whole numbers; drawn uniformly from +- this.
            What leaves on one side comes in on the other.
        cutout: greatest side of a square of zeros, drawn uniformly from 1 to this; its centre is anywhere.
        temporal_crop: maximum share of a sequence's steps that are cut off. Their number is drawn uniformly, and how
            many of them are at the beginning. The sequence becomes shorter.
        drop: maximum share of the events that are left out; drawn uniformly from 0 to this.
        polarity_flip: exchanges the two channels, ON and OFF, with probability 1/2.
        one_of: each sample gets one of the changes in `CHOICES` that are set, or none, all with equal probability.
            Flips, the temporal crop and the drop are made as without it.

    Raises:
        ValueError: a value outside its range.
    """

    degrees: float = 0.0
    translate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    crop_padding: int = 0
    flip: bool = False
    shear: float = 0.0
    roll: int = 0
    cutout: int = 0
    temporal_crop: float = 0.0
    drop: float = 0.0
    polarity_flip: bool = False
    one_of: bool = False

    def __post_init__(self) -> None:
        # A config has a list here.
        object.__setattr__(self, "scale", tuple(self.scale))
        if not 0 <= self.degrees <= 180:
            raise ValueError(f"augment.degrees must lie in [0, 180], not {self.degrees}")
        for key in ("translate", "temporal_crop", "drop"):
            if not 0 <= getattr(self, key) < 1:
                raise ValueError(f"augment.{key} must lie in [0, 1), not {getattr(self, key)}")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] < math.inf:
            raise ValueError(f"augment.scale must be [lo, hi] with 0 < lo <= hi, not {list(self.scale)}")
        for key in ("crop_padding", "roll", "cutout"):
            if getattr(self, key) < 0:
                raise ValueError(f"augment.{key} must be 0 or more pixels, not {getattr(self, key)}")
        if not 0 <= self.shear < math.inf:
            raise ValueError(f"augment.shear must be 0 or more, not {self.shear}")

    @property
    def is_identity(self) -> bool:
        """Whether all samples stay unchanged."""
        return not self.given

    @property
    def is_geometric(self) -> bool:
        """Whether samples are resampled by an affine map."""
        return any(key in GEOMETRIC for key in self.given)

    @property
    def is_more(self) -> bool:
        """Whether there are changes besides the affine map."""
        return any(key not in GEOMETRIC for key in self.given)

    @property
    def given(self) -> Sequence[str]:
        """The keys of the changes that are made."""
        default = {field.name: field.default for field in fields(Augment) if field.name != "one_of"}
        return [key for key, value in default.items() if getattr(self, key) != value]

    def made(self, change: str, choice: Tensor) -> Tensor | None:
        """Return to which samples a change is made, bool `[N]`; None for all.

        Args:
            change: one of the values of `CHOICES`; its key is set.
            choice: the random numbers of `Row.CHOICE`, `[N]`.
        """
        if not self.one_of:
            return None
        choices = [name for key in self.given for name in CHOICES.get(key, ())]
        # The number after the last change stands for none.
        return draws.whole_numbers(choice, len(choices) + 1) == choices.index(change)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Return the random numbers of `n` samples, `[20, n]`, as `draws.draw`."""
        return draws.draw(n, generator)

    def maps(self, u: Tensor, height: int, width: int) -> Tensor:
        """Return affine maps `[N, 2, 3]` from output to input coordinates, as `affine.maps`.

        Args:
            u: random numbers from `draw`, `[20, N]`.
            height, width: size of the images, in pixels.
        """

        def only(change: str, key: str, value: Tensor, off: float) -> Tensor:
            made = self.made(change, u[Row.CHOICE]) if key in self.given else None
            return value if made is None else torch.where(made, value, off)

        pixels = (u[Row.PIXELS_X : Row.PIXELS_Y + 1] * (2 * self.crop_padding + 1)).floor() - self.crop_padding
        if self.one_of:
            axes = (("pixels along x", pixels[0]), ("pixels along y", pixels[1]))
            pixels = torch.stack([only(change, "crop_padding", along, 0.0) for change, along in axes])
        share = 2 * (2 * u[Row.SHIFT_X : Row.SHIFT_Y + 1] - 1) * self.translate
        angle = (2 * u[Row.ANGLE] - 1) * math.radians(self.degrees)
        zoom = self.scale[0] + u[Row.ZOOM] * (self.scale[1] - self.scale[0])
        return affine.maps(
            height,
            width,
            angle=only("rotation", "degrees", angle, 0.0),
            zoom=only("zoom", "scale", zoom, 1.0),
            mirror=torch.where(u[Row.FLIP] < 0.5, -1.0, 1.0) if self.flip else torch.ones_like(angle),
            shift=only("shift", "translate", share, 0.0) + 2 * pixels / torch.tensor([[width], [height]]),
            slope=only("shear", "shear", (2 * u[Row.SHEAR] - 1) * self.shear, 0.0) if self.shear else None,
        )
