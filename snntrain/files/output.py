"""The files of a command with a folder that the user chooses, as `out=comparison`."""

from __future__ import annotations

from collections.abc import Mapping

from snntrain.errors import UserError
from snntrain.files import whole
from snntrain.files.folder import Folder


def write_output(folder: Folder, files: Mapping[str, str | bytes]) -> None:
    """Write files into the folder of `out=`: all of them, or none if one cannot be written.

    Raises:
        UserError: the folder cannot be written, is a file, or is a link inside a run folder.
    """
    try:
        whole.write_together(folder, files)
    except OSError as error:
        raise UserError(
            f"out={folder.path}: cannot be written ({error.strerror or error}); choose another folder with out=…"
        ) from error
