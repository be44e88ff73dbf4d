"""How large a file and its parts may be. What is over a limit is refused before it is in memory."""

MAX_BYTES = 240 * 1024 * 1024  # of the file, and of what it inflates to
MAX_RATIO = 300  # inflated to compressed bytes: past it a file was made to inflate, no data compresses so well
FREE_OF_RATIO = 16 * 1024 * 1024  # inflated bytes up to which the ratio says nothing
MAX_RECORD = 4 * 1024 * 1024  # characters of the text of one record; stored, it may have 350 KB
MAX_COLUMNS = 500
MAX_CELL = 1024 * 1024  # characters
CHUNK = 64 * 1024  # bytes read at a time


def megabytes(size: int) -> str:
    """A size in bytes for people, such as `240 MB`."""
    return f"{size / 1024 / 1024:.10g} MB"
