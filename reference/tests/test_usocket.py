"""Descriptors: who closes them and when, and that others run while one waits."""

import gc
import os
import threading
import warnings

import pytest
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import CLOSED, Descriptor, describe_error, describe_host_error


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kind", ["tcp6", "udp6"])
def test_an_object_is_closed_when_nobody_knows_it(socket, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (made,) = getattr(socket, kind)()
        (number,) = made.getfd()
        assert is_open(number)
        del made
        assert not is_open(number)


def test_an_object_in_a_cycle_is_closed_by_the_collector(socket, recwarn):
    (made,) = socket.tcp6()
    (number,) = made.getfd()
    cycle = [made]
    cycle.append(cycle)
    del made, cycle
    gc.collect()
    assert not is_open(number)
    assert not recwarn.list


def test_setfd_leaves_the_old_descriptor_open(socket):
    (made,) = socket.udp6()
    (number,) = made.getfd()
    assert made.setfd(-1) == ()
    assert is_open(number)
    (other,) = socket.udp6()
    (dropped,) = other.getfd()
    other.setfd(number)
    assert other.getsockname()[0] == b"::"
    other.close()
    assert not is_open(number)
    os.close(dropped)


def test_setfd_takes_what_is_no_socket(socket):
    reading, writing = os.pipe()
    (master,) = socket.tcp()
    master.setfd(reading)
    assert master.getsockname() == (None, b"Socket operation on non-socket")
    assert master.close() == (1,)
    assert not is_open(reading)
    os.close(writing)
    master.setfd(reading)
    assert master.getsockname() == (None, b"Bad file descriptor")
    assert master.close() == (1,)


def test_no_descriptor_is_closed():
    assert Descriptor().send(b"x", Timeout())[0] == CLOSED
    assert describe_error(CLOSED) == b"closed"
    assert describe_host_error(OSError(1, "")) == b"host not found"


def test_others_run_while_one_waits(connection):
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(connection.client.receive()))
    waiting.start()
    connection.accepted.send(b"late\n")
    waiting.join()
    assert answers == [(b"late", None, None)]
