"""The files of a run and of a sweep: their names, when they are written, how they change, and who reads them.

Every module that names a file of a run takes the name from here. `FILES` is the table for the checks before a start,
the clean-up of a run that did not start, and the search for runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from snntrain.files.folder import Folder

# In the run folder.
SUMMARY = "summary.json"
CONFIG = "config.yaml"
ENVIRONMENT = "environment.json"
METRICS = "metrics.jsonl"
LOG = "train.log"
LOCK = "run.lock"
TEST = "test.json"
# Below checkpoints/.
LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
# Below .hydra/, beside a config.yaml.
HYDRA_SETTINGS, OVERRIDES = "hydra.yaml", "overrides.yaml"
# Below tensorboard/, one file for each start of the run.
EVENTS_PREFIX = "events.out.tfevents."

CHECKPOINTS_FOLDER = "checkpoints"
TENSORBOARD_FOLDER = "tensorboard"
HYDRA_FOLDER = ".hydra"
FOLDERS = (CHECKPOINTS_FOLDER, TENSORBOARD_FOLDER, HYDRA_FOLDER)

# In the folder of a sweep.
SWEEP = "multirun.yaml"
# The files of submitit and the output of the jobs that SLURM runs; it holds no runs.
SLURM_FOLDER = ".slurm"
# In the folder of a search, which is a sweep, too: what a report shows of it, and the folder of its study.
SEARCH = "search.json"
STUDY_FOLDER = "search"


class Written(Enum):
    """The time at which a file is first written."""

    START = "at the start, before training"
    TRAINING = "during training"
    END = "after the test"


class Change(Enum):
    """The way in which a file changes."""

    REPLACED = "whole, in one step; a second name of it, as a hard link, keeps the old content"
    IN_PLACE = "in place, so that it must not have a second name"


@dataclass(frozen=True)
class RunFile:
    """A file of a run.

    Args:
        name: its name; a name that ends with a dot is the prefix of several names.
        written: when it is first written.
        change: how it changes.
        content: its content.
        readers: who reads it.
        folder: the folder below the run folder in which it lies; '' for the run folder.
        sign_of_life: whether a running run writes it repeatedly.
    """

    name: str
    written: Written
    change: Change
    content: str
    readers: str
    folder: str = ""
    sign_of_life: bool = False

    def place(self, run: Folder) -> Folder:
        """Return the folder in which the file lies."""
        return run / self.folder if self.folder else run

    def names(self, run: Folder) -> list[str]:
        """Return the name, or the existing names if it is the prefix of several."""
        if not self.name.endswith("."):
            return [self.name]
        return [name for name in self.place(run).names() if name.startswith(self.name)]


_START, _TRAINING, _END = Written
_REPLACED, _IN_PLACE = Change

FILES = (
    RunFile(SUMMARY, _START, _REPLACED, "status, error, figures", "report, sweep, resume", sign_of_life=True),
    RunFile(CONFIG, _START, _REPLACED, "the resolved configuration", "resume, eval, inspect, report"),
    RunFile(ENVIRONMENT, _START, _REPLACED, "versions, device, Git commit and command of each start", "the user"),
    RunFile(TEST, _END, _REPLACED, "results of the best and the last weights on the test images", "eval, inspect"),
    RunFile(METRICS, _TRAINING, _IN_PLACE, "a line per epoch", "report", sign_of_life=True),
    RunFile(LOG, _START, _IN_PLACE, "messages, with tracebacks", "the user", sign_of_life=True),
    RunFile(LOCK, _START, _IN_PLACE, "the process that trains here, and its heartbeat", "all", sign_of_life=True),
    # These are replaced, too, but a second name was always refused.
    RunFile(CONFIG, _START, _IN_PLACE, "the configuration that was asked for", "the user", HYDRA_FOLDER),
    RunFile(HYDRA_SETTINGS, _START, _IN_PLACE, "Hydra's settings and the option of each group", "report", HYDRA_FOLDER),
    RunFile(OVERRIDES, _START, _IN_PLACE, "the overrides of the command line", "the user", HYDRA_FOLDER),
    RunFile(LAST, _TRAINING, _REPLACED, "the latest state", "resume", CHECKPOINTS_FOLDER),
    RunFile(PREVIOUS, _TRAINING, _REPLACED, "the state before it", "resume", CHECKPOINTS_FOLDER),
    RunFile(BEST, _TRAINING, _REPLACED, "the best weights", "eval, inspect", CHECKPOINTS_FOLDER),
    RunFile(EVENTS_PREFIX, _TRAINING, _IN_PLACE, "TensorBoard's events", "TensorBoard", TENSORBOARD_FOLDER),
)

# The files whose modification times show that a run is alive, the heartbeat first, and the folder that exists first.
SIGNS_OF_LIFE = (LOCK, *(file.name for file in FILES if file.sign_of_life and file.name != LOCK), HYDRA_FOLDER)
