"""The daily report: at 09:00 in Paris, to each whom it concerns, what is silent and which runs have failed since the
report of the day before. On a day without either there is none."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.domain.mails import iso, report_line
from chalicelib.domain.notice import REPORT, Notice
from chalicelib.domain.paris_time import instant_of, paris, wall_time
from chalicelib.services.alerts.checks import facts_of, silent_resources
from chalicelib.services.alerts.recipients import reachable
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

REPORTED_AT = 9 * 60  # minutes after midnight
SCOPE = "report"
MAX_LINES = 500  # of each list: the notice is an item of 400 KB at the most


@dataclass(kw_only=True)
class _Draft:
    base_url: str
    silent: list[str]
    failed_runs: list[str]


def report_due(now: datetime, last: date | None) -> date | None:
    """The day whose report is due, None when it was made, or it is not 09:00 yet. The days of the changes of the clocks
    are as any other."""
    today = now.astimezone(paris()).date()
    return today if last != today and (last is None or last < today) and now >= _nine_on(today) else None


def note_failed_run(
    stores: Stores,
    *,
    dataset_uid: str,
    dataset_id: str,
    reason: str,
    owner: str | None,
    base_url: str,
    now: datetime,
    deadline: Deadline,
) -> None:
    """Keep a failed run for the next report to its owner. Noting it again changes nothing."""
    moment = int(now.timestamp() * 1000)
    entry = {"dataset_id": dataset_id, "reason": reason, "owner": owner, "base_url": base_url, "at": moment}
    write = stores.activity.note(_FAILED_RUNS, f"{moment:013d}#{dataset_uid}", entry, now)
    stores.activity.put(write, deadline)


def make_report(stores: Stores, day: date, now: datetime, deadline: Deadline) -> int:
    """Put the report of a day into the outbox, a notice for each recipient; how many. After a crash it is made again,
    and the notices that are there stay."""
    drafts: dict[str, _Draft] = {}
    _add_silent(stores, drafts, now, deadline)
    _add_failed_runs(stores, drafts, day, deadline)
    for address, draft in drafts.items():
        stores.outbox.put(_notice(address, draft, day, now), int(now.timestamp()), deadline)
    stores.tick_mark.note_report(day, deadline)
    return len(drafts)


def _add_silent(stores: Stores, drafts: dict[str, _Draft], now: datetime, deadline: Deadline) -> None:
    silent = silent_resources(stores, deadline)
    notices = [
        Notice(
            id=one.resource_uid,
            kind=REPORT,
            scope=one.resource_uid,
            created_at=int(now.timestamp() * 1000),
            base_url=one.base_url,
            owner=one.owner,
            recipients=one.recipients,
            facts=facts_of(one),
        )
        for one in silent
    ]
    told = reachable(stores, notices, deadline)
    for notice in notices:
        for address in told[notice.id]:
            drafts.setdefault(address, _Draft(base_url=notice.base_url, silent=[], failed_runs=[])).silent.append(
                report_line(notice.facts)
            )


def _add_failed_runs(stores: Stores, drafts: dict[str, _Draft], day: date, deadline: Deadline) -> None:
    begin, end = _nine_on(day - timedelta(days=1)), _nine_on(day)
    for run in stores.activity.entries(_FAILED_RUNS, _key_of(begin), _key_of(end), deadline):
        if run["owner"]:
            draft = drafts.setdefault(run["owner"], _Draft(base_url=run["base_url"], silent=[], failed_runs=[]))
            draft.failed_runs.append(f"{iso(run['at'])} {run['dataset_id']}: {run['reason']}")


def _notice(address: str, draft: _Draft, day: date, now: datetime) -> Notice:
    return Notice(
        id=f"{REPORT}-{day.isoformat()}-{hashlib.sha256(address.encode()).hexdigest()[:16]}",
        kind=REPORT,
        scope=SCOPE,
        created_at=int(now.timestamp() * 1000),
        base_url=draft.base_url,
        owner=address,
        facts={
            "day": day.isoformat(),
            "silent": draft.silent[:MAX_LINES],
            "failed_runs": draft.failed_runs[:MAX_LINES],
        },
    )


def _nine_on(day: date) -> datetime:
    instant = instant_of(wall_time(day, REPORTED_AT))
    if instant is None:  # the clocks skip it on no day: they change at night
        raise ValueError(day)
    return instant


def _key_of(moment: datetime) -> str:
    return f"{int(moment.timestamp() * 1000):013d}"


_FAILED_RUNS = "failed-runs"
