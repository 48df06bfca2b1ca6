"""The settings of the augmentation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from snntrain.data.augment import affine, draws
from snntrain.data.augment.draws import Row
from snntrain.data.augment.keys import CHOICES, FILLS, GEOMETRIC, MIXING, MODIFIERS, POLICIES, STORED
from snntrain.data.augment.operations import GREATEST_MAGNITUDE


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
            Flips, the temporal crop and the drop are made as without it, and so are all changes below.
        rand_augment: operations of RandAugment for each image, as `operations.rand`; 0 for none.
        rand_augment_magnitude: their strength, from 0 to 10.
        rand_augment_std: standard deviation of the strength.
        rand_augment_probability: each of them is made with this probability.
        trivial_augment: one operation of TrivialAugment for each image, as `operations.trivial`.
        mixup: parameter of the beta distribution from which a partner's part in a sample is drawn; 0 for no mixup.
        cutmix: the same for CutMix.
        mix_probability: probability that a batch is mixed at all.
        mix_switch: probability of CutMix for a batch, if mixup is given as well.
        mix_until: last epoch, counted from 1, in which samples are mixed; None for all.
        erase: probability that a rectangle of a sample is erased.
        erase_with: mean: the data set's mean of each channel, which encoder=direct turns into 0; zero; noise: uniform
            from 0 to 1.
        frames: number of a sequence's steps that are kept, chosen at random; 0 for all.

    Raises:
        ValueError: a value outside its range, or two changes that exclude each other.
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
    rand_augment: int = 0
    rand_augment_magnitude: float = 9.0
    rand_augment_std: float = 0.5
    rand_augment_probability: float = 1.0
    trivial_augment: bool = False
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_probability: float = 1.0
    mix_switch: float = 0.5
    mix_until: int | None = None
    erase: float = 0.0
    erase_with: str = "mean"
    frames: int = 0

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
        for key in ("shear", "rand_augment", "rand_augment_std", *MIXING, "frames"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ValueError(f"augment.{key} must be 0 or more, not {getattr(self, key)}")
        for key, most in (
            *(("rand_augment_probability", 1), ("mix_probability", 1), ("mix_switch", 1), ("erase", 1)),
            ("rand_augment_magnitude", GREATEST_MAGNITUDE),
        ):
            if not 0 <= getattr(self, key) <= most:
                raise ValueError(f"augment.{key} must lie in [0, {most}], not {getattr(self, key)}")
        if self.mix_until is not None and self.mix_until < 0:
            raise ValueError(f"augment.mix_until must be the number of an epoch, or null for all, not {self.mix_until}")
        if self.erase_with not in FILLS:
            raise ValueError(f"augment.erase_with must be one of {', '.join(FILLS)}, not {self.erase_with}")
        if self.rand_augment and self.trivial_augment:
            raise ValueError(
                f"augment.trivial_augment=true and augment.rand_augment={self.rand_augment} exclude each other"
            )

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
        """Whether stored samples are changed by the random numbers of `draw`."""
        return any(key in STORED for key in self.given)

    @property
    def has_policy(self) -> bool:
        """Whether samples have operations of RandAugment or TrivialAugment."""
        return any(key in POLICIES for key in self.given)

    @property
    def mixes(self) -> bool:
        """Whether samples are mixed with others."""
        return any(key in MIXING for key in self.given)

    @property
    def given(self) -> Sequence[str]:
        """The keys of the changes that are made."""
        default = {field.name: field.default for field in fields(Augment) if field.name not in MODIFIERS}
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
