"""The memory that a process may still use."""

from __future__ import annotations

from pathlib import Path

import pytest

from snntrain.process import memory


def test_some_memory_is_available_and_not_more_than_there_is() -> None:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    assert 0 < memory.available() <= 1024 * int(lines["MemTotal"].split()[0])


@pytest.mark.parametrize(
    ("content", "expected"),
    [("MemTotal: 9 kB\nMemAvailable:    7 kB\n", 7 * 1024), ("MemFree: 7 kB\n", 2**62), ("MemAvailable:", 2**62)],
)
def test_the_system_says_how_much_is_available(tmp_path: Path, content: str, expected: int) -> None:
    (tmp_path / "meminfo").write_text(content)
    assert min(memory._of_the_machine(tmp_path / "meminfo")) == expected
    assert min(memory._of_the_machine(tmp_path / "none")) == 2**62


def test_a_container_leaves_what_it_does_not_use_and_copies_of_files(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/a/b\n")
    for name, limit, used, copies in (("a", "1000", 700, 100), ("a/b", "max", 600, 0)):
        folder = tmp_path / "groups" / name
        folder.mkdir(parents=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {copies}\nactive_file 20\n")
    assert min(memory._of_groups(tmp_path / "groups", own)) == 1000 - 700 + 100 + 20
    (tmp_path / "groups" / "a" / "b" / "memory.max").write_text("610\n")
    assert min(memory._of_groups(tmp_path / "groups", own)) == 30
    assert min(memory._of_groups(tmp_path / "none", own)) == 2**62
