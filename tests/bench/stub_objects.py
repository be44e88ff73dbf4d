"""The buckets of the stub endpoint: the S3 operations that the product uses, path style, in memory."""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE = 1000  # keys of a listing
_KEY = re.compile(rb"<Key>(.*?)</Key>")
_XML, _GZIP = "application/xml", "application/gzip"


class Answered(NamedTuple):
    """An answer, and the name of the operation that was asked for."""

    operation: str
    content: bytes = b""
    status: int = 200
    content_type: str = _XML


class Objects:
    """Objects by bucket and key."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._names: list[str] = []  # in their order
        self._parts: dict[str, list[bytes]] = {}  # of those that are on their way

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Do one operation: put an object whole, read it whole or in part, delete some, list them."""
        parts = urlsplit(path)
        name = unquote(parts.path)[1:]
        query = parse_qs(parts.query, keep_blank_values=True)
        if "uploads" in query or "uploadId" in query:
            return self._upload(method, name, query, body)
        if method == "PUT":
            self._put(name, body)
            return Answered("PutObject")
        if method == "POST":
            for key in _KEY.findall(body):
                self._delete(f"{name}/{unquote(key.decode())}")
            return Answered("DeleteObjects", b"<DeleteResult/>")
        if "/" not in name:
            return Answered("ListObjects", self._listed(name, query))
        return self._content(name, headers.get("range"))

    def _put(self, name: str, content: bytes) -> None:
        if name not in self._contents:
            insort(self._names, name)
        self._contents[name] = content

    def _upload(self, method: str, name: str, query: Mapping[str, list[str]], body: bytes) -> Answered:
        """An object that is sent in parts: begun, sent, finished or given up."""
        if "uploads" in query:
            self._parts[name] = []
            return Answered("CreateMultipartUpload", b"<R><UploadId>u</UploadId></R>")
        if method == "PUT":
            self._parts[name].append(body)
            return Answered("UploadPart")
        sent = self._parts.pop(name)
        if method == "POST":
            self._put(name, b"".join(sent))
            return Answered("CompleteMultipartUpload", b"<R/>")
        return Answered("AbortMultipartUpload")

    def _content(self, name: str, asked: str | None) -> Answered:
        content = self._contents.get(name)
        if content is None:
            return Answered("GetObject", b"<Error><Code>NoSuchKey</Code></Error>", 404)
        if asked:  # bytes=first-last
            first, _, last = asked.removeprefix("bytes=").partition("-")
            return Answered("GetObject", content[int(first) : int(last) + 1], 206, _GZIP)
        return Answered("GetObject", content, 200, _GZIP)

    def _delete(self, name: str) -> None:
        if self._contents.pop(name, None) is not None:
            del self._names[bisect_left(self._names, name)]

    def _listed(self, bucket: str, query: Mapping[str, list[str]]) -> bytes:
        prefix = f"{bucket}/{query.get('prefix', [''])[0]}"
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        first = max(bisect_left(self._names, prefix), bisect_right(self._names, f"{bucket}/{after}"))
        if "delimiter" in query:
            tags = [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in self._in(prefix)]
            return f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(tags)}</ListBucketResult>".encode()
        found = [name for name in self._names[first : first + _PAGE + 1] if name.startswith(prefix)]
        keys = [name.removeprefix(f"{bucket}/") for name in found[:_PAGE]]
        tags = [
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self._contents[f'{bucket}/{key}'])}</Size></Contents>"
            for key in keys
        ]
        if is_truncated := len(found) > _PAGE:
            tags.append(f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>")
        tags.append(f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>")
        return f"<ListBucketResult>{''.join(tags)}</ListBucketResult>".encode()

    def _in(self, prefix: str) -> Iterator[str]:
        """The folders in one, without its bucket."""
        index = bisect_left(self._names, prefix)
        while index < len(self._names) and self._names[index].startswith(prefix):
            folder = f"{prefix}{self._names[index].removeprefix(prefix).partition('/')[0]}/"
            yield folder.partition("/")[2]
            index = bisect_left(self._names, f"{folder}\uffff")
