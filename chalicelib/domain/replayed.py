"""Replayed records: what recovery writes anew, and the text in which the parts of its job hold it.

`@{number} {accepted_at} {resource_uid} {numbered_at}` begins the records of one entry of the log; they follow as
`changes.py` has them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.domain.changes import Changes, as_text, from_text

_HEAD = "@"


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Records of one entry: its number, when it was accepted and when it had its number (epoch milliseconds), and its
    resource."""

    number: int
    accepted_at: int
    resource_uid: str
    numbered_at: int
    changes: Changes


def replayed_as_text(replayed: Replayed) -> str:
    """The text; several of them, a line each, are read back by `replayed_from_text`."""
    head = f"{_HEAD}{replayed.number} {replayed.accepted_at} {replayed.resource_uid} {replayed.numbered_at}"
    return f"{head}\n{as_text(replayed.changes)}"


def replayed_from_text(text: str) -> list[Replayed]:
    """What a text holds, in its order."""
    return list(_sections(text.split("\n") if text else ()))


def _sections(lines: Iterable[str]) -> Iterator[Replayed]:
    head, changes = "", list[str]()
    for line in lines:
        if line.startswith(_HEAD):
            if head:
                yield _section(head, changes)
            head, changes = line, []
        else:
            changes.append(line)
    if head:
        yield _section(head, changes)


def _section(head: str, changes: list[str]) -> Replayed:
    number, accepted_at, resource_uid, *numbered_at = head.removeprefix(_HEAD).split(" ")
    return Replayed(
        number=int(number),
        accepted_at=int(accepted_at),
        resource_uid=resource_uid,
        numbered_at=int(numbered_at[0] if numbered_at else accepted_at),  # parts may be of before it was noted
        changes=from_text("\n".join(changes)),
    )
