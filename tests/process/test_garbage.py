"""The garbage collector skips imported objects, and still finds garbage."""

import gc
import sys
import weakref
from pathlib import Path

import pytest

from snntrain.process.garbage import none_in_imports


class Loop:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.own = self


def test_imported_objects_are_not_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_for_a_test.py").write_text("kept = [{} for _ in range(100_000)]")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with none_in_imports():
            assert not gc.isenabled()
            import imported_for_a_test  # type: ignore[import-not-found]
        assert gc.isenabled()
        kept = imported_for_a_test.kept
        assert not any(found is kept for found in gc.get_objects())
    finally:
        sys.modules.pop("imported_for_a_test", None)
        gc.unfreeze()


def test_garbage_is_found_if_nothing_was_imported() -> None:
    loop = weakref.ref(Loop())
    with none_in_imports():
        import gc as again  # noqa: F401
    gc.collect()
    assert loop() is None


def test_a_search_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with none_in_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
