"""What is read and written: paths as people name them, files that may be a stranger's, files written whole.

A run folder, a data set or a picture may come from somebody else. Nothing here follows a link inside such a folder or
reads more than its limit. docs/security.md says what is promised to users.

paths.py           files and folders as people name them
folder.py          whatever is written, changed or removed below a run folder
bounded.py         whatever is read
plain_yaml.py      bounded text and YAML
private_folder.py  folders of compiled code, which is run without a question
"""
