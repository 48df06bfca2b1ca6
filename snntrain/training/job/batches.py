"""The batches of a split from the settings."""

from __future__ import annotations

from collections.abc import Sequence

from snntrain.config.schema import Config
from snntrain.config.values import value_at, values_of
from snntrain.data.augment import Augment
from snntrain.data.augment.fit import check_fit
from snntrain.data.balance import class_weights
from snntrain.data.batches import SHARE_OF_MEMORY, Batches, fits
from snntrain.data.dataset import Data, Split
from snntrain.errors import UserError
from snntrain.training.job.world import World


def batches(
    config: Config,
    data: Data,
    split: Split,
    world: World,
    *,
    augmented: bool = False,
    limit: int | None = None,
    mean: Sequence[float] | None = None,
) -> Batches:
    """Return the batches of a split, at most `limit`: shuffled and augmented for training, in order for evaluation.

    Augmentation erases rectangles to the `mean` of each channel.
    """
    resident, balanced = config.dataset.resident, balance(config) if augmented else "none"
    # Each process has a GPU of its own, but those on the CPUs of a machine share its memory.
    share = SHARE_OF_MEMORY / (1 if world.device.type == "cuda" else world.size)
    augment = _augment(config, data) if augmented else None
    return Batches(
        split,
        batch_size=config.trainer.batch_size if augmented else config.trainer.eval_batch_size,
        scale=data.scale,
        device=world.device,
        seed=config.seed,
        shuffle=augmented,
        augment=augment,
        balanced=balanced == "sampler",
        class_weights=class_weights(split.labels, len(data.class_names)) if balanced == "loss" else None,
        classes=len(data.class_names),
        mean=mean,
        resident=resident == "always" or (resident == "auto" and fits(split, world.device, share)),
        workers=config.dataset.workers,
        limit=limit,
        rank=world.rank,
        size=world.size,
    )


def _augment(config: Config, data: Data) -> Augment:
    """Return the random changes of the training samples.

    Raises:
        UserError: the samples cannot have one of them, or the settings of a user's own data set are wrong.
    """
    try:
        augment = Augment(**values_of(config.dataset.augment))
        check_fit(augment, data.train, data.scale)
    except (TypeError, ValueError) as error:
        raise UserError(f"dataset={data.name}: {error}; leave it out, or change it") from error
    return augment


def balance(config: Config) -> str:
    """Return the treatment of classes of different size; a user's own data set may not have the key."""
    return value_at(config.dataset, "balance") or "none"
