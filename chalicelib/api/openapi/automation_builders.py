"""What operations of the management API have in common: collections and their members, pages, switches."""

from collections.abc import Sequence

from chalicelib.api.openapi.bodies import EXAMPLES
from chalicelib.api.openapi.operation import Content, Json, Operation, json_of, list_of, nullable, query, record, ref
from chalicelib.domain import errors
from chalicelib.domain.errors import Refused

_WHOLE = {"type": "integer", "minimum": 0}
_PAGE = [
    query("limit", {**_WHOLE, "maximum": 1000, "default": 20}, "How many to list."),
    query("offset", {**_WHOLE, "maximum": 10**9, "default": 0}, "How many to pass over."),
]
OK = {200: json_of(record({"detail": {"const": "ok"}}), {"detail": "ok"})}


def body_of(schema: str) -> Content:
    """A body of that schema, with its example."""
    return json_of(ref(schema), EXAMPLES[schema])


def collection(
    path: str, uid: str, *, one: str, schema: str, change: str | None = None, refusals: Sequence[type[Refused]] = ()
) -> dict[str, Operation]:
    """A collection and its members: list, create, read, replace and delete; with the schema of a `change`, what that
    leaves out stays."""
    shown, body, member = {200: json_of(ref(schema))}, body_of(f"{schema}Input"), f"{path}/{{{uid}}}"
    return {
        f"GET {path}": paged(f"List the {one}s", ref(schema)),
        f"POST {path}": Operation(
            summary=f"Add a {one}",
            permission="edit",
            answers={201: json_of(ref(schema))},
            body=body,
            refusals=refusals,
        ),
        f"GET {member}": Operation(summary=f"Read a {one}", permission="browse", answers=shown),
        f"PUT {member}": Operation(
            summary=f"{'Change' if change else 'Replace'} a {one}",
            permission="edit",
            answers=shown,
            body=body_of(change) if change else body,
            refusals=refusals,
        ),
        f"DELETE {member}": Operation(
            summary=f"Delete a {one}", permission="edit", answers={204: {}}, refusals=[errors.ValidationFailed]
        ),
    }


def paged(summary: str, schema: Json, *, permission: str = "browse", also: Sequence[Json] = ()) -> Operation:
    """A list, a page at a time; `also` are its parameters beside `limit` and `offset`."""
    link = nullable({"type": "string"})
    page = record({"total_count": _WHOLE, "next": link, "previous": link, "results": list_of(schema)})
    return Operation(summary=summary, permission=permission, answers={200: json_of(page)}, parameters=[*also, *_PAGE])


def read_and_write(path: str, what: str, schema: str) -> dict[str, Operation]:
    """What is read and written whole."""
    content = {200: json_of(ref(schema))}
    return {
        f"GET {path}": Operation(summary=f"Read {what}", permission="browse", answers=content),
        f"PUT {path}": Operation(summary=f"Write {what}", permission="edit", answers=content, body=body_of(schema)),
    }


def act(*refusals: type[Refused]) -> Operation:
    """Something that is done, and answers that it is."""
    return Operation(permission="publish", answers=OK, refusals=refusals)


def switch(body: Content | None = None) -> Operation:
    """A setting of a resource that acts at once; it answers the resource."""
    return Operation(
        permission="edit",
        answers={200: json_of(ref("Resource"))},
        body=body,
        body_required=False,
    )


def recovering(body: Content | None, *refusals: type[Refused]) -> Operation:
    """Something that is done to the backup of a resource; it answers the resource."""
    return Operation(
        permission="publish",
        answers={200: json_of(ref("Resource"))},
        body=body,
        body_required=False,
        refusals=refusals,
    )
