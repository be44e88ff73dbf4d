"""Files in a gz or a zip: opened, and refused before they fill the memory."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.containers import Budget, inflated
from chalicelib.sources.formats.opening import open_records
from tests.sources.files import Dripping, read, sheet_xml, values, workbook, zipped

TABLE = b"a;b\n1;2\n"
RECORDS = [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        gzip.compress(TABLE),
        gzip.compress(b"") + gzip.compress(TABLE[:5]) + gzip.compress(TABLE[5:]),
        gzip.compress(TABLE) + bytes(512),
        zipped({"data/table.csv": TABLE}),
        zipped({"table.csv": TABLE}, zipfile.ZIP_STORED),
        zipped({"data/": b"", "data/table.csv": TABLE, "__MACOSX/data/._table.csv": b"x", "data/.DS_Store": b"x"}),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_a_file_is_taken_out_of_what_it_comes_in(content: bytes, size: int) -> None:
    assert [record.values for record in open_records(Dripping(content, size), "csvfile", {})] == RECORDS


def test_every_kind_may_be_compressed() -> None:
    sheet = sheet_xml('<row r="1"><c r="A1" t="str"><v>a</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>')
    for wrap in (gzip.compress, lambda content: zipped({"inner": content})):
        assert values(wrap(workbook(sheet)), "xlsx") == [{"a": 1}]
        assert values(wrap(b'[{"a": 1}]'), "jsonfile") == [{"a": 1}]
        assert values(wrap(b'{"a": 1}'), "jsonl") == [{"a": 1}]
        assert values(wrap(b'{"type": "Feature", "geometry": null}'), "geojson") == [{"geo_shape": None}]


@given(
    size=st.integers(65_000, 66_000) | st.integers(130_000, 132_000) | st.integers(0, 40),
    window=st.sampled_from([31, 15, -15]),  # gz, zlib, and deflate with nothing before and after it
    piece=st.sampled_from([1, 1000, 100_000]),
)
def test_every_form_of_compression_is_read_whatever_the_size(size: int, window: int, piece: int) -> None:
    squeeze = zlib.compressobj(wbits=window)
    content = b"ab" * (size // 2) + b"a" * (size % 2)
    packed = squeeze.compress(content) + squeeze.flush()

    def inflate(packed: bytes) -> bytes:
        chunks = (packed[i : i + piece] for i in range(0, len(packed), piece))
        return b"".join(inflated(chunks, Budget(most=size), window))

    assert inflate(packed) == content
    with pytest.raises(BrokenFile):
        inflate(packed[:-1])


def encrypted() -> bytes:
    content = bytearray(zipped({"a.csv": TABLE}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def with_method(method: int) -> bytes:
    content = bytearray(zipped({"a.csv": TABLE}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.index(signature) + offset, method)
    return bytes(content)


def damaged(content: bytes, place: int) -> bytes:
    """With another check sum than it should have."""
    return content[:place] + bytes([255 - content[place]]) + content[place:][1:]


def nameless() -> bytes:
    """With a NUL in the list of files for the first letter of the name."""
    content = bytearray(zipped({"a": TABLE}))
    content[content.index(b"PK\x01\x02") + 46] = 0
    return bytes(content)


LONG = b"a;b\n" + b"".join(b"%d;%d\n" % (i * 7919 % 104729, i) for i in range(30_000))
ZIPPED = zipped({"a.csv": LONG})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped({}), "the zip holds no file"),
        (zipped({"a.csv": TABLE, "b.csv": TABLE}), "the zip holds 2 files (a.csv, b.csv): leave one in it"),
        (zipped({f"{i}.csv": TABLE for i in range(9)}), "the zip holds 9 files (0.csv, 1.csv, 2.csv, …)"),
        (encrypted(), "the zip is encrypted: make it again without a password"),
        (nameless(), "the zip is cut off or damaged: make it again and send it whole"),
        (with_method(9), "the zip is compressed in an unusual way"),
        (with_method(14), "the zip is compressed in an unusual way"),
        (zipped({"a.csv": LONG})[:-10], "the zip is cut off or damaged"),
        (zipped({"a.csv": LONG})[:1000], "the zip is cut off or damaged"),
        (damaged(ZIPPED, ZIPPED.index(b"PK\x01\x02") + 16), "the zip is cut off or damaged"),
        (gzip.compress(LONG)[:-1], "the gz is cut off: send it again, whole"),
        (gzip.compress(LONG)[:1000], "the gz is cut off"),
        (b"\x1f\x8b", "the gz is cut off"),
        (damaged(gzip.compress(LONG), -8), "the gz is damaged"),
        (gzip.compress(TABLE) + b"rubbish", "the gz is damaged"),
    ],
)
def test_a_broken_archive_says_what_to_mend(content: bytes, says: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        read(content, "csvfile")
    assert says in str(broken.value)


@pytest.mark.parametrize("kind", ["csvfile", "xlsx"])
@pytest.mark.parametrize("rows", [2, 2_200_000])  # the larger is read from the disk, which refuses places otherwise
def test_a_place_that_is_not_in_the_zip_is_damage_whatever_its_size(rows: int, kind: str) -> None:
    content = bytearray(zipped({"a.csv": b"1;2\n" * rows}, zipfile.ZIP_STORED))
    place = content.rindex(b"PK\x05\x06") + 16  # where it says the list of files begins
    struct.pack_into("<L", content, place, struct.unpack_from("<L", content, place)[0] + 5000)
    with pytest.raises(BrokenFile, match="the zip is cut off or damaged"):
        read(bytes(content), kind)


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda content: zipped({"a": content})])
def test_the_size_is_that_of_what_is_inside(wrap: Callable[[bytes], bytes]) -> None:
    content = wrap(LONG)
    assert len(list(open_records(io.BytesIO(content), "csvfile", {}, max_bytes=len(LONG)))) == 30_000
    with pytest.raises(TooLarge, match=r"more than .* MB: split it into several files"):
        list(open_records(io.BytesIO(content), "csvfile", {}, max_bytes=len(LONG) - 1))


def test_a_zip_that_is_itself_too_large_is_not_kept() -> None:
    content = zipped({"a": LONG}, zipfile.ZIP_STORED)
    with pytest.raises(TooLarge):
        list(open_records(Dripping(content, 5000), "csvfile", {}, max_bytes=len(LONG)))


def test_what_inflates_beyond_measure_is_refused_early() -> None:
    bomb = b"a;b\n" + (b"1;" + b"x" * 65_533 + b"\n") * 1024
    for content in (gzip.compress(bomb), zipped({"a": bomb})):
        seen = 0
        with pytest.raises(TooLarge, match="inflates to more than 300 times its size"):
            for record in open_records(io.BytesIO(content), "csvfile", {}):
                seen = record.number
        assert seen < 512


def test_a_list_of_files_that_is_far_too_long_is_not_read() -> None:
    directory = zipped({"a": b""})
    entry = directory[directory.index(b"PK\x01\x02") : directory.index(b"PK\x05\x06")]
    count = 30_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, 31, 0)
    content = directory[:31] + entry * count + end
    with pytest.raises(TooLarge, match="the zip lists far too many files"):
        read(content, "csvfile")


@given(content=st.binary(max_size=60), kind=st.sampled_from(["csvfile", "jsonfile", "jsonl", "geojson", "xlsx"]))
def test_any_bytes_are_read_or_refused(content: bytes, kind: str) -> None:
    for head in (b"", b"PK\x03\x04", b"\x1f\x8b\x08\x00"):
        try:
            read(head + content, kind)
        except BrokenFile as broken:
            assert str(broken)


WHOLE = zipped({"a.csv": LONG[:2000]})
BOOK = workbook(sheet_xml('<row r="1"><c r="A1" t="str"><v>a</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>'))


@given(data=st.data())
def test_any_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    kind, content = data.draw(
        st.sampled_from([("csvfile", WHOLE), ("xlsx", BOOK), ("csvfile", gzip.compress(LONG[:2000]))])
    )
    place = data.draw(st.integers(0, len(content) - 1))
    changed = content[:place] + data.draw(st.binary(max_size=4)) + content[place + data.draw(st.integers(0, 4)) :]
    try:
        read(changed, kind)
    except BrokenFile as broken:
        assert str(broken)


@given(data=st.data())
def test_an_archive_that_is_cut_off_is_never_read_as_whole(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from([WHOLE, gzip.compress(LONG[:2000])]))
    with pytest.raises(BrokenFile):
        read(content[: data.draw(st.integers(4, len(content) - 1))], "csvfile")
