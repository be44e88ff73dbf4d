"""SES: the mails that were sent were forgotten at a stop."""

import copy
from collections.abc import Mapping
from typing import Any

from ministack.services import ses

_NAME = "_sent_emails"


def apply() -> None:
    """Keep the mails with everything else that SES knows."""
    get_state, load = ses.get_state, ses.load_persisted_state

    def get_whole_state() -> dict[str, Any]:
        return {**get_state(), _NAME: copy.deepcopy(ses._sent_emails)}

    def load_whole_state(data: Mapping[str, Any]) -> None:
        load(data)
        ses._sent_emails.update(data.get(_NAME, {}))

    ses.get_state, ses.load_persisted_state = get_whole_state, load_whole_state
