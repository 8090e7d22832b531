"""Descriptors: when they are closed, and that other threads run during a wait."""

import gc
import os
import threading
import warnings

import pytest
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import CLOSED, DONE, Descriptor, describe_error, describe_host_error, look_up


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kind", ["tcp6", "udp6"])
def test_an_unreferenced_object_is_closed(socket, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (made,) = getattr(socket, kind)()
        number = int(made.getfd()[0])
        assert is_open(number)
        del made
        assert not is_open(number)


def test_an_object_in_a_cycle_is_closed_by_the_collector(socket, recwarn):
    (made,) = socket.tcp6()
    number = int(made.getfd()[0])
    cycle = [made]
    cycle.append(cycle)
    del made, cycle
    gc.collect()
    assert not is_open(number)
    assert not recwarn.list


def test_setfd_leaves_the_old_descriptor_open(socket):
    (made,) = socket.udp6()
    number = int(made.getfd()[0])
    assert made.setfd(-1) == ()
    assert is_open(number)
    (other,) = socket.udp6()
    dropped = int(other.getfd()[0])
    other.setfd(number)
    assert other.getsockname()[0] == b"::"
    other.close()
    assert not is_open(number)
    os.close(dropped)


def test_setfd_accepts_any_descriptor(socket):
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


@pytest.mark.parametrize(
    ("outcome", "message"), [(1, b"host not found"), (2, b"Host name lookup failure"), (-1, b"timeout")]
)
def test_errors_of_the_old_resolver(outcome, message):
    assert describe_host_error(outcome) == message


def test_the_old_resolver_knows_this_machine():
    assert look_up(b"127.1")[0] == DONE
    assert look_up(b"127.0.0.1")[3] == [b"127.0.0.1"]
    assert look_up(b"::ffff:127.0.0.1") == look_up(b"::1") == (1, b"", [], [])


def test_other_threads_run_during_a_wait(connection):
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(connection.client.receive()))
    waiting.start()
    connection.accepted.send(b"late\n")
    waiting.join()
    assert answers == [(b"late", None, None)]
