"""`python -m freshwire_client` is `freshwire`."""

import sys

from freshwire_client.cli import main

sys.exit(main())
