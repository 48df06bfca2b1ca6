"""`snntrain`: which command is meant, and the exit status: whose fault it was.

0    done
1    the run failed, or this program did
2    the user's input cannot be used: one line a mistake, no traceback
128 + the signal's number: 130 interrupted by Ctrl-C, 143 terminated, 138 by SIGUSR1, which schedulers send before

Standard output that cannot be written, as on a full disk, is status 1 where it is all that the command gives, as of
--help, --cfg, eval and report. Training, a sweep and resume go on and have the status of the training. A standard
output that is closed, or that nobody reads, changes no status. `snntrain.cli.streams` sees to this.
"""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence

from snntrain.cli import streams
from snntrain.cli.arguments import parse
from snntrain.errors import Interrupted, RunFailed, UserError, on_one_line
from snntrain.process import unicode, working_directory
from snntrain.process.cublas import reserve_workspace
from snntrain.process.openmp import sleep_soon
from snntrain.signals import SIGNALS, came, end_at_once, importing, is_ignored


def _train(argv: Sequence[str]) -> None:
    # A wrong flag needs no configuration to be told.
    parse(argv)
    with importing():
        from snntrain.cli.train import command
    command(argv)


def _eval(argv: Sequence[str]) -> None:
    with importing():
        from snntrain.cli.evaluate import command
    command(argv)


def _inspect(argv: Sequence[str]) -> None:
    with importing():
        from snntrain.cli.inspect import command
    command(argv)


def _report_on_runs(argv: Sequence[str]) -> None:
    with importing():
        from snntrain.cli.report import command
    command(argv)


def _doctor(argv: Sequence[str]) -> None:
    with importing():
        from snntrain.cli.doctor import command
    command(argv)


# Each imports what it needs when it is called: help and --cfg must not wait for torch.
COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "train": _train,
    "eval": _eval,
    "inspect": _inspect,
    "report": _report_on_runs,
    "doctor": _doctor,
}


def main() -> None:
    """The console script."""
    working_directory.leave_out()
    unicode.ensure()
    streams.prepare()
    sleep_soon()
    reserve_workspace()
    # A message that cannot be written is no reason to end, and train.log has it.
    logging.raiseExceptions = False
    threading.excepthook = _in_train_log
    sys.unraisablehook = _unless_it_is_remembered
    for number in SIGNALS:
        if not is_ignored(number):
            signal.signal(number, end_at_once)
    code = status(sys.argv[1:])
    # It is all said and written; and Python, while it ends, may abort where a signal's handler is called.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def _in_train_log(failed: threading.ExceptHookArgs) -> None:
    """What fails in a thread, as TensorBoard's writer, is told by whoever needs the thread; this is for train.log."""
    told = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    logging.getLogger("snntrain.file").error("a thread has failed", exc_info=told)


def _unless_it_is_remembered(lost: "sys.UnraisableHookArgs") -> None:
    """What is raised in a destructor is told, as Python does; an interruption is remembered, and ends the run."""
    if not isinstance(lost.exc_value, Interrupted):
        sys.__unraisablehook__(lost)


def status(argv: Sequence[str]) -> int:
    """Runs the command line and returns the exit status."""
    # Hydra re-raises what goes wrong in a run only where this is set; whether to show it is decided here.
    show_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"
    code = 0
    try:
        command, rest = _command(argv)
        command(rest)
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Interrupted) else signal.SIGINT
        code = _report((str(error) or "interrupted",), 128 + number, show_traceback)
    except Exception as error:
        code = 0 if streams.is_of_output(error) else _of_an_error(error, show_traceback)
    streams.flush()
    if code == 0 and (lost := streams.lost()):
        return _report([f"standard output cannot be written ({lost.strerror}); send it to another place"], 1, False)
    return code


def _of_an_error(error: Exception, show_traceback: bool) -> int:
    """Tells what went wrong; the exit status."""
    if (number := came()) is not None:
        # Somebody's code has taken the interruption for an error of its own.
        return _report(("interrupted",), 128 + number, show_traceback)
    if isinstance(error, UserError):
        return _report(error.lines, 2, show_traceback)
    lines = str(error) if isinstance(error, RunFailed) else _unexpected(error)
    return _report((lines,), 1, show_traceback)


def _command(argv: Sequence[str]) -> tuple[Callable[[Sequence[str]], None], Sequence[str]]:
    """The command that is meant, training where none is named, and its arguments."""
    word = argv[0] if argv else ""
    if word in COMMANDS:
        return COMMANDS[word], argv[1:]
    # What begins with a sign is a flag, or an override without a value, as ~T.
    if word and "=" not in word and word[0] not in "-+~":
        from snntrain.config.compose import is_top_level
        from snntrain.config.explain import did_you_mean

        if not is_top_level(word):
            raise UserError(
                f"{word}: there is no such command{did_you_mean(word, COMMANDS)}; snntrain --help lists what there "
                f"is: {', '.join(COMMANDS)}, resume=<folder>; training takes key=value"
            )
    return _train, argv


def _unexpected(error: Exception) -> str:
    from snntrain.errors import first_line

    told = on_one_line(f"{type(error).__name__}: {first_line(error)}")
    return f"{told} (unexpected; HYDRA_FULL_ERROR=1 in front of the command shows the traceback)"


def _report(lines: Sequence[str], code: int, show_traceback: bool) -> int:
    if show_traceback:
        traceback.print_exc()
    for line in lines:
        print(f"snntrain: {line}", file=sys.stderr)
    return code
