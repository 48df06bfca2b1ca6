"""Random changes of training samples, drawn for each sample and made on the device.

One file for each kind of change: `affine` for geometry, `frames` for pixels that are moved or left out, `events` for
events, `temporal` for time. `settings` has the keys and the random numbers, `changes` puts all together.
"""

from snntrain.data.augment.affine import resample
from snntrain.data.augment.settings import Augment

__all__ = ["Augment", "resample"]
