"""The settings of a process that trains, made before torch is imported."""

from __future__ import annotations

import logging
import os
import threading

from snntrain.process import working_directory
from snntrain.process.cublas import reserve_workspace
from snntrain.process.openmp import sleep_soon


def prepare() -> None:
    """Make the settings of this process; a second call changes nothing."""
    working_directory.leave_out()
    sleep_soon()
    reserve_workspace()
    # A log message that cannot be written does not matter; train.log has it.
    logging.raiseExceptions = False
    threading.excepthook = _in_train_log


def raise_errors() -> bool:
    """Make Hydra raise errors instead of printing them; return whether the user wants to see tracebacks."""
    wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"
    return wanted


def _in_train_log(failed: threading.ExceptHookArgs) -> None:
    """Log an error in a thread, such as TensorBoard's writer; the code that needs the thread reports it to the user."""
    failure = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    logging.getLogger("snntrain.file").error("a thread has failed", exc_info=failure)
