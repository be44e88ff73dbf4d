"""The mails that the application sent through SES, which the local cloud keeps instead of delivering."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def readable(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The emulator's records of sent mail as `id, from, to, subject, text, html, sent_at`, the newest first."""
    return [
        {
            "id": record["MessageId"],
            "from": record.get("Source", ""),
            "to": [*record.get("To", []), *record.get("CC", []), *record.get("BCC", [])],
            "subject": record.get("RenderedSubject") or record.get("Subject") or "",
            "text": record.get("RenderedBodyText") or record.get("BodyText") or "",
            "html": record.get("RenderedBodyHtml") or record.get("BodyHtml"),
            "sent_at": record.get("Timestamp"),
        }
        for record in sorted(records, key=lambda record: str(record.get("Timestamp", "")), reverse=True)
    ]


def page(mails: Sequence[Mapping[str, Any]]) -> str:
    """A page that shows `mails` (as `readable` answers them); whatever they hold is shown as text."""
    shown = "".join(
        f"<article><h2>{_text(mail['subject'])}</h2><p>to {_text(', '.join(mail['to']))}, {_text(mail['sent_at'])}</p>"
        f"<pre>{_text(mail['text'] or mail['html'])}</pre></article>"
        for mail in mails
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails</title>'
        '<body style="font: 16px/1.5 sans-serif; max-width: 50rem; margin: 3rem auto; padding: 0 1rem">'
        f"<h1>Mails</h1>{shown or '<p>None has been sent yet.</p>'}</body></html>"
    )


def _text(value: object) -> str:
    return html.escape(str(value or ""))
