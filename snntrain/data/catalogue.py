"""The known data sets: what they hold, under which licence, where they come from, and whether they are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from snntrain.data import vision
from snntrain.data.sets import cifar10_dvs, dvs128_gesture, heidelberg, ncaltech101, nmnist
from snntrain.data.source import Place

EMBEDDED = "snntrain.data.digits.load"
VISION, SETS = "snntrain.data.vision.", "snntrain.data.sets."
COMPLETE, ABSENT, INCOMPLETE, UNKNOWN = "complete", "absent", "incomplete", "unknown"
# A licence that its publisher does not state, or that could not be looked up.
SEE_PAGE = "see its page"


@dataclass(frozen=True)
class Known:
    """A published data set.

    Args:
        samples: the numbers of samples to train on, of validation samples if the set has them, and to test on; a set
            without an official split has one number.
        shape: shape of an image, of a frame or of a time step.
        classes: number of classes.
        licence: its licence.
        page: the page of its publisher.
    """

    samples: tuple[int, ...]
    shape: str
    classes: int
    licence: str
    page: str


# By the function that reads the set.
KNOWN = {
    EMBEDDED: Known((1_438, 359), "1x8x8", 10, "CC BY 4.0", "https://doi.org/10.24432/C50P49"),
    f"{VISION}mnist": Known((60_000, 10_000), "1x28x28", 10, "CC BY-SA 3.0", "http://yann.lecun.com/exdb/mnist/"),
    f"{VISION}fashion_mnist": Known(
        (60_000, 10_000), "1x28x28", 10, "MIT", "https://github.com/zalandoresearch/fashion-mnist"
    ),
    f"{VISION}kmnist": Known((60_000, 10_000), "1x28x28", 10, "CC BY-SA 4.0", "https://github.com/rois-codh/kmnist"),
    f"{VISION}emnist": Known(
        (112_800, 18_800), "1x28x28", 47, SEE_PAGE, "https://www.nist.gov/itl/products-and-services/emnist-dataset"
    ),
    f"{VISION}cifar10": Known((50_000, 10_000), "3x32x32", 10, SEE_PAGE, "https://www.cs.toronto.edu/~kriz/cifar.html"),
    f"{VISION}cifar100": Known(
        (50_000, 10_000), "3x32x32", 100, SEE_PAGE, "https://www.cs.toronto.edu/~kriz/cifar.html"
    ),
    f"{VISION}svhn": Known((73_257, 26_032), "3x32x32", 10, SEE_PAGE, "http://ufldl.stanford.edu/housenumbers/"),
    f"{SETS}nmnist.nmnist": Known((60_000, 10_000), "2x34x34", 10, "CC BY-SA 4.0", nmnist.PAGE),
    f"{SETS}ncaltech101.ncaltech101": Known((8_709,), "2x180x240", 101, SEE_PAGE, ncaltech101.PAGE),
    f"{SETS}dvs128_gesture.dvs128_gesture": Known(
        (1_176, 288), "2x128x128", 11, "CC BY 4.0", "https://research.ibm.com/interactive/dvsgesture/"
    ),
    f"{SETS}cifar10_dvs.cifar10_dvs": Known((10_000,), "2x128x128", 10, SEE_PAGE, cifar10_dvs.PAGE),
    f"{SETS}heidelberg.shd": Known((8_156, 2_264), "700 units", 20, "CC BY 4.0", heidelberg.PAGE),
    f"{SETS}heidelberg.ssc": Known((75_466, 9_981, 20_382), "700 units", 35, "CC BY 4.0", heidelberg.PAGE),
}


def place_of(target: str, keys: Mapping[str, Any]) -> Place | None:
    """Return the place of the data set that a function reads; None if the function finds its data itself.

    Args:
        target: the dotted name of the function.
        keys: the keys of the set, some of which choose the files.

    Raises:
        UserError: torchvision does not work; it knows the files of CIFAR and SVHN.
    """
    if target == EMBEDDED:
        return Place("digits", "", ())
    name = target.rpartition(".")[2]
    if target.startswith(VISION):
        return vision.source(name, keys.get("split") or "balanced")
    places = {
        f"{SETS}nmnist.nmnist": lambda: nmnist.source(keys.get("test")),
        f"{SETS}ncaltech101.ncaltech101": ncaltech101.source,
        f"{SETS}dvs128_gesture.dvs128_gesture": lambda: dvs128_gesture.source(keys.get("layout") or "original"),
        f"{SETS}cifar10_dvs.cifar10_dvs": cifar10_dvs.source,
        f"{SETS}heidelberg.shd": lambda: heidelberg.source("shd"),
        f"{SETS}heidelberg.ssc": lambda: heidelberg.source("ssc"),
    }
    return places[target]() if target in places else None


class State(NamedTuple):
    """Whether the files of a data set are here.

    Args:
        word: complete, absent, incomplete or unknown.
        detail: more words on the last two.
        by_hand: whether the user must fetch the files if they are missing.
    """

    word: str
    detail: str = ""
    by_hand: bool = False


def state_of(target: str, keys: Mapping[str, Any], root: Path) -> State:
    """Return whether the files of a data set are below a data root.

    Args:
        target: the dotted name of the function that reads the set.
        keys: the keys of the set.
        root: the data root, or the folder of the set.
    """
    try:
        place = place_of(target, keys)
    except Exception as error:  # torchvision lists the files of some sets, and may fail in any way.
        return State(UNKNOWN, " ".join(str(error).split()))
    if place is None:
        return State(UNKNOWN, f"{target} finds its data itself")
    missing = place.missing(place.data_root_of(root))
    if not missing:
        return State(COMPLETE)
    if len(missing) == len(place.files):
        return State(ABSENT, by_hand=place.by_hand)
    return State(INCOMPLETE, f"lacks {', '.join(missing)}", place.by_hand)
