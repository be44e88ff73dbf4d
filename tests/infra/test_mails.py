"""Mails that the local cloud keeps."""

from infra.local import mails


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
