"""The border between what this program obeys and what it only reads.

It obeys the command line, the environment, and what is installed. Everything else is data, which a stranger may have
written: run folders, config folders, data sets, pictures, and the folder in which the command is given. Data runs no
code, leads to no file outside the folders that the command line names, and takes no more time and memory than it is
worth.

targets.py            which classes a configuration may name
config_files.py       what a file of a config folder may say, above all of Hydra itself
working_directory.py  what is imported from where the command is given
folder.py             whatever is written, changed or removed below a folder of a run
bounded.py            whatever is read
private_folder.py     folders of compiled code, which is run without a question

docs/security.md says the same for users, and what is left to them.
"""
