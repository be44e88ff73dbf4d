"""The lane of a dataset: the worker that applies its jobs, and its steering by those who manage it."""
