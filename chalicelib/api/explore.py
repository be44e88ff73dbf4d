"""The reading API v2.1: the catalog, records, files and exports. Open to everybody, but for restricted datasets."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from chalice.app import Blueprint, CORSConfig, Response

from chalicelib import wiring
from chalicelib.api.auth import caller_of
from chalicelib.api.errors import explore_error
from chalicelib.api.explore_parameters import Parameters
from chalicelib.api.http import ALL_METHODS, answers, base_url, json_answer, started
from chalicelib.domain.live import LiveDataset
from chalicelib.services.reading import catalog, query
from chalicelib.services.reading.catalog import Visit
from chalicelib.services.reading.export import export_records
from chalicelib.services.reading.export_formats import FORMATS, CsvOptions, format_for
from chalicelib.services.reading.question import Question, compile_question

routes = Blueprint(__name__)

_CORS = CORSConfig(
    allow_origin="*",
    allow_headers=["Authorization", "Content-Type"],
    expose_headers=["Retry-After", "Content-Disposition"],
    max_age=86400,
)
_PATH = "/explore/v2.1"
_DATASETS = "/catalog/datasets"
_DATASET = _DATASETS + "/{dataset_id}"

View = Callable[..., Response]


def _route(path: str) -> Callable[[View], View]:
    """A route of this API: it is read (GET, HEAD), and answers other methods with our 405."""

    def decorate(view: View) -> View:
        answered = answers(explore_error, lambda: routes.current_request, "GET", "HEAD")(view)

        @wraps(answered)
        def without_body_for_head(**names: str) -> Response:
            response = answered(**names)
            if routes.current_request.method == "HEAD":
                response.body = ""
            return response

        options: dict[str, Any] = {"methods": ALL_METHODS, "content_types": ["*/*"], "cors": _CORS}
        routed: View = routes.route(path, **options)(without_body_for_head)
        return routed

    return decorate


@_route(_DATASETS)
def dataset_list() -> Response:
    """The datasets that the caller sees."""
    parameters = Parameters(routes.current_request, unoffered=("where", "search"))
    limit, offset = parameters.page()
    return json_answer(catalog.list_catalog(wiring.stores(), _visit(), limit=limit, offset=offset))


@_route(_DATASET)
def dataset_one(dataset_id: str) -> Response:
    """One dataset: its metadata and fields."""
    Parameters(routes.current_request)
    return json_answer(catalog.show_dataset(wiring.stores(), dataset_id, _visit()))


@_route(_DATASET + "/records")
def record_list(dataset_id: str) -> Response:
    """The records of a dataset, a page at a time."""
    parameters = Parameters(routes.current_request)
    visit, stores = _visit(), wiring.stores()
    live = catalog.readable_dataset(stores, dataset_id, visit)
    limit, offset = parameters.page()
    app_metas = parameters.flag("include_app_metas", False)
    question = _question(live, parameters)
    total, page = query.list_records(stores, live, question, visit, limit=limit, offset=offset)
    shown = [query.show(live, found, question.projection, _file_url(live), app_metas=app_metas) for found in page]
    return json_answer({"total_count": total, "results": shown})


@_route(_DATASET + "/records/{record_id}")
def record_one(dataset_id: str, record_id: str) -> Response:
    """One record by its id."""
    parameters = Parameters(routes.current_request)
    visit, stores = _visit(), wiring.stores()
    live = catalog.readable_dataset(stores, dataset_id, visit)
    app_metas = parameters.flag("include_app_metas", False)
    select = parameters.text("select")
    projection = compile_question(live.configuration.schema, select=select, where=None, order_by=None).projection
    found = query.read_record(stores, live, record_id, visit)
    return json_answer(query.show(live, found, projection, _file_url(live), app_metas=app_metas))


@_route(_DATASET + "/exports")
def export_list(dataset_id: str) -> Response:
    """The formats that the dataset may be exported in."""
    Parameters(routes.current_request)
    live = catalog.visible_dataset(wiring.stores(), dataset_id, _visit())
    here = f"{_dataset_url(live)}/exports"
    links = [{"rel": "self", "href": here}, *({"rel": name, "href": f"{here}/{name}"} for name in FORMATS)]
    return json_answer({"links": links})


@_route(_DATASET + "/exports/{format_name}")
def export_one(dataset_id: str, format_name: str) -> Response:
    """The records of a dataset as a file; a large one is answered by a redirection to where it lies."""
    parameters = Parameters(routes.current_request)
    visit, stores = _visit(), wiring.stores()
    live = catalog.readable_dataset(stores, dataset_id, visit)
    question, limit = _question(live, parameters), parameters.export_limit()
    options = CsvOptions(
        delimiter=parameters.delimiter(),
        with_bom=parameters.flag("with_bom", True),
        use_labels=parameters.flag("use_labels", False),
    )
    schema = live.configuration.schema
    written = format_for(format_name, schema, question.projection, _file_url(live), options)
    if routes.current_request.method == "HEAD":
        return _file(f"{dataset_id}.{written.extension}", written.mimetype, "")  # nothing is built for nobody
    made = export_records(stores, live, question, written, visit, limit=limit)
    return _moved(made.url) if made.url else _file(made.filename, made.mimetype, made.text or "")


@_route(_DATASET + "/files/{file_id}")
def file_one(dataset_id: str, file_id: str) -> Response:
    """The file of a record, by a redirection to where it lies."""
    Parameters(routes.current_request)
    visit, stores = _visit(), wiring.stores()
    live = catalog.readable_dataset(stores, dataset_id, visit)
    return _moved(query.link_to_file(stores, live, file_id, visit))


def _visit() -> Visit:
    now, deadline = started(routes.current_request)
    return Visit(caller=caller_of(routes.current_request, now), now=now, deadline=deadline)


def _question(live: LiveDataset, parameters: Parameters) -> Question:
    asked = {name: parameters.text(name) for name in ("select", "where", "order_by")}
    return compile_question(live.configuration.schema, **asked)


def _dataset_url(live: LiveDataset) -> str:
    base = base_url(routes.current_request, wiring.settings().public_url)
    return f"{base}{_PATH}{_DATASETS}/{live.dataset_id}"


def _file_url(live: LiveDataset) -> Callable[[str], str]:
    dataset_url = _dataset_url(live)
    return lambda file_id: f"{dataset_url}/files/{file_id}"


def _file(filename: str, mimetype: str, text: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(filename)}"
    return Response(body=text, headers={"Content-Type": mimetype, "Content-Disposition": disposition})


def _moved(url: str) -> Response:
    # The link is signed for minutes: nobody may keep it for longer.
    return Response(
        body="", status_code=302, headers={"Location": url, "Cache-Control": "no-store", "Content-Type": "text/plain"}
    )
