"""The command line of Freshwire: push files to a dataset, delete records, read receipts, follow what arrives.

Standard library only, Python 3.9 or newer, and nothing of the service is imported: it knows the HTTP contract alone.
"""

__version__ = "0.1.0"
