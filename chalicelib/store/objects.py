"""S3 buckets: file contents, uploaded source files, exports."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import quote

from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.aws import aws_client

_DELETE_BATCH = 1000
_DELETE_TRIES = 3  # S3 may refuse some of a batch
COPY_SECONDS = 60  # until the answer: S3 copies some 100 MB a second, and may say nothing until it has
LINK_SECONDS = 300
UPLOAD_SECONDS = 3600


class ObjectStore:
    """One bucket. The client is made at first use: most pushes never need it."""

    def __init__(self, bucket: str, region: str, connections: int = 10) -> None:
        self._bucket, self._region, self._connections = bucket, region, connections

    @cached_property
    def _client(self) -> Any:
        return self._waiting_for(5)

    @cached_property
    def _patient_client(self) -> Any:
        return self._waiting_for(COPY_SECONDS)

    def _waiting_for(self, seconds: int) -> Any:
        config = Config(
            connect_timeout=2, read_timeout=seconds, retries={"total_max_attempts": 1, "mode": "standard"},
            s3={"addressing_style": "path"}, signature_version="s3v4", max_pool_connections=self._connections,
        )  # fmt: skip
        return aws_client("s3", self._region, config)

    def put(self, key: str, content: bytes, mimetype: str) -> None:
        """Store an object whole."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=mimetype)

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None when there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        content: bytes = answer["Body"].read()
        return content

    def copy(self, key: str, to: str) -> None:
        """Store the object under another key as well; one that is not there is passed over."""
        try:
            self._client.copy_object(Bucket=self._bucket, Key=to, CopySource={"Bucket": self._bucket, "Key": key})
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise

    def open(self, key: str, *, etag: str | None = None) -> Any | None:
        """The object as a stream of bytes to read once, or None when there is none. With an ETag TemporarilyUnavailable
        is raised when it is another object by now."""
        try:
            with _replacement_as_unavailable():
                return self._client.get_object(Bucket=self._bucket, Key=key, **_if_match(etag))["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def head(self, key: str, size: int, *, etag: str | None = None) -> bytes | None:
        """The first bytes of an object, or None when there is none; with an ETag as `open`."""
        try:
            with _replacement_as_unavailable():
                wanted = {"Bucket": self._bucket, "Key": key, "Range": f"bytes=0-{size - 1}", **_if_match(etag)}
                answer = self._client.get_object(**wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":
                return b""  # an empty object has no first byte
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        content: bytes = answer["Body"].read()
        return content

    def etag(self, key: str) -> str | None:
        """What tells the object from others that may be stored under its key, or None when there is none."""
        try:
            etag: str = self._client.head_object(Bucket=self._bucket, Key=key)["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return etag

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        return self.etag(key) is not None

    def listed(self, prefix: str, *, after: str = "", at_once: int = 1000) -> Iterator[tuple[str, int]]:
        """The keys that begin with `prefix` and sort behind `after`, in their order, each with its size in bytes; read
        a page at a time."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": at_once}
        if after:
            request["StartAfter"] = after
        while True:
            page = self._client.list_objects_v2(**request)
            yield from ((entry["Key"], entry["Size"]) for entry in page.get("Contents", ()))
            if not page["IsTruncated"]:
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def folders(self, prefix: str) -> list[str]:
        """What stands between `prefix` and the next slash in the keys that have both; up to 1,000."""
        page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        return [entry["Prefix"].removeprefix(prefix).rstrip("/") for entry in page.get("CommonPrefixes", ())]

    def copy_from(self, bucket: str, key: str, to: str, *, etag: str | None = None, seconds: float = 0.0) -> None:
        """Copy an object of another bucket, within S3; with an ETag as `open`. A large one takes a while: it is
        waited for when there is time, which is `seconds`."""
        client = self._patient_client if seconds > COPY_SECONDS else self._client
        wanted = {"CopySource": {"Bucket": bucket, "Key": key}, **({"CopySourceIfMatch": etag} if etag else {})}
        with _replacement_as_unavailable():
            client.copy_object(Bucket=self._bucket, Key=to, **wanted)

    def upload_form(self, key: str, *, most: int) -> dict[str, Any]:
        """A signed form that uploads one object of at most that many bytes, for an hour: {"url", "fields"}."""
        conditions = [["content-length-range", 1, most]]
        form: dict[str, Any] = self._client.generate_presigned_post(
            Bucket=self._bucket, Key=key, Conditions=conditions, ExpiresIn=UPLOAD_SECONDS
        )
        return form

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand after the other; those that are not there are passed over."""
        names = [{"Key": key} for key in keys]
        for i in range(0, len(names), _DELETE_BATCH):
            self._delete_some(names[i : i + _DELETE_BATCH])

    def _delete_some(self, names: list[dict[str, str]]) -> None:
        errors: list[dict[str, Any]] = []
        for _ in range(_DELETE_TRIES):
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})
            errors = answer.get("Errors", [])
            if not errors:
                return
            names = [{"Key": error["Key"]} for error in errors]
        raise ClientError({"Error": {name: errors[0].get(name, "") for name in ("Code", "Message")}}, "DeleteObjects")

    def keys(self, prefix: str) -> Iterator[list[str]]:
        """The keys that begin so, some at a time. Those of a page may be deleted before the next one is asked for."""
        after: dict[str, str] = {}
        while True:
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **after)
            if found := [entry["Key"] for entry in page.get("Contents", ())]:
                yield found
            if not page["IsTruncated"]:
                return
            after = {"StartAfter": found[-1]}

    def link(self, key: str, *, filename: str, mimetype: str, inline: bool) -> str:
        """A signed URL that downloads the object under this name for five minutes."""
        disposition = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(filename)}"
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": disposition,
            "ResponseContentType": mimetype,
        }
        url: str = self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_SECONDS)
        return url

    def start_upload(self, key: str, mimetype: str) -> "MultipartUpload":
        """Begin an object that is sent in parts."""
        answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=mimetype)
        return MultipartUpload(self._client, self._bucket, key, answer["UploadId"])


