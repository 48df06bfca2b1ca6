"""The ways a command ends badly: by the user's input, by a run that cannot go on, and by a signal."""


class UserError(Exception):
    """What was given cannot be used; the message says what is allowed and what to do.

    The command line prints each line of `lines` without a traceback and exits with status 2.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class RunFailed(Exception):
    """A run that was begun cannot go on; the message says why. The command line exits with status 1."""


class Interrupted(KeyboardInterrupt):
    """A signal asks the program to end. The command line exits with status 128 + its `number`, as a shell would say."""

    def __init__(self, number: int, told: str = "interrupted") -> None:
        super().__init__(told)
        self.number = number
