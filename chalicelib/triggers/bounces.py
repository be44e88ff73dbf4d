"""What became of mails: SES tells, through EventBridge, of those that bounced and of complaints."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib import wiring
from chalicelib.domain.mail_address import is_address, normalized_address
from chalicelib.services.alerts.recipients import stop_mails
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.recipients import BOUNCED, COMPLAINED
from chalicelib.store.stores import Stores
from chalicelib.telemetry import count, logger

MAX_SECONDS = 20.0


def on_mail_event(event: Mapping[str, Any]) -> None:
    """Take one event of SES (the whole EventBridge event)."""
    take(wiring.stores(), event["detail"], datetime.now(UTC), Deadline(MAX_SECONDS))


def take(stores: Stores, detail: Mapping[str, Any], now: datetime, deadline: Deadline) -> None:
    """Stop mails to addresses that bounced for good, or complained. A mailbox that is full gets the next one."""
    match detail:
        case {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": recipients}}:
            cause = BOUNCED
        case {"eventType": "Complaint", "complaint": {"complainedRecipients": recipients}}:
            cause = COMPLAINED
        case _:
            return
    given = [recipient.get("emailAddress", "") for recipient in recipients]
    addresses = [normalized_address(address) for address in given if is_address(address)]
    tagged: list[str] = detail["mail"].get("tags", {}).get("datasets", [])
    datasets = [uid for value in tagged for uid in value.split(".")]
    stop_mails(stores, addresses, datasets, cause=cause, now=now, deadline=deadline)
    logger.warning("no more mails to an address", extra={"action": "mail", "cause": cause, "count": len(addresses)})
    count({"AddressesStopped": len(addresses)})