class MultipartUpload:
    """An object under way; each part but the last has at least 5 MB."""

    def __init__(self, client: Any, bucket: str, key: str, upload_id: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
        self._parts: list[dict[str, Any]] = []

    def add(self, content: bytes) -> None:
        """Send the next part."""
        number = len(self._parts) + 1
        answer = self._client.upload_part(**self._where, PartNumber=number, Body=content)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    def finish(self) -> None:
        """Make the object of its parts."""
        self._client.complete_multipart_upload(**self._where, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Drop the parts."""
        self._client.abort_multipart_upload(**self._where)


def _if_match(etag: str | None) -> dict[str, str]:
    return {"IfMatch": etag} if etag else {}


@contextmanager
def _replacement_as_unavailable() -> Iterator[None]:
    """When an object has another ETag than it was known by, whoever reads it has to begin anew."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
            raise TemporarilyUnavailable("The file was stored anew while it was read: it is read again.") from error
        raise


def file_key(partition: str, record_id: str, field: str, sha256: str, brought_by: str) -> str:
    """The key of one pushed file. `brought_by`, a batch id or that of one of its parts, keeps two pushes of the same
    content apart: the clean-up after one can never remove what the other has just stored."""
    name = hashlib.sha256(field.encode()).hexdigest()[:16]  # a name may be long, a key has 1,024 bytes
    return f"{partition}/{record_id}/{name}/{sha256}.{brought_by}"


def brought_by(key: str) -> str:
    """The batch, or the part of one, that brought a pushed file."""
    return key.rpartition("/")[2].partition(".")[2]


def record_of(key: str) -> str:
    """The id of the record that a pushed file was brought for."""
    return key.split("/")[1]


def upload_key(dataset_uid: str, upload_id: str) -> str:
    """The key of a file that a device pushes past the limit of a request."""
    return f"{upload_prefix(dataset_uid)}{upload_id}"


def upload_prefix(dataset_uid: str) -> str:
    """What the keys of all uploads of a dataset begin with."""
    return f"uploads/{dataset_uid}/"


def job_key(partition: str, batch_id: str, part: int = 0) -> str:
    """The key of the changes of a job, or of one part of them."""
    return f"{job_prefix(partition)}{batch_id}/{part:05d}.gz"


def job_prefix(partition: str) -> str:
    """What the keys of all jobs of a generation begin with."""
    return f"jobs/{partition}/"
