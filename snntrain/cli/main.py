"""`snntrain`: finds the command, and returns the exit status.

0    done
1    the run failed, or this program did
2    the user's input cannot be used: one line per mistake, no traceback
128 + the signal's number: 130 interrupted by Ctrl-C, 143 terminated, 138 by SIGUSR1, the warning of schedulers

If standard output cannot be written, as on a full disk, the status is 1 for a command that only prints, such as
--help, --cfg, eval and report. Training, a sweep and resume continue and have the status of the training. A standard
output that is closed, or that nobody reads, does not change the status. `snntrain.cli.streams` implements this.
"""

import sys
import traceback
from collections.abc import Sequence

from snntrain.cli import start, streams
from snntrain.cli.commands import BY_NAME, TRAIN, Command
from snntrain.errors import RunFailed, UserError, first_line, on_one_line
from snntrain.process import unicode
from snntrain.signals import machine


def main() -> None:
    """The console script."""
    unicode.ensure()
    streams.prepare()
    start.prepare()
    machine.begin()
    code = status(sys.argv[1:])
    machine.finish()
    sys.exit(code)


def status(argv: Sequence[str]) -> int:
    """Run the command line and return the exit status."""
    # `_report` decides whether to show a traceback.
    show_traceback = start.raise_errors()
    code = 0
    try:
        command, rest = _command(argv)
        command(rest)
    except (Exception, KeyboardInterrupt) as error:
        code = 0 if streams.is_of_output(error) else _failed(error, show_traceback)
    streams.flush()
    if code == 0 and (lost := streams.lost()):
        return _report([f"standard output cannot be written ({lost.strerror}); send it to another place"], 1, False)
    return code


def _failed(error: BaseException, show_traceback: bool) -> int:
    """Report an error, or the signal behind it, and return the exit status."""
    if (number := machine.behind(error)) is not None:
        # Other code may have turned the interruption into its own error.
        line = str(error) if isinstance(error, KeyboardInterrupt) else ""
        return _report((line or "interrupted",), 128 + number, show_traceback)
    if isinstance(error, UserError):
        return _report(error.lines, 2, show_traceback)
    return _report((str(error) if isinstance(error, RunFailed) else _unexpected(error),), 1, show_traceback)


def _command(argv: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """Return the command, which is training if none is named, and its arguments."""
    word = argv[0] if argv else ""
    if word in BY_NAME:
        return BY_NAME[word], argv[1:]
    # A sign at the beginning marks a flag, or an override without a value such as ~T.
    if word and "=" not in word and word[0] not in "-+~":
        from snntrain.config.compose import is_top_level
        from snntrain.config.explain import did_you_mean

        if not is_top_level(word):
            raise UserError(
                f"{word}: there is no such command{did_you_mean(word, BY_NAME)}; the commands "
                f"are {', '.join(BY_NAME)}, resume=<folder> (see snntrain --help); training takes key=value"
            )
    return TRAIN, argv


def _unexpected(error: BaseException) -> str:
    line = on_one_line(f"{type(error).__name__}: {first_line(error)}")
    return f"{line} (unexpected; HYDRA_FULL_ERROR=1 in front of the command shows the traceback)"


def _report(lines: Sequence[str], code: int, show_traceback: bool) -> int:
    if show_traceback:
        traceback.print_exc()
    for line in lines:
        print(f"snntrain: {line}", file=sys.stderr)
    return code
