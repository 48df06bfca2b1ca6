"""Check that two runs ended with the same weights, to the bit.

python scripts/gpu/same_weights.py <run> <run>
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from snntrain.training.saving import checkpoint


def main() -> None:
    one, other = (checkpoint.load(Path(run) / "checkpoints" / "last.pt")["model"] for run in sys.argv[1:3])
    differ = [name for name in one if not torch.equal(one[name], other[name])]
    greatest = max((float((one[name] - other[name]).abs().max()) for name in differ), default=0.0)
    print(f"resumed and whole run: {len(differ)} of {len(one)} weights differ, by {greatest:g} at most")
    sys.exit(bool(differ) or one.keys() != other.keys())


if __name__ == "__main__":
    main()
