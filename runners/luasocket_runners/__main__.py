"""``python -m luasocket_runners``: the command ``luasocket-conformance``."""

import sys

from luasocket_runners.cli.main import main

sys.exit(main())
