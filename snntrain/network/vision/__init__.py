"""Networks of images from the literature, a file each, and the blocks that only they have."""
