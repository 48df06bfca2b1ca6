"""The modules that Triton builds before its first launch, with a stand-in for the CUDA driver."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounter

from snntrain.kernels import dispatch
from snntrain.kernels.gpu import triton_build
from snntrain.kernels.gpu.triton_build import Obstacle

FORGET = triton_build._obstacle_logged_once.cache_clear, triton_build.obstacle.cache_clear
NO_COMPILER = Obstacle("there is no C compiler, neither gcc nor clang", "install gcc")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clear the cached answers before and after each test."""
    monkeypatch.delenv(dispatch.VARIABLE, raising=False)
    monkeypatch.setitem(dispatch.COMPILED, "cuda", True)
    for forget in FORGET:
        forget()
    yield
    for forget in FORGET:
        forget()


# ---- the choice ------------------------------------------------------------------------------------------------------


def test_a_gpu_gets_compiled_code_where_triton_can_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_build, "obstacle", lambda: None)
    assert dispatch.choose("cuda", torch.bfloat16) == "cuda"


def test_without_a_compiler_a_gpu_gets_plain_pytorch_and_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(triton_build, "obstacle", lambda: NO_COMPILER)
    with caplog.at_level(logging.WARNING, logger="snntrain"):
        chosen = [dispatch.choose("cuda", dtype) for dtype in (torch.float32, torch.bfloat16, torch.float16)]
    assert chosen == ["reference"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "Triton cannot launch kernels on this machine: there is no C compiler, neither gcc nor clang. So plain PyTorch "
        "computes neurons and pooling on the GPU, several times slower: install gcc"
    ]


@pytest.mark.parametrize(
    ("device", "dtype"), [("cpu", torch.float32), ("cuda", torch.float64), ("meta", torch.float32)]
)
def test_nothing_is_built_where_triton_is_not_used(
    device: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton_build, "obstacle", lambda: pytest.fail("Triton was asked"))
    assert dispatch.choose(device, dtype) in ("cpu", "reference")


def test_a_forced_executor_is_not_asked_whether_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, "cuda")
    monkeypatch.setattr(triton_build, "obstacle", lambda: pytest.fail("Triton was asked"))
    assert dispatch.choose("cpu", torch.float32) == "cuda"


def test_tracing_uses_the_answer_without_tracing_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def obstacle() -> Obstacle:
        subprocess.run([sys.executable, "-c", ""], check=True)
        return NO_COMPILER

    def chosen(x: Tensor) -> Tensor:
        return x + len(dispatch.choose("cuda", x.dtype))

    monkeypatch.setattr(triton_build, "obstacle", obstacle)
    counter = CompileCounter()
    result = torch.compile(chosen, backend=counter, fullgraph=True)(torch.zeros(1))
    assert result.item() == len("reference")
    assert counter.frame_count == 1


# ---- the build -------------------------------------------------------------------------------------------------------

