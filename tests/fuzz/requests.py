"""Requests whose path, method, query and headers are not what they should be."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from tests.fuzz import management_bodies
from tests.fuzz.bodies import bodies
from tests.fuzz.gateway import HttpRequest
from tests.fuzz.values import texts

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
any_method = st.sampled_from(METHODS)
_ODD_IDS = (
    *("..", "../..", "../../etc/passwd", "....//", ".", "%2e%2e", "a/../b", "live#every-type", "every-type#config"),
    *("EVERY-TYPE", "every-type ", "every-type\x00", "every‐type", "évery-type", "٠", "💥", "a" * 5000, "-", "_", "*"),
    *(
        "batch#0",
        "realtime",
        "every-type",
        "no-key",
        "not-published",
        "0" * 40,
        "f" * 40,
        "g" * 40,
        "0" * 28,
        "da_000000",
    ),
    *(
        "{dataset_id}",
        "${jndi:ldap://x}",
        "' OR 1=1 --",
        "<script>",
        "null",
        "None",
        "undefined",
        "0",
        "-1",
        "\r\nX: y",
    ),
)
ids = st.one_of(
    st.sampled_from(_ODD_IDS).map(lambda text: quote(text, safe="")),
    texts.filter(bool).map(lambda text: quote(text, safe="")),
    st.binary(min_size=1, max_size=10).map(lambda raw: quote_from_bytes(raw, safe="")),
)
values = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                " ",
                ",",
                ";",
                ";;q=",
                '"',
                "\x00",
                "é",
                "\ud800",
                "a" * 20_000,
                "*/*",
                "application/json",
                "text/html",
            ),
            *(
                "application/x-ndjson",
                "application/x-ndjson; charset=utf-16",
                "multipart/form-data",
                "gzip",
                "br",
                "identity",
            ),
            *(
                "multipart/form-data; boundary=x",
                "multipart/form-data; boundary=",
                "multipart/form-data; boundary=\u00e9",
            ),
            *(
                "return=representation",
                'Return = "representation" ; a=b, handling=lenient',
                "return=minimal",
                "respond-async",
            ),
            *("Pushkey ", "Pushkey x", "Apikey ", "apikey x", "Basic Og==", "Bearer x", "Pushkey", "APIKEY\tx"),
            *("0" * 56, "F" * 56, "f" * 55, "g" * 56, "١" * 56, "0" * 57),
        ]
    ),
    texts,
    st.text(max_size=20),
)
NAMES = (
    "Prefer",
    "Authorization",
    "X-Push-Key",
    "Content-Type",
    "Content-Encoding",
    "Accept",
    "Host",
    "X-Forwarded-Proto",
)
headers = st.dictionaries(
    st.sampled_from(NAMES) | st.sampled_from([name.lower() for name in NAMES]), values, max_size=4
)
_parameter_names = st.sampled_from(
    ["pushkey", "apikey", "limit", "offset", "dataset_id", "PUSHKEY", "pushkey[]", "order_by", "__class__", ""]
)


def _query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='', errors='replace')}" for name, value in pairs)


queries = st.one_of(
    st.lists(st.tuples(_parameter_names, values), max_size=3).map(_query),
    st.sampled_from(
        ["?", "&&&", "pushkey", "pushkey=&pushkey=", "%", "%zz=%00", "a=b=c", "pushkey=%ff%fe", "limit=-1"]
    ),
)
_PUSH_PATHS = (
    "/push/1.0/{}/{}/push",
    "/push/1.0/{}/{}/delete",
    "/push/1.0/{}/{}/{}/delete",
    "/push/1.0/{}/{}/batches/{}",
    "/health",
)
_DATASETS = "/automation/v1.0/datasets"
_DATASET, _RESOURCE = f"{_DATASETS}/{{dataset}}", f"{_DATASETS}/{{dataset}}/resources/{{resource}}"
_Bodies = st.SearchStrategy[bytes]
_MANAGEMENT_PATHS: Mapping[str, tuple[str, _Bodies]] = {  # the methods they take, and bodies that may fit
    _DATASETS: ("GET POST", management_bodies.titles),
    _DATASET: ("GET PUT PUT PUT DELETE", management_bodies.titles),
    f"{_DATASET}/status": ("GET", st.just(b"")),
    **{f"{_DATASET}/{action}": ("POST", st.just(b"")) for action in ("publish", "unpublish")},
    f"{_DATASET}/fields": ("GET POST POST POST", management_bodies.configurations),
    f"{_DATASET}/fields/{{field}}": ("GET PUT PUT PUT DELETE", management_bodies.configurations),
    f"{_DATASET}/resources": ("GET POST POST POST", management_bodies.resources),
    f"{_DATASET}/resources/files": ("POST", management_bodies.forms),
    _RESOURCE: ("GET PUT PUT PUT DELETE", management_bodies.resources),
    **{
        f"{_RESOURCE}/{action}": ("POST", management_bodies.overlaps)
        for action in ("enable", "disable", "renew_api_key")
    },
}


def _path(template: str, parts: Sequence[str], slash: str, query: str) -> str:
    filled = template.format(*parts) if parts else template
    return f"{filled}{slash}{'?' if query else ''}{query}"


def _paths(
    templates: tuple[str, ...], known: st.SearchStrategy[str], query: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    parts = st.lists(known | ids, min_size=3, max_size=3)
    return st.builds(_path, st.sampled_from(templates), parts, st.sampled_from(["", "/"]), query)


def stray_requests() -> st.SearchStrategy[HttpRequest]:
    """Requests to the push API without its key."""
    known = st.sampled_from(["every-type", "realtime", "no-key"])
    return _requests(_paths(_PUSH_PATHS, known, queries), headers)


def management_requests(known_ids: Mapping[str, str], api_keys: Sequence[str]) -> st.SearchStrategy[HttpRequest]:
    """Requests to the management API, most of them with a key, an id that exists, and a body that nearly fits."""
    keyed = st.sampled_from(api_keys).flatmap(
        lambda key: headers.map(lambda given: {**given, "Authorization": f"Apikey {key}"})
    )
    plain = st.sampled_from(api_keys).map(lambda key: {"Authorization": f"Apikey {key}"})
    form = st.just({"Content-Type": "multipart/form-data; boundary=x", "Authorization": f"Apikey {api_keys[0]}"})

    def to(template: str) -> st.SearchStrategy[HttpRequest]:
        exact = st.just(template.format(**known_ids))
        odd = st.fixed_dictionaries(dict.fromkeys(known_ids, ids)).map(lambda chosen: template.format(**chosen))
        query = st.just("") | queries
        paths = st.builds(_path, st.one_of(exact, exact, exact, odd), st.just([]), st.sampled_from(["", "/"]), query)
        methods, fitting = _MANAGEMENT_PATHS[template]
        right = st.sampled_from(methods.split())
        return _requests(
            paths,
            form if template.endswith("/files") else st.one_of(plain, plain, keyed, headers),
            st.one_of(fitting, fitting, fitting, bodies),
            st.one_of(right, right, right, any_method),
        )

    return st.sampled_from(sorted(_MANAGEMENT_PATHS)).flatmap(to)


def _requests(
    paths: st.SearchStrategy[str],
    given_headers: st.SearchStrategy[dict[str, str]],
    given_bodies: st.SearchStrategy[bytes] = bodies,
    methods: st.SearchStrategy[str] = any_method,
) -> st.SearchStrategy[HttpRequest]:
    return st.builds(
        HttpRequest,
        method=methods,
        path=paths,
        headers=given_headers,
        body=st.one_of(given_bodies, given_bodies, given_bodies, st.none() | st.text(max_size=20)),
        as_base64=st.booleans(),
    )
