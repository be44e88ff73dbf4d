"""Make an API key: `python -m infra.apikey --label demo --permissions browse,edit [--key K]` prints it once.

It reads the environment of the deployment's Lambda functions (see `chalicelib/config.py`), and AWS credentials that
may write to the catalog table.
"""

import argparse
import sys
from datetime import UTC, datetime

from chalicelib import wiring
from chalicelib.domain.errors import Refused
from chalicelib.services.access import PERMISSIONS, create_api_key


def main() -> int:
    """Make the key and print it on standard output."""
    parser = argparse.ArgumentParser(description="Make an API key and print it; it cannot be shown again.")
    parser.add_argument("--label", required=True, help="what the key is for")
    parser.add_argument("--permissions", default="browse", help=f"comma-separated, of: {','.join(PERMISSIONS)}")
    parser.add_argument("--key", help="choose the key instead of a random one")
    parser.add_argument("--email", help="the holder's address: alerts that are switched on with the key go there")
    options = parser.parse_args()
    wiring.stores()
    permissions = [name.strip() for name in options.permissions.split(",") if name.strip()]
    try:
        print(create_api_key(options.label, permissions, datetime.now(UTC), options.key, email=options.email))
    except Refused as refused:
        print(refused.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
