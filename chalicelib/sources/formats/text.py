"""Text out of bytes: decoded by the encoding that is set, or by the one the bytes show, and cut into lines."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import MAX_RECORD, megabytes

_BOM = "\ufeff"
_MARKS = (  # the longest first: one begins like another
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_AMONG_ALIASES = ("utf_8_sig", "utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be")
_UNSAFE = {"utf7"}  # it can hold halves of characters, which no record may
_ENOUGH = 4  # bytes, the longest character of utf-8 and the longest mark
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def decoded(chunks: Iterable[bytes], encoding: str | None = None) -> Iterator[str]:
    """The text of the chunks, without byte order mark. BrokenFile names the line that is not in this encoding.

    `encoding` None: utf-8, utf-16 and utf-32 by their marks, utf-16 also by its zeros; else utf-8, unless the first
    characters that are not ASCII show that it is cp1252.
    """
    texts = _decoded(_Decoder(encoding), chunks)
    if first := next(texts, "").removeprefix(_BOM):
        yield first
    yield from texts


def encoding_of(head: bytes, *, is_whole: bool = False) -> str | None:
    """The encoding that the beginning of a file shows; None while all of it is ASCII."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if 0 in head[:2]:  # the first character of a data file is ASCII: in utf-16 half of it is zero
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return _beyond_ascii(head[_ascii_length(head) :], is_whole=is_whole)


def lines(texts: Iterable[str]) -> Iterator[str]:
    r"""The lines of the text with their ends, which are \n, \r\n or \r; TooLarge names a line that never ends."""
    rest, number = "", 0
    for text in texts:
        # StringIO ends lines where CSV does; splitlines would also cut cells at other Unicode separators.
        found = list(io.StringIO(rest + text, newline=""))
        rest = found.pop()
        if rest.endswith("\n"):  # a lone \r may be the first half of \r\n
            found.append(rest)
            rest = ""
        yield from found
        number += len(found)
        if len(rest) > MAX_RECORD:
            raise TooLarge(f"line {number + 1} has more than {megabytes(MAX_RECORD)}: check the format and line ends")
    if rest:
        yield rest


def _decoded(decoder: "_Decoder", chunks: Iterable[bytes]) -> Iterator[str]:
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


class _Decoder:
    """Decodes chunk by chunk, counting lines; the encoding is decided once there is something to decide by."""

    def __init__(self, encoding: str | None) -> None:
        self._named = encoding
        self._decoder = _decoder_for(encoding) if encoding else None
        self._waiting = b""
        self._line_ends = 0
        self._is_start = True

    def decode(self, chunk: bytes, *, final: bool = False) -> str:
        if self._decoder is not None:
            return self._decode(self._decoder, chunk, final=final)
        chunk = self._waiting + chunk
        length = 0 if self._is_start else _ascii_length(chunk)
        if len(chunk) - length < _ENOUGH and not final:
            found = None
        elif self._is_start:
            found, length = encoding_of(chunk, is_whole=final), 0
        else:
            found = _beyond_ascii(chunk[length:], is_whole=final)
        if found is None and (not self._is_start or len(chunk) >= _ENOUGH or final):
            self._is_start = False
            length = _ascii_length(chunk)
        text = chunk[:length].decode("ascii")
        self._line_ends += text.count("\n")
        self._waiting = chunk[length:]
        if found is None:
            return text
        self._named, self._decoder = found, _decoder_for(found)
        return text + self._decode(self._decoder, self._waiting, final=final)

    def _decode(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> str:
        try:
            text = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            raise BrokenFile(self._problem(error)) from None
        except UnicodeError:
            raise BrokenFile(f"the file is not {self._named}: set the file's encoding") from None
        self._line_ends += text.count("\n")
        return text

    def _problem(self, error: UnicodeDecodeError) -> str:
        before = error.object[: error.start].decode(self._named or "utf-8", "ignore").count("\n")
        where = f"line {self._line_ends + before + 1}"
        if "unexpected end" in error.reason or "truncated" in error.reason or "incomplete" in error.reason:
            return f"{where} is not {self._named}, or cut off: send the file whole, or set the file's encoding"
        return f"{where} is not {self._named} (byte {error.object[error.start]:02x}): set the file's encoding"


def _ascii_length(part: bytes) -> int:
    """How many bytes come before the first that is not ASCII."""
    found = _BEYOND_ASCII.search(part)
    return found.start() if found else len(part)


def _beyond_ascii(part: bytes, *, is_whole: bool) -> str | None:
    """utf-8 when most of what is not ASCII is: one damaged character in a file of utf-8 makes it no cp1252."""
    if not part:
        return None
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(part, is_whole)
    wrong = sum("\udc80" <= character <= "\udcff" for character in text)
    right = sum(character > "\x7f" for character in text) - wrong
    return "utf-8" if right >= wrong else "cp1252"


def _decoder_for(encoding: str) -> codecs.IncrementalDecoder:
    from encodings.aliases import aliases  # noqa: PLC0415 - read by nobody else

    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):  # ValueError: a name with a zero in it
        found = None
    known = {_plain(name) for name in (*aliases, *aliases.values(), *_NOT_AMONG_ALIASES)} - _UNSAFE
    # codecs also finds base64, rot13, idna and the like, which are no encodings of a file
    if found is None or not found._is_text_encoding or _plain(found.name) not in known or not found.incrementaldecoder:
        raise BrokenFile(f"unknown encoding '{encoding[:40]}': use utf-8, cp1252 or utf-16")
    return found.incrementaldecoder("strict")


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "")
