from fractions import Fraction
from math import floor

import pytest
import torch
from torch import Tensor

from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.data.encoder import Direct, Encoder, Latency, Poisson

ENCODERS: list[type[Encoder]] = [Direct, Poisson, Latency]


def images() -> Tensor:
    return torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_image_batch_gets_t_steps(encoder: type[Encoder]) -> None:
    assert encoder(6, [0.5, 0.5], [0.2, 0.2])(images()).shape == (6, 3, 2, 5, 4)


def test_direct_normalises_each_channel() -> None:
    x = images()
    encoded = Direct(4, [0.1, 0.6], [0.5, 2.0])(x)
    for step in encoded:
        torch.testing.assert_close(step[:, 0], (x[:, 0] - 0.1) / 0.5)
        torch.testing.assert_close(step[:, 1], (x[:, 1] - 0.6) / 2.0)


def test_direct_holds_its_steps_once() -> None:
    assert Direct(7, [0.0, 0.0], [1.0, 1.0])(images()).stride(0) == 0


def test_poisson_fires_at_the_rate_of_the_intensity() -> None:
    x = torch.tensor([0.0, 0.2, 0.7, 1.0]).view(1, 1, 2, 2)
    torch.manual_seed(0)
    spikes = Poisson(4000, [0.3], [0.5])(x)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    rate = spikes.mean(0).flatten()
    assert rate[0] == 0
    assert rate[3] == 1
    torch.testing.assert_close(rate, x.flatten(), atol=0.03, rtol=0)


def test_poisson_draws_new_numbers_at_each_step_and_call_from_the_global_generator() -> None:
    x, encoder = torch.full((1, 1, 16, 16), 0.5), Poisson(2, [0.0], [1.0])
    torch.manual_seed(0)
    first, second = encoder(x), encoder(x)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(encoder(x), first)


def test_latency_fires_once_per_pixel_and_never_for_black() -> None:
    x = images()
    x[0, 0, 0] = 0
    count = Latency(8, [0.0, 0.0], [1.0, 1.0])(x).sum(0)
    assert torch.equal(count, (x > 0).float())


def test_latency_fires_the_earlier_the_brighter() -> None:
    x = torch.tensor([1.0, 0.8, 0.5, 0.26, 0.24, 1e-6]).view(1, 1, 1, 6)
    steps = Latency(4, [0.0], [1.0])(x).argmax(0).flatten()
    assert steps.tolist() == [0, 0, 2, 2, 3, 3]


def intensities(stored: Tensor, scale: float) -> Tensor:
    """Return stored values as `Batches` passes them to an encoder."""
    split = ImageTensors(stored.to(torch.uint8).view(-1, 1, 1, 1), torch.zeros(stored.numel(), dtype=torch.int64))
    return next(Batches(split, batch_size=stored.numel(), scale=scale, device="cpu").epoch()).x


# All small T, and those around powers of two and around multiples of 5, 15 and 17, with steps that begin at bytes.
STEPS = (*range(1, 260), 510, 765, 999, 1020, 1024, 1275, 2550, 4095)


def steps_of_all(x: Tensor, T: int) -> list[int | None]:
    """Return the step of each pixel's only spike, by the encoder; None without a spike."""
    spikes = Latency(T, [0.0], [1.0])(x).flatten(1)
    assert spikes.sum(0).max() <= 1
    return [int(column.argmax()) if column.any() else None for column in spikes.T]


@pytest.mark.parametrize(("scale", "most"), [(255, 255), (16, 16)])
def test_latency_is_exact_on_every_stored_value(scale: int, most: int) -> None:
    x = intensities(torch.arange(most + 1), float(scale))
    for T in STEPS:
        expected = [min(T - 1, floor(T * (1 - Fraction(value, scale)))) if value else None for value in range(most + 1)]
        assert steps_of_all(x, T) == expected, T


def test_latency_of_an_intensity_between_bytes_is_that_of_the_float() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(500, 1, 1, 1, generator=generator)
    between = x[((x * 255) % 1 - 0.5).abs() < 0.49].view(-1, 1, 1, 1)
    assert len(between) > 400
    for T in (3, 5, 64, 1000):
        expected = [floor(T * (1 - Fraction(value))) for value in between.flatten().tolist()]
        assert steps_of_all(between, T) == expected


def test_latency_with_one_step_shows_every_pixel_that_is_not_black() -> None:
    x = torch.tensor([1.0, 0.01, 0.0]).view(1, 1, 1, 3)
    assert Latency(1, [0.0], [1.0])(x).flatten().tolist() == [1, 1, 0]


@pytest.mark.parametrize("encoder", [Poisson, Latency])
def test_a_sequence_passes_unchanged(encoder: type[Encoder]) -> None:
    sequence = images().unsqueeze(0).repeat(9, 1, 1, 1, 1)
    assert torch.equal(encoder(4, [0.5, 0.5], [0.2, 0.2])(sequence), sequence)


def test_direct_normalises_a_sequence_and_keeps_its_length() -> None:
    sequence = torch.stack([images(), 1 - images(), images() / 2])
    torch.testing.assert_close(Direct(4, [0.5, 0.5], [0.2, 0.2])(sequence), (sequence - 0.5) / 0.2)


def test_settings_are_not_saved_in_a_checkpoint() -> None:
    assert not Direct(4, [0.5], [0.2]).state_dict()


@pytest.mark.parametrize(
    ("T", "mean", "std", "message"),
    [
        (0, [0.5], [0.2], "T must be at least 1, not 0"),
        (4, [0.5], [0.2, 0.2], "one number per channel"),
        (4, [0.5], [0.0], "std positive"),
    ],
)
def test_impossible_settings_are_refused(T: int, mean: list[float], std: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Direct(T, mean, std)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_images_with_another_number_of_channels_are_refused(encoder: type[Encoder]) -> None:
    with pytest.raises(ValueError, match="3 channels, the images have 2"):
        encoder(4, [0.5] * 3, [0.2] * 3)(images())
