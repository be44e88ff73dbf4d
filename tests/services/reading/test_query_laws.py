"""Laws of lists, over generated records: every record once, in a total order, counted exactly at any moment."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.store.stores import Stores
from tests.services.devices import a_device
from tests.services.reading.readers import BOOK, Reader, a_library

# A page is some ten queries, and a query in memory takes time in proportion to its whole table.
FEW = settings(max_examples=max(10, settings.default.max_examples // 20))
_books = st.lists(
    st.fixed_dictionaries(
        {"isbn": st.integers(0, 60).map(str)},
        optional={"title": st.sampled_from(["Emma", "Dune", "É"]), "pages": st.integers(0, 3)},
    ),
    max_size=40,
)


def pages(reader: Reader, size: int, **asked: str) -> Iterator[dict[str, Any]]:
    offset = 0
    while results := reader.page(limit=size, offset=offset, **asked)[1]:
        yield from results
        offset += size


@FEW
@given(books=_books, size=st.integers(5, 17))
def test_paging_shows_every_record_exactly_once(shared_stores: Stores, books: list[dict[str, Any]], size: int) -> None:
    reader, expected = a_library(shared_stores, books)
    seen = list(pages(reader, size))
    assert sorted(seen, key=lambda book: book["isbn"]) == expected
    assert reader.page(limit=0) == (len(expected), [])
    assert seen == reader.page(limit=100)[1]


@FEW
@given(books=_books, size=st.integers(5, 17), order=st.sampled_from(["-pages, title", "title desc", "pages"]))
def test_pages_of_a_query_join_to_what_python_filters_and_sorts(
    shared_stores: Stores, books: list[dict[str, Any]], size: int, order: str
) -> None:
    reader, expected = a_library(shared_stores, books)
    by_id = [found for found in reader.page()[1] if found["pages"] != 1]
    assert reader.page(limit=1, where="not pages = 1")[0] == len(by_id)
    for name in reversed(order.split(", ")):
        field, falls = name.removeprefix("-").removesuffix(" desc"), name.startswith("-") or name.endswith("desc")
        known = sorted((b for b in by_id if b[field] is not None), key=lambda b, f=field: b[f], reverse=falls)
        by_id = known + [b for b in by_id if b[field] is None]
    assert list(pages(reader, size, where="not pages = 1", order_by=order)) == by_id
    assert [b for b in expected if b["pages"] != 1] == sorted(by_id, key=lambda b: b["isbn"])


@FEW
@given(
    steps=st.lists(
        st.tuples(st.floats(0, 130), st.sampled_from(["push", "delete", "read", "read"]), st.integers(0, 5)),
        max_size=14,
    )
)
def test_the_count_is_exact_at_every_moment(shared_stores: Stores, steps: list[tuple[float, str, int]]) -> None:
    device = a_device(shared_stores, bootstrap=[BOOK], unique_key=["isbn"])
    reader, stored = Reader(shared_stores, device.target.dataset_id), set[int]()
    for seconds, action, number in steps:
        device.now = reader.now = device.now + timedelta(seconds=seconds)
        if action == "push":
            device.push({"isbn": str(number)})
            stored.add(number)
        elif action == "delete":
            device.delete({"isbn": str(number)})
            stored.discard(number)
        else:
            assert reader.page(limit=1)[0] == len(stored)
            assert reader.description()["metas"]["default"]["records_count"] == len(stored)
