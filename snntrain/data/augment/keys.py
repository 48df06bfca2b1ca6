"""The keys of the augmentation by the kind of their change."""

from __future__ import annotations

# One affine map.
GEOMETRIC = ("degrees", "translate", "scale", "crop_padding", "flip", "shear")
# The changes of stored samples, with the random numbers of `draws`.
STORED = ("roll", "cutout", "temporal_crop", "drop", "polarity_flip")
# Operations of a random kind.
POLICIES = ("rand_augment", "trivial_augment")
# Each sample is mixed with another one.
MIXING = ("mixup", "cutmix")
# These say how another change is made, and are none by themselves.
MODIFIERS = (
    *("one_of", "rand_augment_magnitude", "rand_augment_std", "rand_augment_probability"),
    *("mix_probability", "mix_switch", "mix_until", "erase_with"),
)
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
# The values of `erase_with`.
FILLS = ("mean", "zero", "noise")
