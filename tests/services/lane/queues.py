"""What tests look at in the buckets that the lane fills, and a clock for those who wait."""

from chalicelib.store.objects import ObjectStore


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def keys_in(bucket: ObjectStore, dataset_uid: str) -> list[str]:
    """The keys of a bucket's objects that belong to a dataset."""
    listed = bucket._client.list_objects_v2(Bucket=bucket._bucket).get("Contents", [])
    return [entry["Key"] for entry in listed if dataset_uid in entry["Key"]]
