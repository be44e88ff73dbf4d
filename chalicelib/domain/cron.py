"""Unix cron expressions: which are accepted, and how often they fire. Times are Europe/Paris."""

import re
from datetime import datetime
from itertools import islice, pairwise

_VALUE = r"(?:[0-9]{1,4}|[A-Z]{3})"
_PART = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/[0-9]{{1,4}})?"
_FIELD = re.compile(rf"{_PART}(?:,{_PART})*", re.IGNORECASE)
_EXAMPLE = '"0 2 * * *" (every day at 02:00)'
_START = datetime(2027, 1, 1)
_RUNS = 1000


class NoCron(ValueError):  # noqa: N818 - it says what the text is
    """The text is no cron expression; the message says what is wrong."""


def shortest_interval(expression: str) -> int:
    """The least number of minutes between two runs of a cron expression of five fields (minute, hour, day of month,
    month, day of week); a day of month and a day of week mean either. NoCron when it is none, or never fires."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only who sets up a schedule pays for it

    fields = expression.split()
    if len(fields) != 5 or not all(_FIELD.fullmatch(field) for field in fields):
        raise NoCron(f"expected five fields of digits, names, * , - and /, such as {_EXAMPLE}")
    try:
        runs = list(islice(CronSim(" ".join(fields).upper(), _START), _RUNS))
    except CronSimError as error:
        raise NoCron(f"{str(error).lower()}: use five fields such as {_EXAMPLE}") from None
    if not runs:
        raise NoCron(f"it never fires: use a date that exists, such as {_EXAMPLE}")
    return min((int((after - before).total_seconds()) // 60 for before, after in pairwise(runs)), default=60 * 24 * 365)
