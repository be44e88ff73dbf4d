"""XML read in constant memory by the parser of the standard library, without the features that make XML dangerous.

A document type is refused, and with it every entity: nothing expands and nothing outside the file is opened. What is
left is bounded by numbers: the depth, the text of an element, the length of a tag, and how many names there are and
how long. Namespaces are not followed: each name would be kept with the whole address that its prefix stands for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import CHUNK, MAX_CELL, megabytes

Attributes = Mapping[str, str]
MAX_XML_DEPTH = 64
_MAX_NAMES = 10_000  # of elements and attributes; a workbook has some dozens
_MAX_NAMES_SIZE = MAX_CELL  # characters of all names: they are kept until the end
_MAX_TAG = MAX_CELL  # bytes; the parser reads an unfinished tag anew with every chunk


class XmlReader:
    """Calls a handler at the start and the end of the elements of interest, by their names without prefix; at the
    end with the text since the last tag. `part` names the file in messages."""

    def __init__(
        self,
        part: str,
        *,
        starts: Mapping[str, Callable[[Attributes], None]],
        ends: Mapping[str, Callable[[str], None]],
    ) -> None:
        from xml.parsers import expat  # noqa: PLC0415 - costs a cold start; made safe as said above

        self._part, self._starts, self._ends = part, starts, ends
        self._depth = 0
        self._text: list[str] = []
        self._names: dict[str, str] = {}
        self._counted = 0  # names whose size is known to be allowed
        self._error = expat.ExpatError
        self._parser = expat.ParserCreate()
        settings = {
            "buffer_text": True,
            "StartElementHandler": self._start,
            "EndElementHandler": self._end,
            "CharacterDataHandler": self._text.append,
            "StartDoctypeDeclHandler": self._doctype,
        }
        for name, setting in settings.items():
            setattr(self._parser, name, setting)

    def feed(self, chunks: Iterable[bytes]) -> Iterator[None]:
        """Parse, and pause after each chunk so that the caller can take what the handlers found."""
        fed = 0
        try:
            for chunk in chunks:
                for begin in range(0, len(chunk), CHUNK):
                    part = chunk[begin : begin + CHUNK]
                    self._parse(part)
                    fed += len(part)
                    self._check(fed)
                    yield
            self._parse(b"", is_end=True)
            yield
        except self._error as error:
            line, column = error.lineno, error.offset + 1
            raise BrokenFile(
                f"{self._part} of the workbook is damaged at line {line}, column {column}: save it again as xlsx"
            ) from None

    def read(self, chunks: Iterable[bytes]) -> None:
        """Parse to the end."""
        for _ in self.feed(chunks):
            pass

    def _parse(self, part: bytes, *, is_end: bool = False) -> None:
        try:
            self._parser.Parse(part, is_end)
        except (ValueError, LookupError):  # it is unknown, or has more than a byte a character; or half of one is there
            raise BrokenFile(
                f"{self._part} of the workbook is in an encoding that cannot be read: save it again as xlsx"
            ) from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._text.clear()
        handler = self._starts.get(self._names.get(name) or self._local(name))
        if handler:
            handler(attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        handler = self._ends.get(self._names.get(name) or self._local(name))
        if handler:
            handler("".join(self._text))
        self._text.clear()

    def _local(self, name: str) -> str:
        local = self._names[name] = name.rpartition(":")[2]
        return local

    def _check(self, fed: int) -> None:
        if fed - self._parser.CurrentByteIndex > _MAX_TAG:
            raise TooLarge(f"{self._part} of the workbook has a tag of more than {megabytes(_MAX_TAG)}: save it again")
        if sum(map(len, self._text)) > MAX_CELL:
            raise TooLarge(f"{self._part} of the workbook has a cell of more than {megabytes(MAX_CELL)}: shorten it")
        names = self._parser.intern  # of elements and attributes
        are_new = len(names) > self._counted
        self._counted = len(names)
        are_too_many = are_new and (self._counted > _MAX_NAMES or sum(map(len, names)) > _MAX_NAMES_SIZE)
        if self._depth > MAX_XML_DEPTH or are_too_many:
            raise TooLarge(f"{self._part} of the workbook is no spreadsheet: save it again as xlsx")

    def _doctype(self, *_: object) -> None:
        raise BrokenFile(f"{self._part} of the workbook declares a document type, no spreadsheet does: save it again")
