"""What is wrong with a file."""


class BrokenFile(Exception):  # noqa: N818 - the file is broken, not the program
    """The file cannot be read; the message says where and what to mend."""


class TooSlow(BrokenFile):
    """There is not the time to come to a record."""


class TooLarge(BrokenFile):
    """The file, what it inflates to, or one part of it is over a limit; the message says which."""
