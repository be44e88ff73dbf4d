"""Mails that the local cloud keeps."""

import pytest

from infra.local import mails
from tests.infra.emulator import in_emulator


def test_records_of_the_emulator_become_readable_the_newest_first():
    old = {
        "MessageId": "1",
        "Source": "s",
        "To": ["a"],
        "BCC": ["b"],
        "Subject": "S",
        "BodyText": "T",
        "Timestamp": 1.0,
    }
    new = {"MessageId": "2", "Source": "s", "RenderedSubject": "R", "RenderedBodyHtml": "<p>", "Timestamp": 2.0}
    second, first = mails.readable([old, new])
    assert (second["id"], second["subject"], second["html"], second["text"]) == ("2", "R", "<p>", "")
    assert (first["to"], first["subject"], first["text"]) == (["a", "b"], "S", "T")


def test_the_page_says_when_there_is_none():
    assert "None has been sent yet" in mails.page([])


KEEP_MAILS = """
import json
from ministack.core import persistence
from ministack.services import ses
from infra.local.repairs import sent_mails

def after_a_restart():
    ses._sent_emails._data.clear()
    ses.send_internal_email("a@example.org", ["b@example.org"], "Silent")
    state = json.dumps({"payload": ses.get_state()}, default=persistence._json_default)
    ses._sent_emails._data.clear()
    ses.load_persisted_state(json.loads(state, object_hook=persistence._json_object_hook)["payload"])
    return [mail["Subject"] for mail in ses._sent_emails_list()]

before = after_a_restart()
sent_mails.apply()
print(json.dumps([before, after_a_restart()]))
"""


@pytest.mark.local_cloud
def test_mails_are_still_there_after_a_restart():
    before, after = in_emulator(KEEP_MAILS)
    assert before == [], "the emulator has learnt it: the repair can go"
    assert after == ["Silent"]
