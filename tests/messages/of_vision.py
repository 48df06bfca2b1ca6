"""Messages of the networks for images."""

from __future__ import annotations

from .world import Case, line, overrides

SMALL = "trainer.device=cpu monitor=off"
CASES: dict[str, Case] = {
    "depth of a network": (
        overrides("network=sew_resnet", "network.depth=20"),
        ("network.depth=20", "must be one of 18, 34, 50", "layers of the network"),
    ),
    "images that are too small": (
        line(f"network=vgg {SMALL}"),
        ("network: VGG: variant=vggsnn", "images of 8x8 can be halved 3 times", "give pools=3 or less"),
    ),
    "a patch that is too great": (
        line(f"network=spikformer network.patch=16 {SMALL}"),
        ("patch=16", "images of 8x8 are smaller", "give patch=8 or less"),
    ),
    "a dropped branch of spikes": (
        line(f"network=sew_resnet network.width=2 network.drop_path=0.1 network.join=and {SMALL}"),
        ("drop_path=0.1", "goes with join=add, not and", "set one of them so, or drop_path=0"),
    ),
    "a join that is unknown": (
        overrides("network=sew_resnet", "network.join=xor"),
        ("network.join=xor", "must be one of add, and, iand", "how the spikes"),
    ),
}
