"""The links in mails: a page with one button, since mail programs and scanners follow links by themselves. The button,
and a mail program's own (RFC 8058), send POST."""

import html

from chalice.app import Blueprint, Response

from chalicelib import wiring
from chalicelib.api.errors import automation_error
from chalicelib.api.http import ALL_METHODS, answers, query_of, started
from chalicelib.domain.mail_link import CONFIRM, EVERYTHING, UNSUBSCRIBE, MailLink
from chalicelib.services.alerts.recipients import follow, link_of

routes = Blueprint(__name__)

_HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cache-Control": "no-store",
}


@routes.route("/mail/confirm", methods=ALL_METHODS, content_types=["*/*"])
@answers(automation_error, lambda: routes.current_request, "GET", "POST")
def confirm_mails() -> Response:
    """Agree to the alerts of a resource."""
    return _page(CONFIRM)


@routes.route("/mail/unsubscribe", methods=ALL_METHODS, content_types=["*/*"])
@answers(automation_error, lambda: routes.current_request, "GET", "POST")
def unsubscribe() -> Response:
    """End the mails that a mail is one of."""
    return _page(UNSUBSCRIBE)


def _page(purpose: str) -> Response:
    request = routes.current_request
    now, deadline = started(request)
    stores = wiring.stores()
    link = link_of(stores, query_of(request, "token") or "", purpose)
    if link is None:
        return _shown("This link is not complete", "Open it from the mail again.", status=400)
    if request.method == "GET":
        title, button = _QUESTIONS[purpose]
        return _shown(title, _about(link), button=button)
    follow(stores, link, now, deadline)
    return _shown(_OUTCOMES[purpose], _about(link))


def _about(link: MailLink) -> str:
    return f"{link.address}{'' if link.scope != EVERYTHING else ', all mails of Freshwire'}"


def _shown(title: str, text: str, *, button: str | None = None, status: int = 200) -> Response:
    form = f'<form method="post"><button>{html.escape(button)}</button></form>' if button else ""
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<body style="font: 16px/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem">'
        f"<h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>{form}</body></html>"
    )
    return Response(body=body, status_code=status, headers=_HEADERS)


_QUESTIONS = {
    CONFIRM: ("Do you want these alerts?", "Yes, send them to me"),
    UNSUBSCRIBE: ("No more of these mails?", "Send me no more of them"),
}
_OUTCOMES = {CONFIRM: "You will get these alerts", UNSUBSCRIBE: "You will get no more of these mails"}
