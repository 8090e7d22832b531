"""Fixtures of the reference's tests: a module of each dialect, and a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import luasocket_reference
import pytest


class Connection(NamedTuple):
    """Two clients, connected with each other."""

    client: Any
    accepted: Any


@pytest.fixture(params=sorted(luasocket_reference.DIALECTS))
def socket(request: pytest.FixtureRequest) -> luasocket_reference.Socket:
    return luasocket_reference.open(request.param)


@pytest.fixture
def connection(socket: luasocket_reference.Socket) -> Iterator[Connection]:
    (server,) = socket.bind("127.0.0.1", 0)
    host, port, _ = server.getsockname()
    (client,) = socket.connect(host, port)
    (accepted,) = server.accept()
    server.close()
    yield Connection(client, accepted)
    client.close()
    accepted.close()
