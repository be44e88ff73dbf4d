"""Uploads: pushes past the limit of a request, from the form to the acceptance of the whole file."""
