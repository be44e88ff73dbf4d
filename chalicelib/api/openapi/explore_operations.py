"""The operations of the reading API."""

from collections.abc import Sequence

from chalicelib.api.explore_parameters import DEFAULT_LIMIT, MAX_LIMIT, MAX_WINDOW
from chalicelib.api.openapi.operation import Api, Content, Json, Operation, json_of, path_parameter, query, record, ref
from chalicelib.api.openapi.push_operations import SLUG
from chalicelib.domain import errors
from chalicelib.domain.errors import Refused
from chalicelib.domain.odsql import MAX_LENGTH
from chalicelib.services.reading.export_formats import FORMATS

_TEXT = {"type": "string", "maxLength": MAX_LENGTH}
_FLAG = {"enum": ["true", "false"]}
_ODSQL = [
    query("select", _TEXT, "The fields to show, with `as` to rename them.", "title, isbn as number"),
    query("where", _TEXT, "Which records answer; `_id` and `_timestamp` can be named too.", "title like 'emma'"),
    query("order_by", _TEXT, "Their order; `_timestamp`: that of their acceptance.", "title desc"),
]
_PAGE = [
    query(
        "limit",
        {"type": "integer", "minimum": -1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "How many; -1: as many as there may be.",
    ),
    query(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": MAX_WINDOW, "default": 0},
        f"How many to pass over; offset + limit stay below {MAX_WINDOW}.",
    ),
]
_APP_METAS = query("include_app_metas", _FLAG, "Whether to show `_id`, `_timestamp` and `_size` (bytes) too.")
_EXPORT = [
    query("limit", {"type": "integer", "minimum": -1, "maximum": 10**9, "default": -1}, "How many; -1: all."),
    query("delimiter", {"enum": [",", ";", "|", "\t", "\\t"], "default": ";"}, "Of CSV: what stands between cells."),
    query("with_bom", {**_FLAG, "default": "true"}, "Of CSV: whether it begins with a byte order mark."),
    query("use_labels", {**_FLAG, "default": "false"}, "Of CSV: whether its header shows labels in place of names."),
]
_LOCATION = {"Location": {"description": "a signed URL", "required": True, "schema": {"type": "string"}}}
_MOVED: Content = {"text/plain": {"schema": {"const": ""}}}
_FILE: Content = {
    "text/csv": {"schema": {"type": "string"}},
    "application/json": {"schema": {"type": "array", "items": ref("Record")}},
    "application/jsonl": {"schema": {"type": "string"}},
    "application/geo+json": {"schema": {"type": "object"}},
}
_DATASET = "/catalog/datasets/{dataset_id}"


def _results(schema: str) -> Json:
    return record(
        {"total_count": {"type": "integer", "minimum": 0}, "results": {"type": "array", "items": ref(schema)}}
    )


OPERATIONS = {
    "GET /catalog/datasets": Operation(answers={200: json_of(_results("CatalogDataset"))}, parameters=_PAGE),
    f"GET {_DATASET}": Operation(answers={200: json_of(ref("CatalogDataset"))}),
    f"GET {_DATASET}/records": Operation(
        answers={200: json_of(_results("Record"))}, parameters=[*_ODSQL, *_PAGE, _APP_METAS]
    ),
    f"GET {_DATASET}/records/{{record_id}}": Operation(
        answers={200: json_of(ref("Record"))}, parameters=[_ODSQL[0], _APP_METAS]
    ),
    f"GET {_DATASET}/exports": Operation(answers={200: json_of(ref("Links"))}),
    f"GET {_DATASET}/exports/{{format_name}}": Operation(
        answers={200: _FILE, 302: _MOVED}, headers={302: _LOCATION}, parameters=[*_ODSQL, *_EXPORT]
    ),
    f"GET {_DATASET}/files/{{file_id}}": Operation(answers={302: _MOVED}, headers={302: _LOCATION}),
}


def _refusals(_method: str, path: str, operation: Operation) -> Sequence[type[Refused]]:
    one = (errors.NotInCatalog,) if "{" in path else ()
    data = (errors.Forbidden,) if path.startswith(_DATASET + "/") else ()
    everywhere = (errors.InvalidQuery, errors.Unauthorized, errors.TemporarilyUnavailable, errors.AnswerTooLarge)
    return (*everywhere, *one, *data, *operation.refusals)


EXPLORE = Api(
    tag="explore",
    prefix="/explore/v2.1",
    description="Reading: the catalog, records, files and exports. Open to everybody, but for restricted datasets and "
    "what the default security of a dataset hides.",
    error="ExploreError",
    security=[{}, {"apikeyHeader": []}, {"apikey": []}],
    path_parameters={
        "dataset_id": path_parameter("The id of the dataset.", "library-books", SLUG),
        "record_id": path_parameter("The id of the record.", "0" * 40, "^[0-9a-f]{40}$"),
        "format_name": {
            **path_parameter("The format of the file.", "csv"),
            "schema": {"type": "string", "enum": list(FORMATS)},
        },
        "file_id": path_parameter("The id of a file, as a record's `url` has it.", f"{'0' * 40}.{'0' * 16}"),
    },
    operations=OPERATIONS,
    refusals=_refusals,
)
