"""Alerts: who watches for silence, whom it tells, and the mails of the product."""
