"""Freshwire: keeps open datasets up to date."""
