"""Settings to collaborators, built lazily once per container."""

from dataclasses import fields
from functools import cache

from chalicelib.config import Settings
from chalicelib.services.publication.plan import Limits
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.store.catalog.binding import bind_models
from chalicelib.store.dynamodb import THREADS, WORKER_THREADS
from chalicelib.store.stores import Names, Stores


@cache
def settings() -> Settings:
    """The deployment's settings."""
    return Settings.from_environment()


def limits() -> Limits:
    """How much a publication of this deployment may be."""
    return Limits(records=settings().max_records, guard=address_guard())


@cache
def stores() -> Stores:
    """The deployment's stores, and the catalog's models bound to their table."""
    return _stores(THREADS)


@cache
def worker_stores() -> Stores:
    """The same for functions that have a whole core and long runs of records to write."""
    return _stores(WORKER_THREADS)


@cache
def address_guard() -> AddressGuard:
    """Where sources may be fetched from: the internet, and on the local stage alone this machine and its network."""
    return AddressGuard(allow_private=settings().stage == "local")


def _stores(threads: int) -> Stores:
    known = settings()
    names = Names(**{field.name: getattr(known, field.name) for field in fields(Names)})
    bind_models(names.catalog_table, names.region)
    return Stores(names, threads=threads)
