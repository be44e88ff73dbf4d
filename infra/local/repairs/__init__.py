"""Behaviours of AWS that the emulator lacks and Freshwire needs, put into it when it starts.

Each module repairs one service and says what was missing; `infra/local/guard.py` lists what they rely on.
"""

from infra.local.repairs import gateway, lambda_logs, provisioning, queries, queues, saving, scheduler, sent_mails
from infra.local.saves import Saves


def apply_all(started_at: float, saves: Saves | None) -> None:
    """Repair the emulator in this process; schedules count from `started_at` (seconds since the epoch), `saves` is
    where the state is kept, if it is."""
    gateway.apply()
    lambda_logs.apply()
    provisioning.apply()
    queries.apply()
    queues.apply()
    saving.apply(saves)
    scheduler.apply(started_at)
    sent_mails.apply()
