"""Who takes mails: what people confirmed, ended, or lost by their address's bouncing.

Key: pk = `recipient#{address}`; sk = the scope of the notices (see `domain/notice.py`), or `*` for all of them.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.mail_link import EVERYTHING
from chalicelib.store.dynamodb import Deadline, Item, is_failed_condition, with_retries

WAITING, CONFIRMED, UNSUBSCRIBED = "waiting", "confirmed", "unsubscribed"
BOUNCED, COMPLAINED = "bounced", "complained"
WAITING_SECONDS = 30 * 86_400  # for a confirmation; the same address is not asked again before
_READ_AT_ONCE = 100
Consent = tuple[str, str]  # address and scope


class RecipientStore:
    """Keeps what is known of recipients."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def states(self, consents: Iterable[Consent], deadline: Deadline) -> Mapping[Consent, str]:
        """What is known of these addresses in these scopes, and of the addresses as a whole, read strongly."""
        wanted = dict.fromkeys(c for address, scope in consents for c in ((address, EVERYTHING), (address, scope)))
        keys = [_key(*consent) for consent in wanted]
        states: dict[Consent, str] = {}
        for start in range(0, len(keys), _READ_AT_ONCE):
            left, attempt = keys[start : start + _READ_AT_ONCE], 0
            while left:
                asked = {self._table: {"Keys": left, "ConsistentRead": True}}
                answer = with_retries(partial(self._client.batch_get_item, RequestItems=asked), deadline)
                for item in answer["Responses"].get(self._table, ()):
                    states[item["pk"]["S"].partition("#")[2], item["sk"]["S"]] = item["state"]["S"]
                left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if left:
                    deadline.pause(attempt)
                    attempt += 1
        return states

    def note(self, address: str, scope: str, state: str, now: int, deadline: Deadline) -> None:
        """Keep a decision of the recipient's, or that the address does not work."""
        item = {**_key(address, scope), "state": {"S": state}, "noted_at": {"N": str(now)}}
        with_retries(partial(self._client.put_item, TableName=self._table, Item=item), deadline)

    def ask(self, address: str, scope: str, now: int, deadline: Deadline) -> bool:
        """Keep that the address is asked whether it wants these mails; False when something is known of it already."""
        item = {
            **_key(address, scope),
            "state": {"S": WAITING},
            "noted_at": {"N": str(now)},
            "expires_at": {"N": str(now + WAITING_SECONDS)},
        }
        put = partial(
            self._client.put_item,
            TableName=self._table,
            Item=item,
            ConditionExpression="attribute_not_exists(pk) OR (#state = :waiting AND expires_at < :now)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":waiting": {"S": WAITING}, ":now": {"N": str(now)}},
        )
        try:
            with_retries(put, deadline)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True

    def forget(self, address: str, scope: str, deadline: Deadline) -> None:
        """Forget what is known of an address in a scope."""
        with_retries(partial(self._client.delete_item, TableName=self._table, Key=_key(address, scope)), deadline)


def _key(address: str, scope: str) -> Item:
    return {"pk": {"S": f"recipient#{address}"}, "sk": {"S": scope}}
