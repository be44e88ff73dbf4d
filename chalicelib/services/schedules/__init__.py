"""Schedules: when remote resources are refreshed, and keeping EventBridge Scheduler in step."""
