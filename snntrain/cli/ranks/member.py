"""One of the processes of a run, started by `snntrain.cli.ranks.started`.

Standard input has one line of JSON with the place of the process and its work. Errors are reported through the store
that the processes share; the parent shows them.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from snntrain.cli import job, start, streams
from snntrain.cli import log as logs
from snntrain.cli.imports import slow_imports
from snntrain.cli.ranks.work import Work
from snntrain.errors import UserError, first_line
from snntrain.process import parent, unicode
from snntrain.signals import machine

if TYPE_CHECKING:
    from snntrain.training.job.group import Peers

HOST = "127.0.0.1"
STDIN = 0
SECONDS_TO_CONNECT = 60


@dataclass(frozen=True)
class Orders:
    """The line on standard input.

    Args:
        rank, size: the place of the process.
        port: port of the store on this machine.
        work: the work, as JSON.
    """

    rank: int
    size: int
    port: int
    work: str


def main() -> None:
    """Take part in a run, and exit with the status of this process."""
    start.prepare()
    unicode.ensure()
    streams.prepare()
    streams.output_is_dispensable()
    machine.begin(silent=True)
    code = _status()
    streams.flush()
    machine.finish()
    sys.exit(code)


def _status() -> int:
    try:
        with slow_imports():
            import torch.distributed as dist

            import snntrain.training.run  # noqa: F401
            from snntrain.training.job.group import Peers, Place
        line = _line()
        if not line:  # The parent has ended before there was work.
            return 1
        orders = Orders(**json.loads(line))
        parent.end_with(STDIN)
        store = dist.TCPStore(  # type: ignore[attr-defined]
            HOST, orders.port, is_master=False, timeout=timedelta(seconds=SECONDS_TO_CONNECT)
        )
        peers = Peers(Place(orders.rank, orders.size, orders.rank), store)
    except KeyboardInterrupt as error:
        return 128 + (machine.behind(error) or 0)
    return take_part(Work.from_json(orders.work), peers)


def take_part(work: Work, peers: Peers) -> int:
    """Train a run together with the other processes, and return the exit status; an error is reported to the others."""
    from snntrain.training.job.group import Failure, OtherFailed, report
    from snntrain.training.run import assist

    rank, folder = peers.place.rank, Path(work.folder)
    try:
        with work.reading():
            if rank == 0:
                logs.begin(folder, work.verbose)
                job.run(work.settings(), folder, work.typed, peers)
            else:
                logging.getLogger().addHandler(logging.NullHandler())
                assist(work.settings(), peers)
    except (Exception, KeyboardInterrupt) as error:
        if (number := machine.behind(error)) is not None:
            return 128 + number
        if isinstance(error, OtherFailed) or isinstance(error.__cause__, OtherFailed):
            return 1
        lines = error.lines if isinstance(error, UserError) else (first_line(error),)
        report(peers.store, Failure(rank, lines, isinstance(error, UserError), _traceback(error) if rank else ""))
        return 2 if isinstance(error, UserError) else 1
    return 0


def _line() -> bytes:
    """Return the line on standard input, and read nothing after it."""
    line = b""
    while not line.endswith(b"\n") and (letter := os.read(STDIN, 1)):
        line += letter
    return line


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


if __name__ == "__main__":
    main()
