"""The three splits of a user's own data: those that are given, and those that are held out here."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from snntrain.data.dataset import Data, Split, hold_out, part_of
from snntrain.data.own.listing import TEST, TRAIN, VALIDATION
from snntrain.data.split import stratified_split
from snntrain.errors import UserError

log = logging.getLogger(__name__)


def divided(
    name: str,
    parts: Mapping[str, Split],
    class_names: tuple[str, ...],
    *,
    validation: float,
    test: float,
    split_seed: int,
    scale: float = 255.0,
) -> Data:
    """Return a data set; a part that is not given is a stratified, seeded share of the training samples.

    Args:
        name: name on the command line.
        parts: the parts that are given: train, and maybe val and test.
        class_names: names of the classes, by label.
        validation: share of the training samples that is held out for validation, after those for the test.
        test: share of all training samples that is held out for the test.
        split_seed: seed of both choices.
        scale: divides the stored numbers to give intensities.

    Raises:
        UserError: a class has too few samples to be in each part, or the shares cannot be used.
    """
    _check_counts(name, parts, class_names)
    train, tested = parts[TRAIN], parts.get(TEST)
    if tested is None:
        try:
            kept, held = stratified_split(train.labels, test, split_seed)
        except ValueError as error:
            raise UserError(f"dataset.test={test} of dataset={name}: {error}") from error
        train, tested = part_of(train, kept), part_of(train, held)
    _warn_of_absent(name, parts, class_names)
    if VALIDATION in parts:
        return Data(name, train, parts[VALIDATION], tested, class_names, scale)
    return hold_out(name, train, tested, class_names, validation=validation, split_seed=split_seed, scale=scale)


def _check_counts(name: str, parts: Mapping[str, Split], class_names: tuple[str, ...]) -> None:
    """Check that each class has a sample for each part that is held out here, and one to train on."""
    counts = parts[TRAIN].labels.bincount(minlength=len(class_names)).tolist()
    uses = ["training", *(use for part, use in ((VALIDATION, "validation"), (TEST, "the test")) if part not in parts)]
    for label, count in enumerate(counts):
        if count < len(uses):
            raise UserError(
                f"dataset={name}: the class {class_names[label]} has {count} sample{'' if count == 1 else 's'} in "
                f"{TRAIN}, and needs {len(uses)}, for {' and '.join(uses)}; add some, or leave the class out"
            )


def _warn_of_absent(name: str, parts: Mapping[str, Split], class_names: tuple[str, ...]) -> None:
    for part in (VALIDATION, TEST):
        if part in parts:
            counts = parts[part].labels.bincount(minlength=len(class_names)).tolist()
            absent = [class_names[label] for label, count in enumerate(counts) if not count]
            if len(absent) == len(class_names):
                raise UserError(f"dataset={name}: {part} has no samples; add some, or remove it to split {TRAIN}")
            if absent:
                log.warning(
                    "dataset=%s: %s has no sample of %s: its accuracy says nothing about them",
                    *(name, part, ", ".join(absent)),
                )
