"""Clients of AWS, of one session: the models of the services and the credentials are read once, however many buckets
and queues there are. A session of its own costs each client ten times as much."""

import threading
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

_lock = threading.Lock()  # a session makes one client at a time


@cache
def aws_session() -> Session:
    """The session of this process."""
    return get_session()


def aws_client(service: str, region: str, config: Config | None = None) -> Any:
    """A client of a service, such as "s3"."""
    with _lock:
        return aws_session().create_client(service, region_name=region, config=config)
