"""Mixup, CutMix, random erasing and random frames: against naive ones, their draws, and where they are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.data.augment import Augment, erasing, mixing, selection
from snntrain.data.augment.augmented import USES, Part
from snntrain.data.batch import Batch
from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.data.seeding import numpy_generator

from .naive_mixing import chosen, erased, mixed, probabilities

CLASSES = 4
SHAPES = {"grey": (1, 9, 11), "colour": (3, 9, 11), "frames": (5, 2, 9, 11), "units": (5, 7)}
MEAN = [0.25, 0.5, 0.75]


def split(kind: str = "colour", n: int = 24, seed: int = 0, lengths: bool = False) -> ImageTensors:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, *SHAPES[kind]), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (n,), generator=generator)
    return ImageTensors(x, labels, torch.randint(1, 6, (n,), generator=generator) if lengths else None)


def batches(of: ImageTensors, augment: Augment | None, **more: Any) -> Batches:
    channels = 1 if of.images.ndim == 3 else of.images.shape[-3]
    given = {"batch_size": len(of), "scale": 255.0, "device": "cpu", "classes": CLASSES, "mean": MEAN[:channels]}
    return Batches(of, augment=augment, **{**given, **more})


def first(of: ImageTensors, augment: Augment | None, **more: Any) -> Batch:
    return next(iter(batches(of, augment, **more).epoch(1)))


def samples_first(batch: Batch) -> np.ndarray:
    return (batch.x.transpose(0, 1) if batch.is_sequence else batch.x).double().numpy()


def draws_of(part: Part, seed: int = 0) -> np.random.Generator:
    return numpy_generator(seed, 1, 1, USES[part])


def mixing_of(augment: Augment, n: int, size: tuple[int, int] = (9, 11), seed: int = 0) -> np.ndarray:
    return mixing.draw(
        draws_of(Part.MIXED, seed),
        n,
        size,
        mixup=augment.mixup,
        cutmix=augment.cutmix,
        switch=augment.mix_switch,
        probability=augment.mix_probability,
    )


MIXUP, CUTMIX = Augment(mixup=0.7), Augment(cutmix=1.0)
MIXED = [(kind, MIXUP) for kind in SHAPES] + [(kind, CUTMIX) for kind in SHAPES if kind != "units"]
ids = [f"{kind}, {augment.given[0]}" for kind, augment in MIXED]


@pytest.mark.parametrize(("kind", "augment"), MIXED, ids=ids)
def test_each_sample_is_mixed_with_the_opposite_one_of_its_batch(kind: str, augment: Augment) -> None:
    of = split(kind)
    drawn = mixing_of(augment, len(of))
    found, x = first(of, augment), of.images.double().numpy() / 255
    assert found.targets is not None
    samples = samples_first(found)
    for i, j in enumerate(reversed(range(len(of)))):
        by_hand = x[i] * (1 - drawn[i, 1]) + x[j] * drawn[i, 1] if kind == "units" else mixed(x[i], x[j], drawn[i])
        np.testing.assert_allclose(samples[i], by_hand, atol=1e-6)
        label, other = int(of.labels[i]), int(of.labels[j])
        np.testing.assert_allclose(found.targets[i], probabilities(label, other, drawn[i, 0], CLASSES), atol=1e-6)
        assert int(found.labels[i]) == (other if drawn[i, 0] > 0.5 else label)


def test_the_part_of_cutmix_in_the_label_is_the_area_of_its_rectangle() -> None:
    drawn = mixing.draw(np.random.default_rng(0), 3000, (20, 30), mixup=0.0, cutmix=1.0, switch=0.5)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 4] * drawn[:, 5] / 600)
    assert (drawn[:, 2:4] >= 0).all()
    assert (drawn[:, 2] + drawn[:, 4] <= 20).all()
    assert (drawn[:, 3] + drawn[:, 5] <= 30).all()
    # A uniform share of the area, of which a part lies outside.
    assert 0.25 < drawn[:, 0].mean() < 0.4
    middle = drawn[:, 2:4] + drawn[:, 4:] / 2
    np.testing.assert_allclose(middle.mean(0), [10, 15], atol=0.7)


def test_the_part_of_mixup_has_the_beta_distribution() -> None:
    part = mixing.draw(np.random.default_rng(0), 20_000, (4, 4), mixup=0.5, cutmix=0.0, switch=0.5)[:, 0]
    assert part.mean() == pytest.approx(0.5, abs=0.01)
    # 1 / (4 (2 alpha + 1))
    assert part.var() == pytest.approx(1 / 8, rel=0.03)


@pytest.mark.parametrize("switch", [0.0, 0.3, 1.0])
def test_a_batch_has_cutmix_with_the_probability_of_the_switch(switch: float) -> None:
    augment = Augment(mixup=1.0, cutmix=1.0, mix_switch=switch)
    cut = [not mixing_of(augment, 3, seed=seed)[:, 1].any() for seed in range(400)]
    assert np.mean(cut) == pytest.approx(switch, abs=0.07)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_a_batch_is_mixed_with_a_probability(probability: float) -> None:
    augment = Augment(mixup=1.0, cutmix=1.0, mix_probability=probability)
    mixed_batches = [mixing_of(augment, 3, seed=seed).any() for seed in range(400)]
    assert np.mean(mixed_batches) == pytest.approx(probability, abs=0.07)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_batch_that_is_not_mixed_is_as_without_mixing(kind: str) -> None:
    of = split(kind)
    plain, found = first(of, None), first(of, Augment(mixup=1.0, mix_probability=0.0))
    assert torch.equal(found.x, plain.x)
    assert found.targets is not None
    assert torch.equal(found.targets.argmax(1), plain.labels)
    assert found.targets.sum() == len(of)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 9), alpha=st.floats(0.05, 5), cuts=st.booleans())
def test_mixed_labels_are_probabilities_and_mixed_intensities_stay_in_range(
    seed: int, n: int, alpha: float, cuts: bool
) -> None:
    augment = Augment(cutmix=alpha) if cuts else Augment(mixup=alpha)
    found = first(split(n=n, seed=seed), augment, seed=seed)
    assert found.targets is not None
    torch.testing.assert_close(found.targets.sum(1), torch.ones(n))
    assert found.targets.min() >= 0
    assert found.x.min() >= 0
    assert found.x.max() <= 1 + 1e-6


def test_after_the_last_epoch_of_mixing_samples_and_labels_are_as_without_it_in_the_same_shapes() -> None:
    of = split()
    plain = list(batches(of, Augment(flip=True), batch_size=8).epoch(4))
    over = list(batches(of, Augment(flip=True, mixup=1.0, cutmix=1.0, mix_until=3), batch_size=8).epoch(4))
    for one, other in zip(plain, over, strict=True):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.labels, other.labels)
        assert other.targets is not None
        assert torch.equal(other.targets, torch.nn.functional.one_hot(one.labels, CLASSES).float())
    still = next(iter(batches(of, Augment(flip=True, mixup=1.0, mix_until=3), batch_size=8).epoch(3)))
    assert not torch.equal(still.x, plain[0].x)


def test_weights_of_classes_are_mixed_as_their_labels() -> None:
    weights, of = torch.tensor([1.0, 2.0, 4.0, 8.0]), split()
    found = first(of, MIXUP, class_weights=weights)
    assert found.targets is not None
    assert found.weights is not None
    torch.testing.assert_close(found.weights, found.targets @ weights)


def test_evaluation_has_no_mixed_labels() -> None:
    assert first(split(), None).targets is None
    assert first(split(), Augment(erase=0.5)).targets is None


def test_mixing_needs_the_number_of_classes() -> None:
    with pytest.raises(ValueError, match="number of classes"):
        batches(split(), MIXUP, classes=None)


@pytest.mark.parametrize("kind", ["grey", "colour", "frames"])
@pytest.mark.parametrize("fill", ["mean", "zero"])
def test_a_rectangle_is_erased_at_all_steps_alike(kind: str, fill: str) -> None:
    of, augment = split(kind), Augment(erase=0.6, erase_with=fill)
    drawn = erasing.draw(draws_of(Part.ERASED), len(of), (9, 11), 0.6)
    colour = np.array(MEAN[: of.images.shape[-3]]) * (fill == "mean")
    found = samples_first(first(of, augment))
    for sample, stored, row in zip(found, of.images.double().numpy() / 255, drawn, strict=True):
        np.testing.assert_allclose(sample, erased(stored, row[:4], colour), atol=1e-6)


@pytest.mark.parametrize("selects", [True, False], ids=["the host selects", "all are computed"])
def test_a_rectangle_of_noise_is_uniform_and_differs_by_sample(selects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "host_selects", lambda device: selects)
    x, n = torch.full((3, 40, 3, 30, 30), -1.0), 40
    drawn = torch.from_numpy(erasing.draw(np.random.default_rng(0), n, (30, 30), 0.9))
    found = erasing.erase(x, drawn, None)
    assert torch.equal(found[0], found[2])
    inside = found[0] >= 0
    assert torch.equal(inside.any(1).sum((1, 2)), drawn[:, 2] * drawn[:, 3])
    values = found[0][inside]
    assert values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert values.var() == pytest.approx(1 / 12, abs=0.005)
    assert len(values.unique()) > 0.5 * min(len(values), 2**16)


def test_rectangles_have_the_area_and_the_aspect_of_the_paper() -> None:
    drawn = erasing.draw(np.random.default_rng(0), 4000, (64, 64), 0.25)
    made = drawn[drawn[:, 2] > 0]
    assert len(made) / 4000 == pytest.approx(0.25, abs=0.03)
    area, aspect = made[:, 2] * made[:, 3] / 64**2, made[:, 2] / made[:, 3]
    assert 0.015 < area.min() < 0.03
    assert 0.3 < area.max() < 0.35
    assert 0.27 < aspect.min() < 0.35
    assert 2.9 < aspect.max() < 3.7
    assert (made[:, :2] + made[:, 2:4] <= 64).all()
    assert made[:, 0].min() == 0
    assert (made[:, 0] + made[:, 2]).max() == 64


@settings(max_examples=30)
@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_rectangles_lie_inside_pictures_of_any_size(height: int, width: int, seed: int) -> None:
    drawn = erasing.draw(np.random.default_rng(seed), 20, (height, width), 1.0)
    assert (drawn >= 0).all()
    assert (drawn[:, 0] + drawn[:, 2] <= height).all()
    assert (drawn[:, 1] + drawn[:, 3] <= width).all()


@pytest.mark.parametrize("kind", ["frames", "units"])
@pytest.mark.parametrize("lengths", [False, True])
def test_some_steps_are_kept_in_their_order(kind: str, lengths: bool) -> None:
    of = split(kind, lengths=lengths)
    u = draws_of(Part.FRAMES).random((len(of), 5), np.float32)
    batch = first(of, Augment(frames=3), scale=1.0)
    found, valid = samples_first(batch), [5] * len(of) if of.lengths is None else of.lengths.tolist()
    for sample, stored, length, row in zip(found, of.images.double().numpy(), valid, u, strict=True):
        np.testing.assert_array_equal(sample, chosen(stored, length, 3, row))
    assert (batch.lengths is None) is not lengths
    assert batch.lengths is None or batch.lengths.tolist() == [min(3, length) for length in valid]


def test_each_choice_of_steps_is_about_as_frequent() -> None:
    of = ImageTensors(torch.arange(1, 5, dtype=torch.uint8).view(1, 4, 1).expand(3000, 4, 1), torch.zeros(3000).long())
    pairs, counts = first(of, Augment(frames=2), scale=1.0).x[..., 0].T.unique(dim=0, return_counts=True)
    assert len(pairs) == 6
    assert ((counts - 500).abs() < 80).all()


def test_evaluation_has_all_steps() -> None:
    assert first(split("frames"), None).x.shape[0] == 5


EVERY = {
    "colour": Augment(
        **{"degrees": 10, "flip": True, "cutout": 3, "rand_augment": 2, "mixup": 0.5, "cutmix": 1.0, "erase": 0.5},
        erase_with="noise",
    ),
    "grey": Augment(crop_padding=1, trivial_augment=True, cutmix=0.7, erase=0.5),
    "frames": Augment(shear=0.2, roll=1, frames=3, mixup=1.0, cutmix=1.0, erase=0.5),
    "units": Augment(roll=1, frames=3, mixup=0.5),
}


@pytest.mark.parametrize("kind", list(EVERY))
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("selects", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["selected", "all"])
def test_batches_are_the_same_wherever_the_samples_are(
    kind: str, size: int, selects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "host_selects", lambda device: selects)
    of, augment = split(kind, n=23), EVERY[kind]
    weights = torch.tensor([1.0, 2.0, 4.0, 8.0])
    more: dict[str, Any] = {"batch_size": 7, "shuffle": True, "seed": 3, "class_weights": weights}
    resident, streamed = (batches(of, augment, resident=where, **more) for where in (True, False))
    parts = [batches(of, augment, resident=rank != 1, rank=rank, size=size, **more) for rank in range(size)]
    for epoch in (0, 1):
        whole = list(resident.epoch(epoch))
        for one, other in zip(whole, streamed.epoch(epoch), strict=True):
            assert all(torch.equal(*pair) for pair in zip(tensors(one), tensors(other), strict=True))
        for one, *shares in zip(whole, *(part.epoch(epoch) for part in parts), strict=True):
            of_shares = [tensors(share) for share in shares]
            for position, value in enumerate(tensors(one)):
                assert torch.equal(value, torch.cat([share[position] for share in of_shares]))
    late = list(resident.epoch(1, 3))
    assert all(torch.equal(one.x, other.x) for one, other in zip(late, whole[3:], strict=True))


def tensors(batch: Batch) -> list[Tensor]:
    """Return all that a batch has, samples first."""
    assert batch.targets is not None
    assert batch.weights is not None
    x = batch.x.transpose(0, 1) if batch.is_sequence else batch.x
    return [x, batch.labels, batch.targets, batch.weights]


@pytest.mark.parametrize("kind", list(EVERY))
def test_a_sample_alone_is_changed_as_in_its_batch(kind: str) -> None:
    of = split(kind, n=9)
    made = batches(of, EVERY[kind], batch_size=9)
    assert made._augmented is not None
    drawn = dict(zip(made._augmented.parts, made._augmented.draws(0, 1, [9]), strict=True))
    together, _ = made._augmented.make(of.images, None, drawn)
    for row in range(9):
        own = {part: values[row : row + 1] for part, values in drawn.items()}
        alone, _ = made._augmented.make(of.images[row : row + 1], None, own)
        dim = 0 if of.images.ndim == 4 else 1
        assert torch.equal(alone, together.narrow(dim, row, 1))


@pytest.mark.parametrize("kind", list(EVERY))
def test_the_host_waits_for_no_change(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.training.stand_in import READS
    from tests.training.stand_in import Counting as Operations

    monkeypatch.setattr(selection, "host_selects", lambda device: False)
    made = batches(split(kind), EVERY[kind])
    draw = next(made.draws(1))
    with Operations() as seen:
        made.make(draw)
    assert len(seen.names) > 10
    assert not {function._schema.name for function in READS} & set(seen.names)


REFUSED: list[tuple[dict[str, Any], ImageTensors, float, str]] = [
    ({"cutmix": 1.0}, split("units"), 1.0, "augment.cutmix=1.0: needs pixels in two dimensions, and these samples"),
    ({"erase": 0.5}, split("units"), 1.0, "augment.erase=0.5: needs pixels in two dimensions"),
    ({"frames": 2}, split("colour"), 255.0, "augment.frames=2: needs sequences, and these samples are images"),
    ({"frames": 6}, split("frames"), 1.0, "augment.frames=6: chooses among the steps of a sequence, and these samples"),
    ({"erase": 0.5, "erase_with": "noise"}, split("frames"), 1.0, "these samples are counts of events; take"),
    ({"mixup": 0.5}, split("frames", lengths=True), 1.0, "and these have from 1 to 5 steps"),
    ({"cutmix": 0.5, "temporal_crop": 0.5}, split("frames"), 1.0, "augment.temporal_crop gives them different lengths"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "of", "scale", "message"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_samples_that_cannot_have_a_change_are_refused(
    settings: dict[str, Any], of: ImageTensors, scale: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        batches(of, Augment(**settings), scale=scale)


def test_sequences_of_equal_length_are_mixed() -> None:
    of = split("frames")
    equal = ImageTensors(of.images, of.labels, torch.full((len(of),), 4))
    found = first(equal, MIXUP, scale=1.0)
    assert found.lengths is not None
    assert found.lengths.tolist() == [4] * len(of)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixup": -1}, r"augment\.mixup must be 0 or more, not -1"),
        ({"cutmix": float("inf")}, r"augment\.cutmix must be 0 or more"),
        ({"mix_probability": -0.1}, r"augment\.mix_probability must lie in \[0, 1\], not -0\.1"),
        ({"mix_switch": 1.5}, r"augment\.mix_switch must lie in \[0, 1\], not 1\.5"),
        ({"mix_until": -1}, r"augment\.mix_until must be the number of an epoch"),
        ({"erase": 1.1}, r"augment\.erase must lie in \[0, 1\]"),
        ({"erase_with": "blue"}, r"augment\.erase_with must be one of mean, zero, noise, not blue"),
        ({"frames": -1}, r"augment\.frames must be 0 or more"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augment(**settings)
