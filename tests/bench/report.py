"""The table that the benches print: what is compared, the figure, its bound, and whether it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison. `figure` and `bound` (the most it may be; None: shown only) are ratios or counts of calls."""

    what: str
    figure: float
    bound: float | None = None
    remark: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether the figure is over its bound."""
        return self.bound is not None and self.figure > self.bound

    @property
    def verdict(self) -> str:
        """`ok`, `MISSED`, or nothing when there is no bound."""
        if self.bound is None:
            return ""
        return "MISSED" if self.is_missed else "ok"


def show(title: str, rows: list[Row]) -> list[Row]:
    """Print the rows of one bench as a plain table, and hand them on."""
    print(f"\n{title}")
    width = max((len(row.what) for row in rows), default=0)
    for row in rows:
        bound = "" if row.bound is None else f"at most {_number(row.bound)}"
        line = f"  {row.what:<{width}}  {_number(row.figure):>7}  {bound:<14}{row.verdict:<7} {row.remark}"
        print(line.rstrip(), flush=True)
    return rows


def shown_counts(counts: Mapping[str, int]) -> str:
    """Calls by operation, in words."""
    return ", ".join(
        f"{count} {operation}" for operation, count in sorted(counts.items(), key=lambda part: -len(part[0]))
    )


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.3f}"
