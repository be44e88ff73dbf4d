"""AWS Signature Version 4 of what is sent to DynamoDB: POSTs of JSON to `/`.

The parts are those of "Create a signed AWS API request" in the IAM user guide. A test compares the signatures with
botocore's own.
"""

import hmac
import time
from hashlib import sha256
from typing import Any

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to one host in one region. Safe to share between threads."""

    def __init__(self, region: str, host: str) -> None:
        self._region, self._host = region, host
        self._derived: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def headers(self, target: str, body: bytes, credentials: Any, at: float) -> dict[str, str]:
        """The headers of a request for `target` at a time (epoch seconds), all of them signed, in lower case;
        `credentials` are frozen ones."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        headers = {"content-type": "application/x-amz-json-1.0", "host": self._host, "x-amz-date": moment}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        headers["x-amz-target"] = target
        names = ";".join(headers)  # they must be sorted, and are
        listed = "".join([f"{name}:{value}\n" for name, value in headers.items()])
        canonical = f"POST\n/\n\n{listed}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._region}/dynamodb/aws4_request"
        to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(moment[:8], credentials.secret_key), to_sign.encode(), "sha256").hex()
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def _key(self, date: str, secret: str) -> bytes:
        """The signing key of a day, derived anew only when the day or the secret changes."""
        known, key = self._derived
        if known != (date, secret):
            key = f"AWS4{secret}".encode()
            for part in (date, self._region, "dynamodb", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = ((date, secret), key)
        return key
