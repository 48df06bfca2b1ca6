"""A SLURM of one machine for tests: sbatch, squeue, sacct, scancel, scontrol and srun, which run jobs as processes.

`installed` puts the commands into a folder. Their state is in a folder that FAKE_SLURM names: a file for each task of
an array, and files with requests for it. sbatch leaves a process behind, the controller of the array, which ends with
its last task.

As in SLURM, only the processes that srun starts get signals: the warning before the time limit, and SIGTERM before
SIGKILL. There is no clock: `ask` makes a task's time run out.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "srun")
# From SIGTERM to SIGKILL, in seconds.
KILL_WAIT = 30.0
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")


def installed(folder: Path) -> Path:
    """Put the commands into `folder`/bin, and return that folder; the state will be in `folder`/state."""
    place = folder / "bin"
    place.mkdir(parents=True)
    (folder / "state").mkdir()
    for name in COMMANDS:
        command = f"exec {shlex.quote(sys.executable)} -S -E {shlex.quote(__file__)} {name}"
        (place / name).write_text(f'#!/bin/sh\n{command} "$@"\n')
        (place / name).chmod(0o755)
    return place


def tasks(state: Path) -> dict[str, dict[str, Any]]:
    """Return the record of each task by its id, as 1_0."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(state.glob("*.json"))}


def ask(state: Path, task: str, request: str) -> None:
    """Ask the controller of a task for something.

    Args:
        state: the folder of the state.
        task: the id of the task.
        request: warn, the signal before the time limit; limit, the time limit; cancel; OUT_OF_MEMORY or NODE_FAIL, a
            death for this reason.
    """
    (state / f"{task}.{request}").touch()


