"""A reader: what one sees of a dataset through the reading services, in one call each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from chalicelib.services.access import ANYBODY
from chalicelib.services.reading.catalog import Visit, show_dataset, visible_dataset
from chalicelib.services.reading.export import ExportFile, export_records
from chalicelib.services.reading.export_formats import CsvOptions, format_for
from chalicelib.services.reading.query import list_records, show
from chalicelib.services.reading.question import compile_question
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.services.devices import a_device

BOOK = {"isbn": "1", "title": "Emma", "pages": 3}


@dataclass
class Reader:
    """Reads one dataset, an hour after NOW unless said."""

    stores: Stores
    dataset_id: str
    now: datetime = NOW + timedelta(hours=1)
    deadline: Deadline = field(default_factory=lambda: Deadline(20))

    def page(
        self, *, limit: int = 100, offset: int = 0, app_metas: bool = False, **asked: str
    ) -> tuple[int, list[dict[str, Any]]]:
        """The total count, and the results of one page."""
        live = visible_dataset(self.stores, self.dataset_id, self._visit)
        question = _question(live, asked)
        total, page = list_records(self.stores, live, question, self._visit, limit=limit, offset=offset)
        return total, [show(live, found, question.projection, url, app_metas=app_metas) for found in page]

    def export(
        self, name: str, *, limit: int | None = None, options: CsvOptions | None = None, **asked: str
    ) -> ExportFile:
        """An export as it is answered."""
        live = visible_dataset(self.stores, self.dataset_id, self._visit)
        question = _question(live, asked)
        written = format_for(name, live.configuration.schema, question.projection, url, options or CsvOptions())
        return export_records(self.stores, live, question, written, self._visit, limit=limit)

    def content(self, file: ExportFile) -> bytes:
        """The bytes of an export, wherever it lies."""
        if file.text is not None:
            return file.text.encode()
        _, _, key = unquote(urlsplit(str(file.url)).path).lstrip("/").partition("/")
        content = self.stores.exports.get(key)
        assert content is not None
        return content

    def description(self) -> dict[str, Any]:
        """The dataset as the catalog describes it."""
        return show_dataset(self.stores, self.dataset_id, self._visit)

    @property
    def _visit(self) -> Visit:
        return Visit(caller=ANYBODY, now=self.now, deadline=self.deadline)


def url(file_id: str) -> str:
    """Where a file is said to be."""
    return f"https://data.example.org/files/{file_id}"


def _question(live: Any, asked: dict[str, str]) -> Any:
    parameters = {name: asked.pop(name, None) for name in ("select", "where", "order_by")}
    assert not asked
    return compile_question(live.configuration.schema, **parameters)


def a_library(stores: Stores, books: list[dict[str, Any]]) -> tuple[Reader, list[dict[str, Any]]]:
    """A dataset of these books; the reader, and the books as they are shown, ordered by isbn."""
    device = a_device(stores, bootstrap=[BOOK], unique_key=["isbn"])
    device.push(books)
    shown = {book["isbn"]: {"isbn": None, "title": None, "pages": None, **book} for book in books}
    return Reader(stores, device.target.dataset_id), [shown[isbn] for isbn in sorted(shown)]
