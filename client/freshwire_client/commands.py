"""The commands: one function each, from parsed options to an exit status."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from freshwire_client.batches import Limits
from freshwire_client.connection import Connection, Request
from freshwire_client.console import Console
from freshwire_client.errors import Misused, Refused
from freshwire_client.file_transfer import Plan, transfer_file
from freshwire_client.push_url import PushUrl, checked_key, parse_push_url
from freshwire_client.resource import Preferences, Resource, Send, checked
from freshwire_client.retries import Clock, Sender
from freshwire_client.source_file import Form
from freshwire_client.tail import Read, Tail

URL_VARIABLE, PUSH_KEY_VARIABLE, API_KEY_VARIABLE = "FRESHWIRE_PUSH_URL", "FRESHWIRE_PUSH_KEY", "FRESHWIRE_API_KEY"


@dataclass(frozen=True)
class Surroundings:
    """What a command finds around it."""

    environment: Mapping[str, str]
    stdin: BinaryIO
    console: Console
    clock: Clock = field(default_factory=Clock)


def push(options: Namespace, around: Surroundings) -> int:
    """Push the records of a file."""
    with _resource(options, around) as (url, resource):
        plan = _plan(options, f"push {url.address}")
        transfer_file(plan, resource.push, stdin=around.stdin, console=around.console, clock=around.clock)
    return 0


def delete(options: Namespace, around: Surroundings) -> int:
    """Delete records: those of a file by their values, or some by their ids."""
    with _resource(options, around) as (url, resource):
        if options.file is not None:
            plan = _plan(options, f"delete {url.address}")
            transfer_file(plan, resource.delete, stdin=around.stdin, console=around.console, clock=around.clock)
            return 0
        for record_id in options.record_ids:
            url.delete_one(record_id)  # all of them are looked at before the first is deleted
        for record_id in options.record_ids:
            resource.delete_one(record_id)
        around.console.note(f"Done: deleted by id, {len(options.record_ids)}.")
    return 0


def show_batches(options: Namespace, around: Surroundings) -> int:
    """Show the receipts of batches, one JSON object a line."""
    status = 0
    with _resource(options, around) as (_, resource):
        for batch_id in _batch_ids(options, around):
            try:
                around.console.put(_json(resource.receipt(batch_id)))
            except Refused as refusal:
                if refusal.status != 404:
                    raise
                around.console.say(f"{batch_id}: {refusal}")
                status = 1
    return status


def tail(options: Namespace, around: Surroundings) -> int:
    """Show what arrived last in the dataset and, unless it is --once, what arrives from now on."""
    url, _ = _push_url(options, around)
    with _sending(options, around, url) as send:
        followed = Tail(_reader(send, around), url, lines=options.lines, where=options.where)
        while True:
            for record in followed.look():
                around.console.put(_json(record))
            if options.once:
                return 0
            around.clock.sleep(options.interval)


@contextmanager
def _resource(options: Namespace, around: Surroundings) -> Iterator[tuple[PushUrl, Resource]]:
    """The resource of the push URL, with the key of the URL or else of the environment."""
    url, key = _push_url(options, around)
    key = key or around.environment.get(PUSH_KEY_VARIABLE)
    if not key:
        raise Misused(f"There is no push key: put it into {PUSH_KEY_VARIABLE}, or give the whole push URL.")
    preferences = Preferences(
        is_lenient=getattr(options, "lenient", False),
        wants_receipt=getattr(options, "receipts", False),
        is_compressed=getattr(options, "gzip", False),
    )
    with _sending(options, around, url) as send:
        yield url, Resource(url, _secret(key, "push key", around), send, preferences)


@contextmanager
def _sending(options: Namespace, around: Surroundings, url: PushUrl) -> Iterator[Send]:
    connection = Connection(url, timeout=options.timeout)
    try:
        yield Sender(connection, patience=options.patience, clock=around.clock, note=around.console.note).send
    finally:
        connection.close()


def _push_url(options: Namespace, around: Surroundings) -> tuple[PushUrl, str | None]:
    given = options.url or around.environment.get(URL_VARIABLE)
    if not given:
        raise Misused(f"There is no push URL: say --url PUSH_URL, or put it into {URL_VARIABLE}.")
    url, key = parse_push_url(given)
    if key:
        around.console.hide(key)
    return url, key


def _secret(key: str, what: str, around: Surroundings) -> str:
    """The key, fit for a header and hidden from now on."""
    around.console.hide(key.strip())
    return checked_key(key, what)


def _plan(options: Namespace, target: str) -> Plan:
    return Plan(
        name=options.file,
        form=Form(file_format=options.format, encoding=options.encoding, delimiter=options.delimiter),
        limits=Limits(records=options.batch_size, size=options.batch_bytes),
        target=target,
        is_resumed=options.resume,
        shows_receipts=options.receipts,
    )


def _batch_ids(options: Namespace, around: Surroundings) -> Iterator[str]:
    """The ids of the command line, or the first word of each line of standard input: what `push --receipts` writes."""
    if options.batch_ids:
        yield from options.batch_ids
        return
    if around.stdin.isatty():
        raise Misused("Say which batches: the service shows receipts by their ids, as `push --receipts` writes them.")
    for line in around.stdin:
        yield from line.decode(errors="replace").split()[:1]


def _reader(send: Send, around: Surroundings) -> Read:
    key = around.environment.get(API_KEY_VARIABLE)
    headers = {"Authorization": f"Apikey {_secret(key, 'API key', around)}"} if key else {}

    def read(target: str) -> Mapping[str, Any]:
        try:
            return checked(send(Request("GET", target, headers=headers))).json()
        except Refused as refusal:
            if refusal.status != 404 or key:
                raise
            raise Refused(404, f"{refusal} If it is restricted, put an API key into {API_KEY_VARIABLE}.") from None

    return read


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
