"""`snntrain`: which command is meant, and the exit status: whose fault it was.

0    done
1    the run failed
2    the user's input cannot be used: one line a mistake, no traceback
130  interrupted by Ctrl-C
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence

from snntrain.errors import RunFailed, UserError
from snntrain.openmp import sleep_soon


def _train(argv: Sequence[str]) -> None:
    from snntrain.cli.train import command

    command(argv)


def _eval(argv: Sequence[str]) -> None:
    from snntrain.cli.evaluate import command

    command(argv)


# Each imports what it needs when it is called: help and --cfg must not wait for torch.
COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {"train": _train, "eval": _eval}


def main() -> None:
    """The console script."""
    sleep_soon()
    sys.exit(status(sys.argv[1:]))


def status(argv: Sequence[str]) -> int:
    """Runs the command line and returns the exit status."""
    # Hydra re-raises what goes wrong in a run only where this is set; whether to show it is decided here.
    show_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"
    command, rest = (argv[0], argv[1:]) if argv and argv[0] in COMMANDS else ("train", argv)
    try:
        COMMANDS[command](rest)
        sys.stdout.flush()
    except UserError as error:
        return _report(error.lines, 2, show_traceback)
    except RunFailed as error:
        return _report((str(error),), 1, show_traceback)
    except KeyboardInterrupt:
        return _report(("interrupted",), 130, show_traceback)
    except BrokenPipeError:
        # The reader of a pipe has left, as in `snntrain --help | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _report(lines: Sequence[str], code: int, show_traceback: bool) -> int:
    if show_traceback:
        traceback.print_exc()
    for line in lines:
        print(f"snntrain: {line}", file=sys.stderr)
    return code
