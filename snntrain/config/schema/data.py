"""The keys of the data sets."""

from dataclasses import dataclass, field
from typing import Any

from snntrain.config.schema.option import option


@dataclass
class Augment:
    """Random changes of the training samples, drawn again for each sample."""

    degrees: float = option("rotation, up to +- this", at_least=0, at_most=180)
    translate: float = option("shift, up to +- this share of the side", at_least=0, below=1)
    scale: list[float] = option("range of the zoom, [lo, hi]", above=0)
    crop_padding: int = option("pixels of padding before a random crop to the old size", at_least=0, most=1000)
    flip: bool = option("mirror left to right with a probability of 1/2")
    # These have a default, so that the file of a data set names only the changes that it makes.
    shear: float = option("shear along x, up to +- this many pixels per row", at_least=0, most=3, default=0.0)
    roll: int = option(
        "shift pixels or units, up to +- this; they come in again on the other side", at_least=0, most=1000, default=0
    )
    cutout: int = option("square of zeros, with a side from 1 to this", at_least=0, most=1000, default=0)
    temporal_crop: float = option(
        "share of a sequence's steps that is cut off, up to this", at_least=0, below=1, default=0.0
    )
    drop: float = option("share of the events that is left out, up to this", at_least=0, below=1, default=0.0)
    polarity_flip: bool = option("exchange ON and OFF with a probability of 1/2", default=False)
    one_of: bool = option(
        "one of rotation, shear, zoom, shift, roll, cutout for each sample, or none, instead of all", default=False
    )
    rand_augment: int = option("operations of RandAugment for each image", at_least=0, most=100, default=0)
    rand_augment_magnitude: float = option("their strength", at_least=0, at_most=10, default=9.0)
    rand_augment_std: float = option(
        "standard deviation of the strength, drawn for each operation", at_least=0, most=100, default=0.5
    )
    rand_augment_probability: float = option(
        "probability with which each of them is made", at_least=0, at_most=1, default=1.0
    )
    trivial_augment: bool = option("one operation of TrivialAugment for each image", default=False)
    mixup: float = option(
        "mix each sample with another one: parameter of the beta distribution of their parts; 0 for no mixup",
        at_least=0,
        most=1000,
        default=0.0,
    )
    cutmix: float = option(
        "replace a rectangle of each sample by another one's: parameter of the beta distribution of its area; 0 for "
        "no CutMix",
        at_least=0,
        most=1000,
        default=0.0,
    )
    mix_probability: float = option("probability that a batch has mixup or CutMix", at_least=0, at_most=1, default=1.0)
    mix_switch: float = option("probability of CutMix for a batch, beside mixup", at_least=0, at_most=1, default=0.5)
    mix_until: int | None = option(
        "last epoch with mixup or CutMix; null: all", at_least=0, most=10_000_000, default=None
    )
    erase: float = option("probability that a rectangle of a sample is erased", at_least=0, at_most=1, default=0.0)
    erase_with: str = option(
        "what an erased rectangle shows: mean, that of the data set, which encoder=direct turns into 0; zero; or noise",
        choices=("mean", "zero", "noise"),
        default="mean",
    )
    frames: int = option(
        "steps of each sequence that are kept, chosen at random; 0: all", at_least=0, most=100_000, default=0
    )


@dataclass
class Dataset:
    _target_: str = option("function that loads the data")
    root: str | None = option("folder of the data; null: $SNNTRAIN_DATA, else a user cache folder", longest=4096)
    validation: float = option("share of the training images held out for validation", above=0, below=1)
    split_seed: int = option("seed of that split, apart from the run's", at_least=0, most=2**63 - 1)
    mean: Any = option(
        "mean intensity of each channel, in [0, 1]; encoder=direct subtracts it; auto: that of the training images"
    )
    std: Any = option(
        "standard deviation of each channel; encoder=direct divides by it; auto: that of the training images", above=0
    )
    augment: Augment = field(default_factory=Augment, metadata={"meaning": "random changes of the training images"})
    balance: str = option(
        "classes of different size: sampler draws each class equally often, loss weighs them, none leaves them so",
        choices=("none", "sampler", "loss"),
    )
    resident: str = option(
        "hold the whole set on the training device, or stream it", choices=("auto", "always", "never")
    )
    workers: int = option("worker processes of a streamed set", at_least=0, most=256)


