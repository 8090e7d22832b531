"""Large amounts arrive whole, in linear time."""

import threading

import pytest

MEGABYTES_10 = bytes(range(256)) * 40 * 1024


@pytest.mark.parametrize("pattern", ["*a", len(MEGABYTES_10)])
def test_ten_megabytes(connection, pattern):
    def send():
        connection.accepted.send(MEGABYTES_10)
        connection.accepted.close()

    sending = threading.Thread(target=send)
    sending.start()
    data, failure, partial = connection.client.receive(pattern)
    sending.join()
    assert (data == MEGABYTES_10, failure, partial) == (True, None, None)
    assert connection.client.getstats()[0] == len(MEGABYTES_10)


def test_many_lines(connection):
    lines = [b"%d" % number for number in range(5000)]
    sending = threading.Thread(target=lambda: connection.accepted.send(b"\r\n".join(lines) + b"\n"))
    sending.start()
    received = [connection.client.receive()[0] for _ in lines]
    sending.join()
    assert received == lines
    assert connection.client.dirty() == (False,)
