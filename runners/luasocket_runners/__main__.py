"""``python -m luasocket_runners``: the command ``luasocket-conformance``."""

import sys

from luasocket_runners.cli import main

sys.exit(main())
