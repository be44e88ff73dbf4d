"""Notices put into words: what each mail says, in whose time, and where it leads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.inactivity import ALERT, RECOVERY, REMINDER
from chalicelib.domain.mail_layout import Letter, Mail, laid_out
from chalicelib.domain.mail_link import CONFIRM as CONFIRMING
from chalicelib.domain.mail_link import EVERYTHING, UNSUBSCRIBE, MailLink
from chalicelib.domain.notice import CONFIRM, FAILING, HELD_BACK, PAUSED, REPORT, Notice
from chalicelib.domain.paris_time import paris

MAX_LISTED = 100
_TAGGED = 20  # datasets of a mail whose failing is shown in their activity
_CHECKS = (
    "Is the device or program on, and connected?",
    "Does it push to the push URL that the source's page shows? A key that was renewed is refused.",
    "Were its last pushes refused? The dataset's activity says why.",
)


@dataclass(frozen=True, kw_only=True)
class Signer:
    """What signs the links in mails: a secret of the deployment, and its id."""

    secret: str
    key_id: str

    def url(self, base_url: str, link: MailLink) -> str:
        """The address that the link stands for."""
        return f"{base_url}/mail/{link.purpose}?token={link.token(self.secret, self.key_id)}"


def mail_of(notice: Notice, to: str, signer: Signer) -> Mail:
    """The mail of one notice to one recipient."""
    letter = _LETTERS[notice.kind](notice, _Links(notice, to, signer))
    return laid_out(letter, to, _tags([notice]))


def digest_of(notices: Sequence[Notice], to: str, signer: Signer) -> Mail:
    """One mail to a recipient of many notices about resources at once."""
    titles = {
        ALERT: "No data received",
        REMINDER: "Still no data received",
        RECOVERY: "Receiving data again",
    }
    lists = [
        (f"{title} ({len(lines)})", _bounded(lines))
        for kind, title in titles.items()
        if (lines := [_line(notice) for notice in notices if notice.kind == kind])
    ]
    silent = sum(notice.kind != RECOVERY for notice in notices)
    headline = f"{silent} sources have become silent" if silent else f"{len(notices)} sources receive data again"
    base_url = notices[0].base_url
    link = MailLink(purpose=UNSUBSCRIBE, scope=EVERYTHING, address=to)
    letter = Letter(
        headline=headline,
        lists=lists,
        steps=_CHECKS if silent else (),
        link=("All sources", f"{base_url}/console/"),
        reason="You get this mail since you are a recipient of these sources' alerts.",
        unsubscribe=signer.url(base_url, link),
    )
    return laid_out(letter, to, _tags(notices))


def report_line(facts: Mapping[str, Any]) -> str:
    """What a report says of a silent resource."""
    return f"{facts['dataset_id']} / {facts['title']}: no data received since {iso(facts['outage_since'])}"


def iso(moment: int) -> str:
    """A moment (epoch milliseconds) as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(moment // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spoken_duration(milliseconds: int) -> str:
    """A length of time as one says it: its two largest units."""
    seconds = milliseconds // 1000
    units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)]
    parts = []
    for name, size in units:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {name}{'s' if number > 1 else ''}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 seconds"


class _Links:
    """The addresses that a mail leads to."""

    def __init__(self, notice: Notice, to: str, signer: Signer) -> None:
        self._notice, self._to, self._signer = notice, to, signer

    @property
    def source_page(self) -> str:
        """The page of the resource, or of the dataset."""
        facts = self._notice.facts
        page = f"{self._notice.base_url}/console/datasets/{facts['dataset_uid']}"
        return f"{page}/resources/{facts['resource_uid']}" if "resource_uid" in facts else page

    @property
    def unsubscribe(self) -> str:
        """Where the recipient ends these mails."""
        return self._link(UNSUBSCRIBE)

    @property
    def confirm(self) -> str:
        """Where the recipient says that they want them."""
        return self._link(CONFIRMING)

    def _link(self, purpose: str) -> str:
        link = MailLink(purpose=purpose, scope=self._notice.scope, address=self._to)
        return self._signer.url(self._notice.base_url, link)


def _alert(notice: Notice, links: _Links) -> Letter:
    facts = notice.facts
    still = "Still no" if notice.kind == REMINDER else "No"
    return Letter(
        headline=f"{still} data received since {iso(facts['outage_since'])}: {_name(facts)}",
        facts=[
            ("Dataset", facts["dataset_id"]),
            ("Source", facts["title"]),
            (f"{still} data received since", _both_times(facts["outage_since"])),
            ("That is", f"{spoken_duration(notice.created_at - facts['outage_since'])} ago"),
            ("Threshold", spoken_duration(facts["threshold"])),
        ],
        steps=_CHECKS,
        link=("The source's page", links.source_page),
        reason=_WHY_ALERT,
        unsubscribe=links.unsubscribe,
    )


