"""What the command line reports in one sentence instead of a traceback."""


class InputError(ValueError):
    """Something the user gave cannot be used: a file, an option, a value. The message names it."""
