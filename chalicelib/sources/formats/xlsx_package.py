"""The parts of an xlsx: which of the files in the zip is the sheet, and what its cells refer to."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.containers import Budget, unzipped
from chalicelib.sources.formats.xml_reader import Attributes, XmlReader

MAX_SHEETS = 1000
_MAX_NAME, _MAX_RELATION = 100, 1000  # characters that are kept of a sheet's name, and may be in a relation


@dataclass(kw_only=True)
class Workbook:
    """The sheets as (name, whether it is shown, part), and how dates are counted."""

    sheets: list[tuple[str, bool, str]]
    strings: str | None
    styles: str | None
    counts_from_1904: bool

    def sheet(self, name: str | None) -> str:
        """The part of the sheet of this name; of the first that is shown when there is no name."""
        if name is None:
            shown = [part for _, is_shown, part in self.sheets if is_shown] or [part for *_, part in self.sheets]
            if not shown:
                raise BrokenFile("the workbook has no sheet with cells: save it again as xlsx")
            return shown[0]
        for found, _, part in self.sheets:
            if found.casefold() == name.casefold():
                return part
        names = ", ".join(found for found, *_ in self.sheets[:10])
        raise BrokenFile(f"the workbook has no sheet '{name[:40]}': set one of {names}")


class Package:
    """The zip of an xlsx. Each of its parts may inflate to `most` bytes."""

    def __init__(self, archive: Any, most: int) -> None:
        self._archive, self._most = archive, most
        self._entries = {name.casefold().lstrip("/"): entry for name, entry in archive.NameToInfo.items()}

    def chunks(self, part: str) -> Iterator[bytes]:
        """The bytes of a part; BrokenFile when it is not there."""
        entry = self._entries.get(part.casefold())
        if entry is None:
            raise BrokenFile(f"the workbook lacks its part {part[:60]}: save it again as xlsx")
        return unzipped(self._archive, entry, Budget(most=self._most))

    def workbook(self) -> Workbook:
        """What the workbook says of its parts."""
        main = next((target for kind, target in self._relations("").values() if kind == "officeDocument"), None)
        if main is None or main.casefold().endswith(".bin"):
            raise BrokenFile("the file is no xlsx workbook: save it as xlsx")
        sheets: list[tuple[str, bool, str]] = []
        relations = self._relations(main)
        counts_from_1904 = False

        def sheet(attributes: Attributes) -> None:
            reference = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            kind, target = relations.get(reference, ("", ""))
            if kind == "worksheet" and len(sheets) < MAX_SHEETS:
                is_shown = attributes.get("state", "visible") == "visible"
                sheets.append((attributes.get("name", "")[:_MAX_NAME], is_shown, target))

        def properties(attributes: Attributes) -> None:
            nonlocal counts_from_1904
            counts_from_1904 = attributes.get("date1904") in ("1", "true")

        XmlReader(main, starts={"sheet": sheet, "workbookPr": properties}, ends={}).read(self.chunks(main))
        parts = dict(relations.values())
        return Workbook(
            sheets=sheets,
            strings=parts.get("sharedStrings"),
            styles=parts.get("styles"),
            counts_from_1904=counts_from_1904,
        )

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to: id → (kind, part). What lies outside the file is left out: it is never opened."""
        folder, _, name = part.rpartition("/")
        found: dict[str, tuple[str, str]] = {}

        def relationship(attributes: Attributes) -> None:
            target, kind, uid = (attributes.get(key, "") for key in ("Target", "Type", "Id"))
            if attributes.get("TargetMode") == "External" or len(found) >= MAX_SHEETS:
                return
            if len(target) + len(kind) + len(uid) > _MAX_RELATION:
                raise TooLarge(
                    f"{relations} of the workbook names its parts at too great length: save it again as xlsx"
                )
            path = posixpath.normpath(target.lstrip("/") if target.startswith("/") else f"{folder}/{target}")
            found[uid] = (kind.rpartition("/")[2], path.lstrip("/"))

        relations = f"{folder}/_rels/{name}.rels".lstrip("/")
        XmlReader(relations, starts={"Relationship": relationship}, ends={}).read(self.chunks(relations))
        return found
