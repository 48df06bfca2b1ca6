"""Whole checkpoints, and files that are not checkpoints."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import resource
import signal
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.training.saving import checkpoint
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.pack import PART

from .jobs import prepared, write_checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a good checkpoint of one layer."""
    path = tmp_path / "last.pt"
    write_checkpoint(path, {"model": nn.Linear(3, 2).state_dict(), "epoch": 4, "optimizer": {"lr": 0.1}})
    return path


class Executing:
    """An object that creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.file), "w")


def test_what_was_saved_is_loaded(path: Path) -> None:
    state = checkpoint.load(path)
    assert (state["epoch"], state["optimizer"]) == (4, {"lr": 0.1})
    other = nn.Linear(3, 2)
    assert checkpoint.restore(other, path)["epoch"] == 4
    torch.testing.assert_close(other.weight, state["model"]["weight"], rtol=0, atol=0)


def test_a_crash_while_writing_leaves_the_old_checkpoint(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises((AttributeError, pickle.PicklingError)):
        write_checkpoint(path, {"model": {"w": torch.zeros(1000)}, "unpicklable": lambda: None})
    assert path.read_bytes() == before
    write_checkpoint(path, {"model": {}, "epoch": 5})
    assert checkpoint.load(path)["epoch"] == 5
    assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_checkpoint_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"last\.pt: damaged, or no checkpoint of snntrain: its checksum does not fit"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    "content",
    [b"hello world\n", b"\x89PNG\r\n", b"\x80\x02.", pickle.dumps([1, 2]), b"ln, and then", b"T\x00"],
    ids=["text", "image", "empty pickle", "list", "opcodes", "short"],
)
def test_other_files_are_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"last\.pt"):
        checkpoint.load(path)


@pytest.mark.filterwarnings("ignore")
def test_bytes_at_random_are_refused(path: Path) -> None:
    source = random.Random(0)
    for _ in range(300):
        path.write_bytes(bytes(source.choices(range(128), k=source.randrange(1, 60))))
        with pytest.raises(UserError):
            checkpoint.load(path)


def test_an_archive_or_a_folder_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "no tensors")
    for other in (path, path.parent):
        with pytest.raises(UserError, match="damaged"):
            checkpoint.load(other)


def as_pickle(state: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(state))


def with_a_right_checksum(state: Any, path: Path) -> None:
    write_checkpoint(path, state)


@pytest.mark.parametrize("write", [torch.save, as_pickle, with_a_right_checksum])
def test_code_in_a_checkpoint_is_not_run(path: Path, write: Callable[[Any, Path], None]) -> None:
    executed = path.parent / "executed"
    write({"format": 2, "model": Executing(executed)}, path)
    with pytest.raises(UserError, match="damaged"):
        checkpoint.load(path)
    assert not executed.exists()


@pytest.mark.parametrize("state", [{"model": {}}, {"format": 2, "model": {}}, [1], torch.zeros(2)])
def test_tensors_of_another_program_are_refused(path: Path, state: object) -> None:
    torch.save(state, path)
    with pytest.raises(UserError, match="damaged, or no checkpoint of snntrain"):
        checkpoint.load(path)


@pytest.mark.parametrize("state", [{"epoch": 3}, {"format": 1, "model": {}}, {"format": 3, "model": {}}])
def test_a_state_of_another_version_is_refused(path: Path, state: dict[str, Any]) -> None:
    write_checkpoint(path, state)
    with pytest.raises(UserError, match=r"not a checkpoint that this version of snntrain can read \(format 2\)"):
        checkpoint.load(path)


@settings(max_examples=50, derandomize=True)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_single_bit_that_flips_is_noticed(place: float, bit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last.pt"
        write_checkpoint(path, {"model": {"weight": torch.arange(100)}})
        content = bytearray(path.read_bytes())
        content[int(place * len(content))] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged"):
            checkpoint.load(path)


def test_torch_itself_reads_a_checkpoint(path: Path) -> None:
    assert torch.load(path, weights_only=True)["epoch"] == 4
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"sha256:")


def test_a_disk_that_is_full_leaves_the_old_checkpoint_and_nothing_else(path: Path) -> None:
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
        with pytest.raises(OSError, match="File too large"):
            write_checkpoint(path, {"model": {"weight": torch.zeros(10_000)}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="damaged"):
        checkpoint.load(path)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(UserError, match=r"best\.pt: there is no such checkpoint"):
        checkpoint.load(path.with_name("best.pt"))


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("network.hidden=[17]", "size mismatch for fc1.weight"),
        ("network.hidden=[16,16]", "fc2.weight"),
        ("neuron=lif", "fc1_neuron.w"),
    ],
)
def test_weights_that_do_not_fit_are_named(path: Path, override: str, named: str) -> None:
    write_checkpoint(path, {"model": prepared().model.network.state_dict()})
    with pytest.raises(UserError, match="do not fit this network") as error:
        checkpoint.restore(prepared(override).model.network, path)
    assert named in str(error.value)
    assert len(error.value.lines) == 1
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("model", [[1, 2], {"weight": 3, "bias": 4}, {1: torch.zeros(2)}, None])
def test_a_model_that_is_not_a_dictionary_of_tensors_does_not_fit(path: Path, model: object) -> None:
    write_checkpoint(path, {"model": model})
    with pytest.raises(UserError, match="do not fit"):
        checkpoint.restore(nn.Linear(3, 2), path)


@pytest.mark.parametrize("mmap", [False, True])
def test_every_kind_of_tensor_comes_back_to_the_bit(path: Path, mmap: bool) -> None:
    whole = torch.arange(12.0).view(3, 4)
    tensors = {
        **{str(dtype): torch.tensor([[1, 0], [0, 1]], dtype=dtype) for dtype in (torch.float32, torch.float64)},
        **{
            str(dtype): torch.ones(3, dtype=dtype)
            for dtype in (torch.bfloat16, torch.float16, torch.int64, torch.uint8)
        },
        **{"truths": torch.tensor([True, False]), "number": torch.tensor(7), "none": torch.empty(0)},
        **{"whole": whole, "column": whole[:, 1], "expanded": torch.ones(1).expand(5)},
        **{"channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)},
    }
    write_checkpoint(path, {"model": tensors})
    loaded = torch.load(path, weights_only=True, mmap=mmap)["model"] if mmap else checkpoint.load(path)["model"]
    for name, tensor in tensors.items():
        assert (loaded[name].dtype, loaded[name].stride()) == (tensor.dtype, tensor.stride())
        assert torch.equal(loaded[name], tensor)
    assert loaded["whole"].untyped_storage().data_ptr() == loaded["column"].untyped_storage().data_ptr()


def test_an_interrupted_write_leaves_the_old_checkpoint(path: Path) -> None:
    class Ended(Exception):
        pass

    def end() -> None:
        raise Ended

    before = path.read_bytes()
    for check in (end, iter_then(3, end)):
        with pytest.raises(Ended):
            Checkpoints(Folder(path.parent), check).save({"model": {"weight": torch.zeros(10)}})
        assert path.read_bytes() == before
        assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


def test_memory_is_written_in_parts_and_can_be_interrupted_between_them(path: Path) -> None:
    asked: list[int] = []
    with (path.parent / "file").open("wb+") as file:
        checkpoint.write(
            file, {"model": {"weight": torch.zeros(3 * PART, dtype=torch.uint8)}}, lambda: asked.append(file.tell())
        )
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) <= PART


def iter_then(count: int, last: Callable[[], None]) -> Callable[[], None]:
    """Return a function that does nothing for that many calls, and then calls `last`."""
    calls = itertools.count()
    return lambda: last() if next(calls) >= count else None
