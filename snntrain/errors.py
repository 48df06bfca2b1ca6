"""The errors that are the user's to mend."""


class UserError(Exception):
    """What was given cannot be used; the message says what is allowed and what to do.

    The command line prints each line of `lines` without a traceback and exits with status 2.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
