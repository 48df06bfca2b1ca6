"""The end of a search: its files, its report, and what the terminal shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from snntrain.cli.report import show
from snntrain.cli.search import result
from snntrain.cli.search.driver import MOST_FAILURES, Driver
from snntrain.cli.search.workers import Workers
from snntrain.cli.sweep import command_to_resume
from snntrain.errors import Interrupted, RunFailed, first_line, on_one_line
from snntrain.report.comparison import METRIC
from snntrain.report.files import write
from snntrain.report.report import make
from snntrain.signals import machine

# search.json is written that often while trials run; it takes some milliseconds.
SECONDS_BETWEEN_WRITES = 10.0


def writer(driver: Driver, workers: Workers, again: Sequence[str]) -> Callable[[], None]:
    """Return a function that writes search.json, but not too often."""
    written = time.monotonic()

    def noted() -> None:
        nonlocal written
        if time.monotonic() - written > SECONDS_BETWEEN_WRITES:
            with workers.deciding():
                result.write(result.Result(driver, again, driver.study.trials()), driver.folder)
            written = time.monotonic()

    return noted


def conclude(driver: Driver, again: Sequence[str], typed: Sequence[str]) -> None:
    """Report on the search, and print its best trials.

    Raises:
        RunFailed: too many trials in a row have failed, or all of them.
    """
    found = _summarize(driver, again)
    resume = command_to_resume(typed, driver.folder)
    if driver.failures >= MOST_FAILURES or (found.trials and all(trial.state == "fail" for trial in found.trials)):
        error = next(trial.error for trial in reversed(found.trials) if trial.error)
        raise RunFailed(
            f"the search was stopped: {driver.failures} trials in a row have failed, the last one because: {error}; "
            f"fix that, then continue with: {resume}"
        )
    if driver.exhausted and len(found.trials) < driver.plan.trials:
        print(f"the space has no more than {len(found.trials)} combinations; all of them were tried")
    if driver.timed_out:
        print(f"the time of search.timeout_minutes is over; continue with: {resume}")
    elif running := driver.running_elsewhere():
        which = "1 trial is" if running == 1 else f"{running} trials are"
        print(f"{which} running in another process, which writes the report again at its end")


def stopped(number: int, driver: Driver, again: Sequence[str], typed: Sequence[str]) -> Interrupted:
    """Report after a signal, and return the error; a second signal interrupts the report."""
    try:
        _summarize(driver, again)
    except OSError:
        pass  # The same Ctrl-C has ended the reader of the output, such as tee; or the disk is gone.
    except KeyboardInterrupt as once_more:
        number = machine.behind(once_more) or number
    return Interrupted(number, f"interrupted; resume with: {command_to_resume(typed, driver.folder)}")


def _summarize(driver: Driver, again: Sequence[str]) -> result.Result:
    """Write search.json and the report, print both, and return the result."""
    with driver.workers.deciding():
        found = result.Result(driver, again, driver.study.trials())
        if not found.trials:
            return found
        try:
            result.write(found, driver.folder)
            report = make([driver.folder], _metric(driver), time.time(), over=True)
            show(report, write(report, driver.folder))
        except Exception as error:
            # Nothing is lost: the folders of the trials have the results.
            print(f"no report: {on_one_line(first_line(error))}; snntrain report {driver.folder} tries again")
    print(f"\n{found.counts()} in {driver.folder}")
    print(*found.lines(), sep="\n", flush=True)
    return found


def _metric(driver: Driver) -> str:
    """Return the figure by which the report orders the runs."""
    name = driver.study.objectives[0].figure
    return METRIC if name == "val_loss" else name
