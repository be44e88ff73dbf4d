"""Whatever is sent: never a 5xx, a refusal changes nothing, and an accepted request does what a plain model says.

The profile decides how many requests there are: ten times its examples, that is 2,000 in the ordinary run and 20,000
with `--hypothesis-profile=long`. The last test proves it.
"""

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chalicelib.api.errors import STATUSES
from chalicelib.domain.errors import InvalidPayload, Refused
from chalicelib.domain.payload import MAX_BYTES, parse_payload
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.domain.record import Preparer
from chalicelib.services.push.admission import PushTarget
from tests.fuzz import bodies, requests
from tests.fuzz.gateway import HttpRequest
from tests.fuzz.model import after_delete, after_push, as_records, place_of, record_id
from tests.fuzz.values import BAD, GOOD
from tests.fuzz.world import NULL, TYPES, Answer, World

PROFILE = settings.get_current_profile_name()
EXAMPLES = settings.default.max_examples if settings.default else 0
REQUESTS = 10 * EXAMPLES  # 2,000 in the ordinary run, 20,000 in the long one
ran: set[str] = set()

numbers = st.integers(0, 12)
stations = st.sampled_from(["a", "ñ", "\u0000", '"', "💧", "x" * 300])
keys = st.fixed_dictionaries({"station": stations, "number": numbers})
good_parts = st.fixed_dictionaries(
    {}, optional={name: GOOD[kind] for name, kind in TYPES.items() if name not in ("station", "number")}
)
bad_parts = st.sampled_from(sorted(BAD.keys() & set(TYPES.values()))).flatmap(
    lambda kind: st.tuples(st.sampled_from([name for name, k in TYPES.items() if k == kind]), BAD[kind])
)
pairs = st.tuples(keys, good_parts)
media_types = st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "text/plain", "a b;;c"])


def share(part: float) -> settings:
    """This test's part of all generated requests."""
    # Shrinking a request that leaves its mark on the world takes minutes, and these are small to begin with.
    return settings(max_examples=round(REQUESTS * part), phases=[Phase.explicit, Phase.generate])


def a_push(target: PushTarget, body: Any, action: str = "push", method: str = "POST", **headers: str) -> HttpRequest:
    """A request with the key of its target."""
    path = f"/push/1.0/{target.dataset_id}/{target.resource_id}/{action}?pushkey={target.push_key}"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(
        method=method,
        path=path,
        body=content,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
        as_base64=True,
    )


def sent(world: World, request: HttpRequest) -> Answer:
    """The answer to a request that the application has a route for."""
    answer = world.send(request)
    assert answer is not None
    return answer


def pushed(drawn: tuple[dict[str, Any], dict[str, tuple[Any, Any]]]) -> dict[str, Any]:
    """The record as it is pushed."""
    key, parts = drawn
    return {**key, **{name: raw for name, (raw, _) in parts.items()}}


def stored(drawn: tuple[dict[str, Any], dict[str, tuple[Any, Any]]]) -> dict[str, Any]:
    """The record as it must be stored, nulls as None."""
    key, parts = drawn
    return {**key, **{name: value for name, (_, value) in parts.items()}}


@share(0.25)
@given(drawn=st.lists(pairs, max_size=5), media_type=media_types, compressed=st.booleans())
def test_a_good_payload_leaves_exactly_its_records(world: World, drawn: Any, media_type: str, compressed: bool) -> None:
    ran.add("good")
    body = json.dumps([pushed(pair) for pair in drawn]).encode()
    answer = sent(world, a_push(world.keyed, bodies.gzipped(body) if compressed else body, Content_Type=media_type))
    assert (answer.status, answer.body) == (200, {"status": "OK"}), answer.body
    expected = after_push(as_records(answer.before), world.partition(world.keyed), [stored(pair) for pair in drawn])
    assert as_records(answer.after) == expected
    assert [sk.partition("#")[0] for sk in answer.activity if sk != "modified"] == ["batch"]
    assert world.stored_files() == {key for record in answer.after.values() for key in record.files}


@share(0.15)
@given(drawn=st.lists(pairs, max_size=3), spoilt=pairs, bad=bad_parts, place=st.integers(0, 3), lenient=st.booleans())
def test_a_bad_value_refuses_the_whole_payload_or_its_record(
    world: World, drawn: Any, spoilt: Any, bad: tuple[str, Any], place: int, lenient: bool
) -> None:
    ran.add("bad")
    name, value = bad
    records = [pushed(pair) for pair in drawn]
    at = min(place, len(records))
    records.insert(at, {**pushed(spoilt), name: value})
    answer = sent(world, a_push(world.keyed, records, Prefer="handling=lenient" if lenient else ""))
    if not lenient:
        assert answer.status == 400
        assert [(d["index"], d["field"]) for d in answer.body["details"]] == [(at, name)], (name, value)
        return
    assert (answer.status, answer.body["rejected"]) == (200, 1), (name, value)
    expected = after_push(as_records(answer.before), world.partition(world.keyed), [stored(pair) for pair in drawn])
    assert as_records(answer.after) == expected