def _recovery(notice: Notice, links: _Links) -> Letter:
    facts = notice.facts
    return Letter(
        headline=f"Receiving data again: {_name(facts)}",
        facts=[
            ("Dataset", facts["dataset_id"]),
            ("Source", facts["title"]),
            ("Data received again at", _both_times(facts["heard_at"])),
            ("Nothing was received since", _both_times(facts["outage_since"])),
            ("The outage lasted", spoken_duration(facts["heard_at"] - facts["outage_since"])),
        ],
        link=("The source's page", links.source_page),
        reason=_WHY_ALERT,
        unsubscribe=links.unsubscribe,
    )


def _confirmation(notice: Notice, links: _Links) -> Letter:
    facts = notice.facts
    return Letter(
        headline=f"{_name(facts)}: do you want its inactivity alerts?",
        facts=[("Dataset", facts["dataset_id"]), ("Source", facts["title"])],
        steps=[
            "Somebody who edits this dataset wants you to get a mail when this source receives no data. "
            "Follow the link below to agree.",
            "If you do not want that, do nothing: you will get no mail.",
        ],
        link=("Yes, I want these mails", links.confirm),
        unsubscribe=links.unsubscribe,
    )


def _schedule(notice: Notice, links: _Links) -> Letter:
    facts = notice.facts
    headline, steps = _OF_SCHEDULES[notice.kind]
    return Letter(
        headline=f"{facts['dataset_id']}: {headline}",
        facts=[
            ("Dataset", facts["dataset_id"]),
            ("Reason", facts["reason"]),
            ("At", _both_times(notice.created_at)),
        ],
        steps=steps,
        link=("The dataset's page", links.source_page),
        reason="You get this mail since the schedule was made with your API key.",
        unsubscribe=links.unsubscribe,
    )


def _report(notice: Notice, links: _Links) -> Letter:
    facts = notice.facts
    parts = [("Silent sources", facts["silent"]), ("Failed runs since yesterday at 09:00", facts["failed_runs"])]
    lists = [(f"{title} ({len(lines)})", _bounded(lines)) for title, lines in parts if lines]
    return Letter(
        headline=f"Daily report of {facts['day']}: {len(facts['silent'])} silent, {len(facts['failed_runs'])} failed",
        lists=lists,
        link=("All datasets", f"{notice.base_url}/console/"),
        reason="You get this report, at 09:00 in Paris, on days on which there is something to report.",
        unsubscribe=links.unsubscribe,
    )


def _line(notice: Notice) -> str:
    facts = notice.facts
    if notice.kind != RECOVERY:
        return report_line(facts)
    lasted = spoken_duration(facts["heard_at"] - facts["outage_since"])
    return f"{facts['dataset_id']} / {facts['title']}: after {lasted}"


def _bounded(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MAX_LISTED
    return [*lines[:MAX_LISTED], f"and {more} more"] if more > 0 else list(lines)


def _name(facts: Mapping[str, Any]) -> str:
    return f"{facts['dataset_id']} / {facts['title']}"


def _both_times(moment: int) -> str:
    local = datetime.fromtimestamp(moment // 1000, UTC).astimezone(paris())
    return f"{iso(moment)} ({local.strftime('%d/%m/%Y %H:%M:%S')} in Paris)"


def _tags(notices: Sequence[Notice]) -> dict[str, str]:
    datasets = dict.fromkeys(n.facts["dataset_uid"] for n in notices if "dataset_uid" in n.facts)
    return {"datasets": ".".join(list(datasets)[:_TAGGED])} if datasets else {}


_WHY_ALERT = "You get this mail since you are a recipient of this source's inactivity alert."
_OF_SCHEDULES: Mapping[str, tuple[str, Sequence[str]]] = {
    FAILING: (
        "its scheduled refresh fails",
        ["See the last runs on the dataset's page.", "The records are as the last good run left them."],
    ),
    PAUSED: (
        "its schedule was paused",
        ["Mend what made it fail, run it once by hand, then resume the schedule."],
    ),
    HELD_BACK: (
        "a refresh is held back",
        [
            "Look at what was fetched: it differs more from the published records than is likely.",
            "Accept or refuse it.",
        ],
    ),
}
_LETTERS: Mapping[str, Callable[[Notice, _Links], Letter]] = {
    ALERT: _alert,
    REMINDER: _alert,
    RECOVERY: _recovery,
    CONFIRM: _confirmation,
    REPORT: _report,
    **dict.fromkeys(_OF_SCHEDULES, _schedule),
}