# Asks in a fork for each case, in the given order, so that torch and Triton are imported only once.
ASK = """
import json, os, sys, sysconfig, torch, triton.runtime
from snntrain.kernels.gpu import triton_build
torch.cuda.is_available = lambda: True
for variables, include in json.loads(sys.argv[1]):
    sys.stdout.flush()
    if os.fork() == 0:
        for name, value in variables.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        paths = sysconfig.get_paths() | ({"include": include} if include else {})
        sysconfig.get_paths = lambda *_, **__: paths
        print(json.dumps(triton_build.obstacle()))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""
Cases = dict[str, tuple[dict[str, str | None], str | None]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Return the reason why Triton cannot launch and the remedy, for each environment; ("", "") if it can launch."""
    nvidia = pytest.importorskip("triton.backends.nvidia.driver", reason="Triton is not installed")
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("needs Linux and gcc")
    folder = tmp_path_factory.mktemp("build")
    (folder / "nothing").mkdir()
    (folder / "driver").mkdir()
    driver = _stands_in_for_the_driver(Path(nvidia.dirname, "driver.c"), folder / "driver" / "libcuda.so.1")
    nothing = str(folder / "nothing")
    # Python finds out the platform's architecture with it, which is part of the cache's key.
    if tool := shutil.which("file"):
        (folder / "nothing" / "file").symlink_to(tool)
    cases: Cases = {
        "no compiler": ({"PATH": nothing}, None),
        "gcc": ({}, None),
        "no compiler, and what gcc has made": ({"PATH": nothing}, None),
        "a compiler that is not there": ({"CC": "no-such-cc", "TRITON_CACHE_DIR": f"{folder}/1"}, None),
        "a compiler that does nothing": ({"CC": "false", "TRITON_CACHE_DIR": f"{folder}/2"}, None),
        "no headers": ({"TRITON_CACHE_DIR": f"{folder}/3"}, nothing),
        "headers elsewhere": ({"TRITON_CACHE_DIR": f"{folder}/4", "CPATH": triton_build._headers()}, nothing),
        "no driver to link": ({"TRITON_CACHE_DIR": f"{folder}/5", "TRITON_LIBCUDA_PATH": nothing}, None),
        "no driver in sight": (dict.fromkeys(("TRITON_LIBCUDA_PATH", "LD_LIBRARY_PATH")), None),
    }
    environment = {name: value for name, value in os.environ.items() if name not in ("CC", "CPATH")} | {
        "TRITON_CACHE_DIR": f"{folder}/0",
        "TRITON_LIBCUDA_PATH": str(driver.parent),
        "LD_LIBRARY_PATH": str(driver.parent),
    }
    command = [sys.executable, "-c", ASK, json.dumps(list(cases.values()))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answers = [json.loads(line) or ("", "") for line in done.stdout.splitlines()]
    return {name: tuple(answer) for name, answer in zip(cases, answers, strict=True)}


def _stands_in_for_the_driver(source: Path, library: Path) -> Path:
    """Make a library with the functions of the CUDA driver that Triton's module needs."""
    names = set(re.findall(r"\bcu[A-Z]\w+", source.read_text(encoding="utf-8")))
    functions = "\n".join(f"void {name}(void) {{}}" for name in sorted(names))
    command = ["gcc", "-shared", "-fPIC", "-w", "-Wl,-soname,libcuda.so.1", "-x", "c", "-", "-o", library]
    subprocess.run(command, input=functions, text=True, check=True)
    return library


@pytest.mark.slow
def test_triton_launches_where_it_can_build(found: dict[str, tuple[str, str]]) -> None:
    assert found["gcc"] == ("", "")
    assert found["headers elsewhere"] == ("", "")


@pytest.mark.slow
def test_without_a_compiler_the_package_to_install_is_named(found: dict[str, tuple[str, str]]) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found["no compiler"] == (
        "there is no C compiler, neither gcc nor clang",
        f"install gcc and the headers of Python {version} (Debian and Ubuntu: apt install gcc python{version}-dev), "
        "or name another compiler in CC",
    )


def test_a_cached_module_needs_no_compiler(found: dict[str, tuple[str, str]]) -> None:
    from triton.backends.nvidia import driver

    # Triton 3.6 compiles a launcher for each kernel, so the cache is not enough there.
    cached = found["no compiler, and what gcc has made"]
    assert cached == (found["no compiler"] if hasattr(driver, "make_launcher") else ("", ""))


def test_a_compiler_that_does_not_work_is_named(found: dict[str, tuple[str, str]]) -> None:
    assert found["a compiler that is not there"][0] == "CC=no-such-cc is not a command"
    assert found["a compiler that does nothing"][0] == f"{shutil.which('false')} ends with status 1"


def test_without_headers_the_compiler_s_message_is_passed_on(found: dict[str, tuple[str, str]]) -> None:
    why, remedy = found["no headers"]
    assert why == f"{shutil.which('gcc')} says Python.h: No such file or directory"
    assert remedy == found["no compiler"][1]


def test_without_a_driver_its_folder_is_asked_for(found: dict[str, tuple[str, str]]) -> None:
    why, remedy = found["no driver to link"]
    assert why.endswith("ends with status 1")
    assert "its output is above" in remedy
    why, remedy = found["no driver in sight"]
    if why:
        assert why.startswith("libcuda.so cannot found!")
        assert remedy == "name the folder of libcuda.so.1 in TRITON_LIBCUDA_PATH"
