"""Reading and writing files that may come from strangers.

A run folder, a data set or a picture may come from somebody else. Nothing here follows a link inside such a folder or
reads more than its limit. docs/security.md lists the guarantees for users.

paths.py           paths as users write them
folder.py          writes, changes and removes files below a run folder
whole.py           writes files whole or not at all
output.py          writes the files of a command with out=
bounded.py         reads files up to a limit
safe_yaml.py       parses YAML as data only
private_folder.py  folders for compiled code, which is loaded and run without confirmation
"""
