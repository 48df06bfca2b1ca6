"""The files of the folder that the tests write into."""

from snntrain.files.folder import Folder

OLD = {"a.csv": b"old a", "b.html": b"old b"}


def contents(folder: Folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}