@dataclass
class EMNIST(Dataset):
    split: str = option(
        "which of EMNIST's sets", choices=("balanced", "letters", "digits", "mnist", "byclass", "bymerge")
    )


@dataclass
class EventDataset(Dataset):
    """A set of recordings of events, which become frames of counts."""

    frames_by: str = option(
        "how events become frames: number, T frames of equally many events; time, T frames of equal length; duration, "
        "frames of frame_us, as many as the recording is long, and T has no effect",
        choices=("number", "time", "duration"),
    )
    frame_us: int | None = option("length of a frame in microseconds, with frames_by=duration", at_least=1, most=10**12)
    binary: bool = option("1 for a pixel or unit with events, in place of their number")


@dataclass
class EventCamera(EventDataset):
    downsample: int = option("side of the square of pixels that become one", at_least=1, most=1000)


@dataclass
class Saccades(EventCamera):
    """The keys of N-MNIST and N-Caltech101, which were recorded with the same movements."""

    test: float | None = option(
        "share of the training recordings that is the test, chosen by split_seed; null: the official test recordings, "
        "which only nmnist has",
        above=0,
        below=1,
    )


@dataclass
class DVS128Gesture(EventCamera):
    validation_by: str = option(
        "what is held out for validation: whole users, or recordings at random", choices=("user", "random")
    )
    layout: str = option(
        "original: the archive of the authors, fetched by hand; tonic: the arrays that tonic downloads",
        choices=("original", "tonic"),
    )


@dataclass
class CIFAR10DVS(EventCamera):
    split: str = option(
        "training recordings: first90, the first 90 % of each class by file name, as SpikingJelly; numbered, the "
        "numbers 0 to 899; random, 90 % by split_seed",
        choices=("first90", "numbered", "random"),
    )
    orientation: str = option(
        "the convention by which an address becomes a pixel", choices=("spikingjelly", "jaer", "tonic")
    )


@dataclass
class Heidelberg(EventDataset):
    """The keys of SHD and SSC, spikes of the units of a cochlea."""

    group_units: int = option("neighbouring units that become one input", at_least=1, most=1000)
    validation_by: str = option(
        "what is held out for validation: whole speakers, or recordings at random; official: the validation recordings "
        "of the set, which only ssc has",
        choices=("official", "speaker", "random"),
    )


@dataclass
class ImageFolder(Dataset):
    test: float = option("share of the pictures held out for the test, if there is no folder test", above=0, below=1)
    size: list[int] = option("height and width to which the pictures are brought", at_least=1, most=10_000)
    channels: int = option("1 for grey pictures, 3 for colours", at_least=1, at_most=3)
    fit: str = option(
        "pictures of another aspect ratio: crop them to their centre, pad them with black, or squash them",
        choices=("crop", "pad", "squash"),
    )
    skip_bad: bool = option("leave pictures out that cannot be read, instead of stopping")


@dataclass
class EventFolder(EventCamera):
    test: float = option("share of the recordings held out for the test, if there is no folder test", above=0, below=1)
    format: str = option(
        "format of the files; auto: by their suffix, and of .aedat by the first line",
        choices=("auto", "aedat2", "atis", "aedat31", "gesture_npy", "arrays", "arrays_h5"),
    )
    orientation: str = option("the convention by which AEDAT 2.0 is read", choices=("spikingjelly", "jaer", "tonic"))
    sensor: list[int] = option("height and width of the sensor; [1, 700] for 700 units", at_least=1, most=65_536)
    group_units: int = option("neighbouring units that become one, of a sensor with height 1", at_least=1, most=1000)
    skip_bad: bool = option("leave recordings out that cannot be read, instead of stopping")


@dataclass
class Tensors(Dataset):
    test: float = option("share of the samples held out for the test, if the file has none", above=0, below=1)
    file: str | None = option("the .npz file with x_train and y_train, and maybe x_val, x_test, classes", longest=4096)
    axes: str | None = option(
        "what the dimensions of the arrays are: N samples, C channels, H rows, W columns, T steps, U units; "
        "null: NHW, NCHW or NTCHW, by their number",
        choices=("NHW", "NCHW", "NHWC", "NTHW", "NTCHW", "NTHWC", "NTU"),
    )


@dataclass
class OwnDataset:
    """The keys of a user's own data set that this program reads; the keys of its class are attributes, too."""

    _target_: str
    mean: Any
    std: Any
    augment: "Augment | dict[str, Any]"
    resident: str
    workers: int
