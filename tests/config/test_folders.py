"""The default folders of runs and sweeps."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from snntrain.config.compose import composer


@pytest.mark.parametrize("kind", ["run", "sweep"])
def test_many_jobs_that_start_in_one_second_do_not_share_a_folder(kind: str) -> None:
    # A scheduler starts arrays of jobs at once. If two of them share a folder, the second is refused.
    names = set()
    with composer() as compose:
        for _ in range(300):
            # The next job is another process, which draws a new name.
            OmegaConf.clear_cache(compose([]))
            names.add(compose([]).hydra[kind].dir.rpartition("-")[2])
    # Two jobs share a name by chance once in nine thousand times; four never do.
    assert len(names) >= 299
