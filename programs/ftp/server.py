"""Serves an empty directory to one user; prints its port first."""

from __future__ import annotations

import logging
import tempfile

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

logging.disable(logging.CRITICAL)
with tempfile.TemporaryDirectory() as directory:
    authorizer = DummyAuthorizer()
    authorizer.add_user("user", "secret", directory, perm="elradfmwMT")
    FTPHandler.authorizer = authorizer
    FTPHandler.auth_failed_timeout = 0
    server = FTPServer(("127.0.0.1", 0), FTPHandler)
    print(server.address[1], flush=True)
    server.serve_forever()
