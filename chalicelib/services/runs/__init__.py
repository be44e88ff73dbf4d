"""Runs: each occurrence of a schedule and its one outcome, their history, and what is told of them."""
