"""The look of a mail: one letter, as text and as HTML."""

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.domain.mail_address import header_text


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail to one recipient, ready to be sent. `tags` come back with what becomes of it."""

    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a mail says: a headline, which is its subject too, facts by name, what to do next, where to look (label and
    address), lists of several things under their own headings, and why the reader gets it."""

    headline: str
    facts: Sequence[tuple[str, str]] = ()
    steps: Sequence[str] = ()
    link: tuple[str, str] | None = None
    lists: Sequence[tuple[str, Sequence[str]]] = ()
    reason: str = ""
    unsubscribe: str | None = None


def laid_out(letter: Letter, to: str, tags: Mapping[str, str]) -> Mail:
    """The letter as a mail. With an address to unsubscribe at, mail programs show a button of their own (RFC 8058)."""
    headers = {}
    if letter.unsubscribe:
        headers = {
            "List-Unsubscribe": f"<{letter.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return Mail(
        to=to, subject=header_text(letter.headline), text=_text(letter), html=_html(letter), headers=headers, tags=tags
    )


def _text(letter: Letter) -> str:
    parts = [letter.headline, "\n".join(f"{name}: {value}" for name, value in letter.facts)]
    if letter.steps:
        parts.append("\n".join(["What to do next:", *(_item(step) for step in letter.steps)]))
    parts += ["\n".join([f"{title}:", *(_item(entry) for entry in entries)]) for title, entries in letter.lists]
    if letter.link:
        parts.append(f"{letter.link[0]}:\n{letter.link[1]}")
    footer = [letter.reason] if letter.reason else []
    if letter.unsubscribe:
        footer.append(f"No more of these mails: {letter.unsubscribe}")
    parts.append("\n".join(["-- ", *footer]) if footer else "")
    return "\n\n".join(part for part in parts if part) + "\n"


def _item(text: str) -> str:
    return textwrap.fill(
        text, 100, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _html(letter: Letter) -> str:
    parts = [f'<h1 style="font-size:20px">{_e(letter.headline)}</h1>']
    if letter.facts:
        rows = "".join(
            f'<tr><td style="padding:2px 16px 2px 0;color:#555">{_e(name)}</td><td>{_e(value)}</td></tr>'
            for name, value in letter.facts
        )
        parts.append(f"<table>{rows}</table>")
    for title, entries in [("What to do next", letter.steps), *letter.lists]:
        if entries:
            parts.append(f"<p>{_e(title)}:</p><ul>{''.join(f'<li>{_e(entry)}</li>' for entry in entries)}</ul>")
    if letter.link:
        label, address = letter.link
        parts.append(f'<p><a href="{_e(address)}">{_e(label)}</a></p>')
    footer = _e(letter.reason)
    if letter.unsubscribe:
        footer += f' <a href="{_e(letter.unsubscribe)}">No more of these mails</a>'
    if footer:
        parts.append(f'<p style="font-size:13px;color:#555">{footer}</p>')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"></head>'
        f'<body style="font:16px/1.5 sans-serif;max-width:40rem">{"".join(parts)}</body></html>'
    )


def _e(text: str) -> str:
    return html.escape(text)
