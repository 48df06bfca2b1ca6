import hashlib
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from snntrain.data import digits
from snntrain.data.dataset import ImageTensors
from snntrain.errors import UserError


def test_all_1797_images_are_there_with_values_from_0_to_16() -> None:
    data = digits.load()
    assert len(data.train) + len(data.validation) + len(data.test) == 1797
    assert data.shape == (1, 8, 8)
    assert data.scale == 16
    assert data.class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert data.train.images.dtype == torch.uint8
    assert (int(data.train.images.min()), int(data.train.images.max())) == (0, 16)


def test_no_image_is_in_two_splits() -> None:
    data = digits.load()
    parts = [{image.numpy().tobytes() for image in part.images} for part in (data.train, data.validation, data.test)]
    # No image of the set occurs twice, so that equal bytes would be the same image.
    assert len(set.union(*parts)) == 1797


def test_the_test_split_never_changes() -> None:
    expected = "a8dee80a4bf306c6f44a15fde4ddba49ba2aec612a8ad1865237f46bcd43cb9b"
    for data in (digits.load(), digits.load(validation=0.5, split_seed=3)):
        content = data.test.images.numpy().tobytes() + data.test.labels.numpy().astype("uint8").tobytes()
        assert hashlib.sha256(content).hexdigest() == expected


def test_a_fifth_of_every_class_is_tested() -> None:
    data = digits.load()
    everything = torch.cat([data.train.labels, data.validation.labels, data.test.labels]).bincount()
    share = data.test.labels.bincount() / everything
    assert share.min() > 0.19
    assert share.max() < 0.21


def test_the_validation_split_follows_its_share_and_seed() -> None:
    assert len(digits.load(validation=0.25).validation) == pytest.approx(0.25 * 1438, abs=5)
    first, again, other = (digits.load(split_seed=seed).validation for seed in (1, 1, 2))
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.labels, other.labels)


def test_the_labels_fit_the_images() -> None:
    """The mean 0 is dark at its centre, the mean 1 bright."""
    data = digits.load()
    centre = [data.train.images[data.train.labels == digit, 0, 3:5, 3:5].float().mean() for digit in (0, 1)]
    assert centre[0] < 4 < 12 < centre[1]


@pytest.mark.parametrize("validation", [0.0, 1.0, -0.2])
def test_an_invalid_validation_share_is_a_user_error(validation: float) -> None:
    with pytest.raises(UserError, match=rf"dataset\.validation={validation} of dataset=digits: .*between 0 and 1"):
        digits.load(validation=validation)


@pytest.mark.slow
def test_the_digits_need_neither_torchvision_nor_scikit_learn() -> None:
    program = (
        "import sys; from snntrain.data import digits; digits.load(); "
        "print([name for name in ('torchvision', 'sklearn', 'scipy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 1, 4, 4, dtype=torch.int32), torch.zeros(2, dtype=torch.int64), "uint8 or float32"),
        (torch.zeros(2, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), r"\[N, C, H, W\]"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), r"int64 \[2\]"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(2), r"int64 \[2\]"),
    ],
)
def test_image_tensors_of_another_type_or_shape_are_refused(images: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageTensors(images, labels)
