"""What a configuration that may be a stranger's is allowed to say.

targets.py       which classes `_target_` may name
config_files.py  what a file of a config folder may say, above all about Hydra itself
"""