class Task:
    """A task of an array, as its controller sees it."""

    def __init__(self, state: Path, identity: str, script: Path, options: dict[str, str]) -> None:
        self.state, self.identity, self.script, self.options = state, identity, script, options
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        # When it was asked to end, and what it becomes afterwards.
        self.asked = 0.0
        self.becomes: str | None = None
        self.record("PENDING")

    def record(self, status: str) -> None:
        self.status = status
        content = {"state": status, "name": self.options["job-name"], "restarts": self.restarts, "pid": self.step()}
        # A reader must not find half of it.
        draft = self.state / f"{self.identity}.draft"
        draft.write_text(json.dumps(content | {"options": self.options}))
        draft.rename(self.state / f"{self.identity}.json")

    def step(self) -> int | None:
        """Return the number of the process group that srun has started."""
        try:
            return int((self.state / f"{self.identity}.step").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def start(self) -> None:
        array, _, index = self.identity.partition("_")
        of_an_array = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index} if index else {}
        environment = os.environ | {
            **of_an_array,
            "SLURM_JOB_ID": str(int(array) * 1000 + int(index)) if index else array,
            "SLURM_NTASKS": "1",
            "SLURM_NPROCS": "1",
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_CPUS_PER_TASK": self.options.get("cpus-per-task", "1"),
            "SLURM_JOB_GPUS": self.options.get("gpus-per-task", "0"),
            "SLURM_RESTART_COUNT": str(self.restarts),
        }
        (self.state / f"{self.identity}.step").unlink(missing_ok=True)
        log = self.options["output"].replace("%A", array).replace("%a", index).replace("%j", array)
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                ["bash", self.script],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.asked, self.becomes = 0.0, None
        self.record("RUNNING")

    def signal(self, number: int) -> None:
        if (group := self.step()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, number)

    def end(self, becomes: str) -> None:
        """Ask the step to end, as SLURM does."""
        if not self.asked:
            self.asked, self.becomes = time.monotonic(), becomes
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def kill(self) -> None:
        assert self.process is not None
        self.signal(signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def requested(self, what: str) -> bool:
        request = self.state / f"{self.identity}.{what}"
        if not request.exists():
            return False
        request.unlink()
        return True

    def look(self) -> None:
        """Act on requests, and on the end of the processes."""
        if self.requested("cancel"):
            if self.status == "PENDING":
                self.record("CANCELLED")
            else:
                self.end("CANCELLED")
        if self.status != "RUNNING":
            return
        assert self.process is not None
        for ending in ("OUT_OF_MEMORY", "NODE_FAIL"):
            if self.requested(ending):
                self.becomes = ending
                self.kill()
        if self.requested("requeue"):
            self.end("PENDING")
        if self.requested("warn"):
            self.signal(getattr(signal, f"SIG{self.options['signal'].partition('@')[0]}"))
        if self.requested("limit"):
            self.end("TIMEOUT")
        if self.asked and time.monotonic() - self.asked > KILL_WAIT:
            self.kill()
        if (code := self.process.poll()) is None:
            return
        self.kill()
        # The task may have asked for it just before its end.
        if self.requested("requeue"):
            self.becomes = "PENDING"
        if self.becomes == "PENDING":
            self.restarts += 1
        self.record(self.becomes or ("FAILED" if code else "COMPLETED"))


def identities(array: str, options: dict[str, str]) -> list[str]:
    """Return the ids of the tasks of an array; a job that is not an array has its own id."""
    if "array" not in options:
        return [array]
    last = int(options["array"].partition("-")[2].partition("%")[0])
    return [f"{array}_{index}" for index in range(last + 1)]


def control(state: Path, array: str, script: Path, options: dict[str, str]) -> None:
    """Run the tasks of an array until all are over."""
    every = [Task(state, identity, script, options) for identity in identities(array, options)]
    at_once = options.get("array", "%1").partition("%")[2]
    while not all(task.status in OVER for task in every):
        running = sum(task.status == "RUNNING" for task in every)
        for task in every:
            if task.status == "PENDING" and running < int(at_once):
                task.look()
                if task.status == "PENDING":
                    task.start()
                    running += 1
            else:
                task.look()
        time.sleep(0.02)


def sbatch(state: Path, words: list[str]) -> int:
    script = Path(words[-1])
    found = re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", script.read_text(), re.MULTILINE)
    options = {name: "".join(shlex.split(value)) for name, value in found}
    if "nowhere" in options.get("partition", ""):
        print("sbatch: error: invalid partition specified: nowhere", file=sys.stderr)
        print("sbatch: error: Batch job submission failed: Invalid partition name specified", file=sys.stderr)
        return 1
    array = str(len(list(state.glob("*.array"))) + 1)
    (state / f"{array}.array").touch()
    copied = state / f"{array}.sh"
    copied.write_text(script.read_text())
    if os.fork() == 0:
        os.setsid()
        # The submitting command waits for the end of its output.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        control(state, array, copied, options)
        os._exit(0)
    while not all((state / f"{identity}.json").exists() for identity in identities(array, options)):
        time.sleep(0.005)
    print(f"Submitted batch job {array}")
    return 0


def squeue(state: Path, words: list[str]) -> int:
    assert "--array" in words
    for identity, task in tasks(state).items():
        if task["state"] not in OVER:
            print(identity, task["state"], task["name"])
    return 0


def sacct(state: Path, words: list[str]) -> int:
    if os.environ.get("FAKE_SLURM_ACCOUNTING") == "no":
        print("Slurm accounting storage is disabled", file=sys.stderr)
        return 1
    arrays = words[words.index("-j") + 1].split(",")
    for identity, task in tasks(state).items():
        if identity.split("_")[0] in arrays:
            by = f" by {os.getuid()}" if task["state"] == "CANCELLED" else ""
            print(f"{identity}|{task['state']}{by}")
            print(f"{identity}.batch|{task['state']}")
    return 0


def scancel(state: Path, words: list[str]) -> int:
    names = [word.removeprefix("--name=") for word in words if word.startswith("--name=")]
    for identity, task in tasks(state).items():
        if task["name"] in names:
            ask(state, identity, "cancel")
    return 0


def scontrol(state: Path, words: list[str]) -> int:
    assert words[0] == "requeue"
    if os.environ.get("FAKE_SLURM_REQUEUE") == "no":
        print("Requested operation is presently disabled", file=sys.stderr)
        return 1
    ask(state, words[1], "requeue")
    return 0


def srun(state: Path, words: list[str]) -> int:
    array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID", "")
    identity = f"{array}_{index}" if array else os.environ["SLURM_JOB_ID"]
    output = ""
    while words[0].startswith("--"):
        word = words.pop(0)
        if word == "--output":
            output = words.pop(0).replace("%A_%a", identity).replace("%j", identity).replace("%t", "0")
    opened = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.setpgid(0, 0)
    (state / f"{identity}.step").write_text(str(os.getpid()))
    os.environ |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_STEP_NUM_TASKS": "1"}
    os.execvp(words[0], words)


if __name__ == "__main__":
    command = {"sbatch": sbatch, "squeue": squeue, "sacct": sacct, "scancel": scancel, "scontrol": scontrol}
    command["srun"] = srun
    sys.exit(command[sys.argv[1]](Path(os.environ["FAKE_SLURM"]), sys.argv[2:]))
