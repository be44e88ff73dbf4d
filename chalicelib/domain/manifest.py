"""Manifests: which records a file had, and what they were. The next file is compared with the manifest of the one
before, in place of the table: what has not changed in the file is neither read nor written.

A manifest is a run of entries of 36 bytes, one for each record: its id (20 bytes), then its content hash (16). The hash
of a record that was refused is all zeros: the file has it, so it has not vanished, and whatever it is in the next file
has changed.
"""

from chalicelib.domain.errors import ValidationFailed

MAX_RECORDS = 2_000_000
"""To compare two files of so many takes some 600 MB for a moment (measured): both manifests, and sets of what is in
them. To read one takes 500."""

_ID, _ENTRY = 20, 36  # bytes
_REFUSED = bytes(_ENTRY - _ID)


class Manifest:
    """The manifest of a file that is being read; its length is the number of records that were not refused. Of those
    with the same id the last one counts."""

    def __init__(self) -> None:
        self._hashes: dict[bytes, bytes] = {}
        self._refused: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, record_id: str, content_hash: str) -> None:
        """Take a record; ValidationFailed when they become too many."""
        self._hashes[bytes.fromhex(record_id)] = bytes.fromhex(content_hash)
        self._check()

    def refuse(self, record_id: str) -> None:
        """Take a record that was refused; ValidationFailed when they become too many."""
        self._refused.add(bytes.fromhex(record_id))
        self._check()

    def packed(self) -> bytes:
        """What is kept."""
        entries = bytearray()  # joining the pieces would hold a list of all of them
        for record_id, content_hash in self._hashes.items():
            entries += record_id
            entries += content_hash
        for record_id in self._refused - self._hashes.keys():
            entries += record_id
            entries += _REFUSED
        return bytes(entries)

    def _check(self) -> None:
        if len(self._hashes) + len(self._refused) > MAX_RECORDS:
            raise ValidationFailed(
                {"datasource": [f"the file has more than {MAX_RECORDS} records: split it into several resources"]}
            )


def entry(record_id: str, content_hash: str) -> bytes:
    """The entry of a record."""
    return bytes.fromhex(record_id) + bytes.fromhex(content_hash)


def changed(new: bytes, old: bytes) -> set[bytes]:
    """The entries that are not in the old manifest: those of records that are new, or not what they were."""
    known = {old[i : i + _ENTRY] for i in range(0, len(old), _ENTRY)}
    entries = (new[i : i + _ENTRY] for i in range(0, len(new), _ENTRY))
    return {entry for entry in entries if entry not in known}


def vanished(new: bytes, old: bytes) -> list[str]:
    """The ids that only the old manifest has, in its order."""
    left = ids(new)
    before = (old[i : i + _ID] for i in range(0, len(old), _ENTRY))
    return [record_id.hex() for record_id in before if record_id not in left]


def ids(manifest: bytes) -> set[bytes]:
    """The ids of its records, 20 bytes each."""
    return {manifest[i : i + _ID] for i in range(0, len(manifest), _ENTRY)}