@share(0.1)
@given(
    drawn=st.lists(keys, min_size=1, max_size=3),
    by_id=st.booleans(),
    other=requests.ids,
    method=st.sampled_from(["POST", "DELETE", "GET"]),
)
def test_a_delete_takes_exactly_the_records_it_names(
    world: World, drawn: list[dict[str, Any]], by_id: bool, other: str, method: str
) -> None:
    ran.add("delete")
    partition = world.partition(world.keyed)
    named = [record_id({**key, "number": int(key["number"])}) for key in drawn]
    sent(world, a_push(world.keyed, drawn[:1]))
    if by_id:
        for identifier in (named[0], other):
            answer = sent(world, a_push(world.keyed, b"", f"{identifier}/delete", method))
            assert answer.status == 200
            assert as_records(answer.after) == after_delete(as_records(answer.before), partition, [identifier])
    else:
        answer = sent(world, a_push(world.keyed, drawn, "delete", method))
        if method == "GET":
            assert (answer.status, answer.headers["allow"]) == (405, "POST, DELETE")
            return
        assert answer.status == 200
        assert as_records(answer.after) == after_delete(as_records(answer.before), partition, named)


@share(0.3)
@given(
    target=st.sampled_from(["keyed", "keyless", "refusing", "unpublished"]),
    body=bodies.bodies,
    is_delete=st.booleans(),
    media_type=media_types | st.sampled_from(["application/x-ndjson", "application/jsonl; charset=utf-8"]),
    prefer=requests.values | st.just("handling=lenient"),
)
def test_any_body_does_what_the_rules_of_records_say(
    world: World, target: str, body: bytes, is_delete: bool, media_type: str, prefer: str
) -> None:
    ran.add("bodies")
    where: PushTarget = getattr(world, target)
    request = a_push(where, body, "delete" if is_delete else "push", Content_Type=media_type, Prefer=prefer)
    answer = sent(world, request)
    if target == "unpublished":
        assert answer.body["error_code"] == "dataset_not_published"
        return
    lenient = "preference-applied" in answer.headers and "lenient" in answer.headers["preference-applied"]
    try:
        prepared = _prepared(world, target, body, media_type, is_delete=is_delete)
    except Refused as refusal:
        assert (answer.status, answer.body["error_code"]) == (STATUSES[type(refusal)], refusal.code)
        return
    if prepared.refusals and not lenient:
        assert (answer.status, answer.body["error_code"]) == (400, "invalid_record")
        return
    assert answer.status == 200, answer.body
    partition = world.partition(where)
    expected = as_records(answer.before)
    if is_delete:
        expected = after_delete(expected, partition, prepared.ids)
    else:
        expected |= {place_of(partition, i): json.loads(record.text) for i, record in prepared.records.items()}
    assert as_records(answer.after) == expected


def _prepared(world: World, target: str, body: bytes, media_type: str, *, is_delete: bool) -> PreparedPayload:
    schema = world.schema if target != "keyless" else world.keyless_schema
    preparer = Preparer(schema, null_values=[NULL], refuse_unknown=target == "refusing")
    payload = parse_payload(body, media_type)
    if is_delete and payload.objects == [{}]:
        raise InvalidPayload
    return preparer.identify(payload) if is_delete else preparer.prepare(payload)


@share(0.2)
@given(request=requests.stray_requests())
def test_a_request_without_its_key_is_refused(world: World, request: HttpRequest) -> None:
    ran.add("stray")
    answer = world.send(request)
    if answer is not None and not request.path.startswith("/health"):
        assert answer.status in (400, 401, 405, 413), answer.body


@share(0.2)
@given(data=st.data())
def test_a_management_request_never_touches_records_it_does_not_own(world: World, data: st.DataObject) -> None:
    ran.add("management")
    request = data.draw(requests.management_requests(world.managed_ids(), world.api_keys))
    answer = world.send(request)
    if answer is not None:
        assert answer.after == answer.before


@pytest.mark.parametrize(("size", "status"), [(MAX_BYTES - 1, 200), (MAX_BYTES, 200), (MAX_BYTES + 1, 413)])
@pytest.mark.parametrize("as_base64", [True, False])
def test_the_size_limit_is_kept_to_the_byte(world: World, size: int, status: int, as_base64: bool) -> None:
    path = a_push(world.keyed, b"").path
    answer = sent(world, HttpRequest(method="POST", path=path, body=bodies.of_size(size), as_base64=as_base64))
    assert answer.status == status


@pytest.mark.parametrize("depth", [31, 32, 33, 1000, 100_000, 500_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_refused_beyond_32_levels(world: World, depth: int, opening: str) -> None:
    value = opening * depth + "1" + ("]" if opening == "[" else "}") * depth
    body = f'{{"station": "deep", "number": 1, "extra": {value}}}'.encode()
    answer = sent(world, a_push(world.keyed, body))
    assert answer.status == (200 if depth < 32 else 400)


GENERATING = {
    test_a_good_payload_leaves_exactly_its_records: "good",
    test_a_bad_value_refuses_the_whole_payload_or_its_record: "bad",
    test_a_delete_takes_exactly_the_records_it_names: "delete",
    test_any_body_does_what_the_rules_of_records_say: "bodies",
    test_a_request_without_its_key_is_refused: "stray",
    test_a_management_request_never_touches_records_it_does_not_own: "management",
}


def test_as_many_requests_were_generated_as_the_profile_promises(world: World, request: pytest.FixtureRequest) -> None:
    selected = {item.obj for item in request.session.items if isinstance(item, pytest.Function)}
    if not selected.issuperset(GENERATING):
        pytest.skip("not all of the generating tests were selected")
    assert ran == set(GENERATING.values()), "they run in one process: see conftest.py"
    assert world.sent.total() >= REQUESTS
    assert {200, 400, 401, 403, 404, 405, 409, 413} <= world.sent.keys()
    assert {"ci": 2_000, "long": 20_000}[PROFILE] == REQUESTS
