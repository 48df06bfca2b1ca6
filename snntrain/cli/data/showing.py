"""`snntrain data show`: a picture of a sample as the network gets it, and an animation of a sequence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import Tensor

from snntrain.cli.arguments import Arguments, unquoted
from snntrain.config.compose import composer
from snntrain.config.validate import checked
from snntrain.data.dataset import Data, Split, lengths_of
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.files.output import write_output
from snntrain.files.paths import user_path
from snntrain.inspect.pictures.events import animation, picture
from snntrain.training.job.components import data_of

OWN = ("sample", "split", "out")
SPLITS = ("train", "validation", "test")


def run(arguments: Arguments, words: Sequence[str]) -> None:
    """Write the pictures of a sample, and print what it is.

    Raises:
        UserError: a wrong word, an index that does not exist, or a folder that cannot be written.
    """
    overrides, given = _read(words)
    with composer(config_dir=arguments.flags.get("--config-dir")) as compose:
        (composed,) = checked(compose, overrides)
        config = composed.settings()
    name = given.get("split", SPLITS[0])
    if name not in SPLITS:
        raise UserError(f"split={name}: must be one of {', '.join(SPLITS)}")
    data = data_of(config)
    split: Split = getattr(data, name)
    index = _index(given.get("sample", "0"), name, split)
    sample, lengths = split[index], lengths_of(split)
    length = None if lengths is None else int(lengths[index])
    title = f"{data.name}, {name} sample {index}: {data.class_names[int(split.labels[index])]}"
    stem = re.sub(r"[^\w.-]", "_", f"{data.name}-{name}-{index}")
    files = {f"{stem}.png": picture(sample, title, scale=data.scale, length=length)}
    if sample.ndim != 3:
        files[f"{stem}.gif"] = animation(sample, title, scale=data.scale, length=length)
    folder = Folder(user_path(given.get("out", "."), "out"))
    write_output(folder, files)
    print(title, _described(data, sample, length), *(folder.path / file for file in files), sep="\n")


def _read(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the overrides, and the words that only this action reads."""
    overrides, given = [], {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in OWN:
            overrides.append(word)
        elif equals and value:
            given[key] = unquoted(value)
        else:
            raise UserError(f"{word}: needs a value, as in sample=3, split=test or out=pictures")
    return overrides, given


def _index(word: str, name: str, split: Split) -> int:
    if not (word.isascii() and word.isdecimal()) or len(word) > 18 or int(word) >= len(split):
        raise UserError(f"sample={word}: must be the index of a {name} sample, 0 to {len(split) - 1:,}")
    return int(word)


def _described(data: Data, sample: Tensor, length: int | None) -> str:
    """Return the shape of a sample and its values in words."""
    values = sample if length is None else sample[:length]
    shape = "x".join(map(str, values.shape))
    axes = {2: "T x units", 3: "channels x height x width", 4: "T x channels x height x width"}[sample.ndim]
    largest, share = int(values.max()), (values > 0).double().mean().item()
    if data.scale == 1:
        what = f"{int(values.long().sum()):,} events counted, at most {largest} in one place, {share:.1%} not empty"
    else:
        what = f"values up to {largest} of {data.scale:g}, {share:.1%} above 0"
    return f"{shape} ({axes}): {what}"
