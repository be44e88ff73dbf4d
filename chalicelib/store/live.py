"""Reading the live state of a dataset: one strongly consistent query, the first AWS call of every push. And the one
mark that runs leave there for pushes."""

from collections import OrderedDict
from typing import Any

import orjson
from botocore.exceptions import ClientError

from chalicelib.domain.live import Configuration, LiveDataset, Switches
from chalicelib.domain.security import DefaultSecurity
from chalicelib.store.catalog.keys import CONFIG, JOB, live_key, live_pk
from chalicelib.store.dynamodb import Deadline, Item, with_retries

_CACHED = 256  # compiled configurations kept per container


class LiveStore:
    """Reads live items. Compiled configurations are kept by dataset uid and version: a version never changes."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table
        self._configurations: OrderedDict[tuple[str, int], Configuration] = OrderedDict()

    def read(self, dataset_id: str, deadline: Deadline) -> LiveDataset | None:
        """The live dataset, or None.

        The query also shows the first pending job (Limit 2: the configuration sorts before every `job#`), if only one
        of a former generation that is yet to be dropped: a dataset that has one takes its pushes through the lane. So
        does one with a publication to come, whose job the query may just have missed: it is no snapshot.
        """
        answer = with_retries(
            lambda: self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": live_pk(dataset_id)}},
                ConsistentRead=True,
                Limit=2,
            ),
            deadline,
        )
        items = answer["Items"]
        if not items or items[0]["sk"]["S"] != CONFIG:
            return None
        has_jobs = len(items) > 1 and items[1]["sk"]["S"].startswith(JOB)
        return self.from_item(items[0], has_jobs=has_jobs or "coming" in items[0])

    def from_item(self, item: Item, *, has_jobs: bool) -> LiveDataset:
        """The live dataset that lies in an item."""
        uid, version = item["dataset_uid"]["S"], int(item["version"]["N"])
        published_version = int(item["published_version"]["N"]) if "published_version" in item else version
        switches = orjson.loads(item["switches"]["S"])
        return LiveDataset(
            dataset_id=item["pk"]["S"].partition("#")[2],
            dataset_uid=uid,
            version=version,
            generation=int(item["generation"]["N"]),
            is_published=item["is_published"]["BOOL"],
            is_restricted=item["is_restricted"]["BOOL"],
            title=item["title"]["S"],
            configuration=self._configuration(uid, published_version, item.get("configuration")) or Configuration(),
            coming=self._configuration(uid, version, item.get("coming")),
            coming_generation=int(item["coming_generation"]["N"]) if "coming_generation" in item else None,
            emptied=int(item["emptied"]["N"]) if "emptied" in item else 0,
            given_up=int(item["given_up"]["N"]) if "given_up" in item else 0,
            refreshed=item["refreshed"]["S"] if "refreshed" in item else None,
            fetching_until=int(item["fetching_until"]["N"]) if "fetching_until" in item else 0,
            switches={resource_id: Switches.from_json(stored) for resource_id, stored in switches.items()},
            seq=int(item["seq"]["N"]) if "seq" in item else 0,
            has_jobs=has_jobs,
            security=DefaultSecurity.from_json(orjson.loads(item["security"]["S"]) if "security" in item else None),
        )

    def note_fetching(self, live: LiveDataset, until: int, deadline: Deadline) -> None:
        """Let pushes know, until this moment (epoch seconds), that files are being fetched. A dataset that is gone has
        no use for it."""
        values = {":until": {"N": str(until)}, ":uid": {"S": live.dataset_uid}}
        self._update(live, "SET fetching_until = :until", "dataset_uid = :uid", values, deadline)

    def forget_fetching(self, live: LiveDataset, until: int, deadline: Deadline) -> None:
        """Take back what `note_fetching` noted, unless somebody has noted another moment since."""
        values = {":until": {"N": str(until)}}
        self._update(live, "REMOVE fetching_until", "fetching_until = :until", values, deadline)

    def _update(self, live: LiveDataset, expression: str, condition: str, values: Item, deadline: Deadline) -> None:
        update = {
            "TableName": self._table,
            "Key": live_key(live.dataset_id),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        try:
            with_retries(lambda: self._client.update_item(**update), deadline)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _configuration(self, uid: str, version: int, stored: Item | None) -> Configuration | None:
        if stored is None or "S" not in stored:
            return None
        key = (uid, version)
        if key not in self._configurations:
            self._configurations[key] = Configuration.from_json(orjson.loads(stored["S"]))
            if len(self._configurations) > _CACHED:
                self._configurations.popitem(last=False)
        return self._configurations[key]
