"""Signatures are those of botocore."""

from calendar import timegm
from datetime import datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.signature import Signer

HOST, TARGET = "dynamodb.eu-west-3.amazonaws.com", "DynamoDB_20120810.Query"
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
CREDENTIALS = st.builds(
    ReadOnlyCredentials, access_key=VISIBLE, secret_key=VISIBLE, token=st.none() | VISIBLE, account_id=st.none()
)
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1))


def botocores_authorization(headers: dict[str, str], body: bytes, credentials: ReadOnlyCredentials) -> str:
    """The header by which botocore would sign a request with these headers."""
    auth = SigV4Auth(credentials, "dynamodb", "eu-west-3")
    unsigned = {name: value for name, value in headers.items() if name != "authorization"}
    request = AWSRequest("POST", f"https://{headers['host']}/", headers=unsigned, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    auth._inject_signature_to_request(request, signature)
    return str(request.headers["Authorization"])


@given(st.lists(st.tuples(CREDENTIALS, MOMENTS, st.binary(max_size=300)), min_size=1, max_size=4))
def test_signatures_are_those_that_botocore_makes(
    requests: list[tuple[ReadOnlyCredentials, datetime, bytes]],
) -> None:
    signer = Signer("eu-west-3", HOST)
    for credentials, moment, body in requests:
        headers = signer.headers(TARGET, body, credentials, timegm(moment.timetuple()))
        assert headers["authorization"] == botocores_authorization(headers, body, credentials)
        assert headers["x-amz-date"] == moment.strftime("%Y%m%dT%H%M%SZ")
        assert headers.get("x-amz-security-token") == credentials.token


def test_the_key_changes_with_the_day_and_with_the_secret() -> None:
    signer = Signer("eu-west-3", HOST)
    before_midnight = timegm((2026, 12, 31, 23, 59, 59))
    first, second = (ReadOnlyCredentials("AKID", secret, None, None) for secret in ("one", "two"))
    for at, credentials in [
        (before_midnight, first),
        (before_midnight + 1, first),
        (before_midnight + 1, second),
        (before_midnight, second),
    ]:
        headers = signer.headers(TARGET, b"{}", credentials, at)
        assert headers["authorization"] == botocores_authorization(headers, b"{}", credentials)
