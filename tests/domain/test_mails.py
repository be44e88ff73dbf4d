"""What mails say, and what cannot be got into them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.mail_address import header_text, is_address
from chalicelib.domain.mail_link import CONFIRM, UNSUBSCRIBE, MailLink, read_token
from chalicelib.domain.mails import Signer, digest_of, mail_of, spoken_duration
from chalicelib.domain.notice import FAILING, HELD_BACK, PAUSED, REPORT, Notice, schedule_notice

SIGNER = Signer(secret="a secret of the tests", key_id="k1")
SINCE = 1_806_193_800_000  # 2027-03-28T00:30:00Z, half an hour before the clocks go forward
BASE = "https://data.example.org/api"


def a_notice(kind: str = "alert", number: int = 1, **facts: Any) -> Notice:
    return Notice(
        id=f"{kind}-re_aaaaa{number}-1",
        kind=kind,
        scope=f"re_aaaaa{number}",
        created_at=SINCE + 3_660_000,
        base_url=BASE,
        owner="ann@example.org",
        facts={
            "dataset_uid": "da_bbbbbb",
            "dataset_id": "weather",
            "resource_uid": f"re_aaaaa{number}",
            "title": "Station <1>",
            "threshold": 300_000,
            "outage_since": SINCE,
            "heard_at": SINCE + 7_500_000,
            **facts,
        },
    )


def test_an_alert_says_since_when_in_both_times_what_to_check_and_where() -> None:
    mail = mail_of(a_notice(), "ann@example.org", SIGNER)
    assert mail.subject == "No data received since 2027-03-28T00:30:00Z: weather / Station <1>"
    for content in (mail.text, mail.html):
        assert "No data received since" in content
        assert "2027-03-28T00:30:00Z (28/03/2027 01:30:00 in Paris)" in content
        assert "1 hour 1 minute ago" in content
        assert "What to do next" in content
        assert f"{BASE}/console/datasets/da_bbbbbb/resources/re_aaaaa1" in content
    assert "Station &lt;1&gt;" in mail.html
    assert "<1>" not in mail.html
    assert mail.tags == {"datasets": "da_bbbbbb"}


def test_a_recovery_says_how_long_the_outage_was() -> None:
    mail = mail_of(a_notice("recovery"), "ann@example.org", SIGNER)
    assert mail.subject == "Receiving data again: weather / Station <1>"
    assert "The outage lasted: 2 hours 5 minutes" in mail.text
    assert "2027-03-28T02:35:00Z (28/03/2027 04:35:00 in Paris)" in mail.text, "the clocks have gone forward meanwhile"


def test_mail_programs_offer_to_unsubscribe_with_one_click() -> None:
    mail = mail_of(a_notice(), "ann@example.org", SIGNER)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail.headers["List-Unsubscribe"].strip("<>")
    assert url in mail.text
    token = url.partition("?token=")[2]
    link = read_token(token, {"k1": SIGNER.secret}.__getitem__, UNSUBSCRIBE)
    assert link == MailLink(purpose=UNSUBSCRIBE, scope="re_aaaaa1", address="ann@example.org")


def test_a_digest_names_everything_that_became_silent_and_what_recovered() -> None:
    notices = [a_notice(number=number, title=f"Station {number}") for number in range(7)]
    mail = digest_of([*notices, a_notice("recovery", 8, title="Old one")], "ann@example.org", SIGNER)
    assert mail.subject == "7 sources have become silent"
    assert all(f"weather / Station {number}: no data received since" in mail.text for number in range(7))
    assert "weather / Old one: after 2 hours 5 minutes" in mail.text


@pytest.mark.parametrize("kind", [FAILING, PAUSED, HELD_BACK])
def test_schedules_tell_by_the_same_mails(kind: str) -> None:
    notice = schedule_notice(
        kind,
        dataset_uid="da_bbbbbb",
        dataset_id="cheeses",
        reason="the server answers 404\r\nBcc: eve@example.org",
        occurrence="2027-03-28",
        at=SINCE,
        base_url=BASE,
        owner="ann@example.org",
    )
    mail = mail_of(notice, "ann@example.org", SIGNER)
    assert mail.subject.startswith("cheeses: ")
    assert "Reason: the server answers 404 Bcc: eve@example.org\n" in mail.text
    assert f"{BASE}/console/datasets/da_bbbbbb" in mail.text


def test_a_report_lists_what_is_silent_and_what_failed() -> None:
    facts = {"day": "2027-03-28", "silent": ["a: silent"] * 120, "failed_runs": ["b: failed"]}
    notice = Notice(id="r", kind=REPORT, scope="report", created_at=SINCE, base_url=BASE, facts=facts)
    mail = mail_of(notice, "ann@example.org", SIGNER)
    assert mail.subject == "Daily report of 2027-03-28: 120 silent, 1 failed"
    assert "and 20 more" in mail.text


@given(st.text())
def test_no_text_gets_a_line_of_its_own_into_a_header(text: str) -> None:
    header = header_text(text)
    assert header == " ".join(header.split())
    assert not any(ord(character) < 32 or character in "\x7f\x85\u2028\u2029" for character in header)
    assert len(header) <= 200


@given(st.text(min_size=1, max_size=60))
def test_a_title_changes_neither_the_recipient_nor_the_lines_of_a_header(title: str) -> None:
    mail = mail_of(a_notice(title=title), "ann@example.org", SIGNER)
    assert mail.to == "ann@example.org"
    assert "\n" not in "".join([mail.subject, *mail.headers.values()])
    assert "\r" not in "".join([mail.subject, *mail.headers.values()])


@pytest.mark.parametrize("address", ["ann@example.org", "a.b+c@sub.example.co.uk", "x@y.fr"])
def test_addresses_that_are_taken(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@localhost",
        "Ann <ann@example.org>",
        "a@b.fr,c@d.fr",
        "a@b.fr\n",
        "a@b.fr\r\nBcc: c@d.fr",
        "é@b.fr",
        5,
    ],
)
def test_addresses_that_are_refused(address: Any) -> None:
    assert not is_address(address)


SECRETS = {"k1": SIGNER.secret}


@given(st.text(max_size=200))
def test_a_token_that_was_not_made_here_says_nothing(token: str) -> None:
    assert read_token(token, SECRETS.__getitem__, CONFIRM) is None


def test_a_token_is_good_for_its_purpose_its_key_and_its_text_alone() -> None:
    link = MailLink(purpose=CONFIRM, scope="re_aaaaa1", address="ann@example.org")
    token = link.token(SIGNER.secret, "k1")
    assert read_token(token, SECRETS.__getitem__, CONFIRM) == link
    assert read_token(token, SECRETS.__getitem__, UNSUBSCRIBE) is None
    assert read_token(link.token("another secret", "k1"), SECRETS.__getitem__, CONFIRM) is None
    assert read_token(link.token(SIGNER.secret, "k2"), SECRETS.__getitem__, CONFIRM) is None
    for number in range(0, len(token), 7):
        changed = token[:number] + ("A" if token[number] != "A" else "B") + token[number + 1 :]
        assert read_token(changed, SECRETS.__getitem__, CONFIRM) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (3600, "1 hour"),
        (90_061, "1 day 1 hour"),
        (86_460, "1 day"),
    ],
)
def test_durations_are_said_by_their_two_largest_units(seconds: int, said: str) -> None:
    assert spoken_duration(seconds * 1000) == said
