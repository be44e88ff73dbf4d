"""Datasets and their drafts, what is under way with one, and the sweep of what it left behind."""
