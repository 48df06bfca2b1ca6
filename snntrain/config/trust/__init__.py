"""The limits of a configuration that may come from a stranger.

targets.py       the classes that `_target_` may name
config_files.py  the content that a file of a config folder may have, above all about Hydra itself
"""
