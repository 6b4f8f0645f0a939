"""The one error that a person is meant to read."""


class UserError(ValueError):
    """A mistake in what the person gave: one sentence that says what is wrong, with what, and what to do.

    The command line prints it without a traceback and exits with status 1.
    """
