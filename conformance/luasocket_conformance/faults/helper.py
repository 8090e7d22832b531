"""Faulty ports that the behaviours of ``helper.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    changes_failure,
    changes_success,
    failed,
    is_host_name,
    is_ipv6,
    is_one_of,
    raises_failures,
    refuses_argument,
    refuses_more_than,
    returns_always,
    takes_only,
)
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "tcp/system-options", "udp", "addresses", "endpoints", "texts"),
    deadline=1.0,
)


FAULTS.add(
    "helper-bind-is-missing",
    "The helper module adds nothing: there is no bind.",
    "socket.bind",
    ABSENT,
    violates="helper/adds-functions",
    deadline=3.0,
)

FAULTS.add(
    "helper-connect4-is-missing",
    "There is no connect4.",
    "socket.connect4",
    ABSENT,
    violates="helper/adds-functions",
    deadline=3.0,
)

FAULTS.add(
    "helper-connect6-is-missing",
    "There is no connect6.",
    "socket.connect6",
    ABSENT,
    violates="helper/adds-functions",
    deadline=3.0,
)


def _bound(original: Original, host: Any, port: Any) -> Values:
    (master,) = original.call("tcp")
    results = original.method(master, "bind", host, port)
    return results if failed(results) else (master,)


@FAULTS.fault("socket.bind", detected_by="helper/bind-backlog")
def helper_bind_makes_a_master(original: Original, host: Any = None, port: Any = None, *_rest: Any) -> Values:
    """The result is a master that does not listen."""
    return _bound(original, host, port)


@FAULTS.fault("socket.bind", detected_by="helper/bind-again-after-connections")
@after_success
def helper_bind_does_not_reuse(original: Original, results: Values, *_args: Any) -> None:
    """The server does not have "reuseaddr"."""
    original.method(results[0], "setoption", b"reuseaddr", False)


@FAULTS.fault("socket.bind", detected_by="helper/bind-reuses-addresses/*ipv6")
@after_success
def helper_bind_reuses_ipv4_alone(original: Original, results: Values, host: Any = None, *_rest: Any) -> None:
    """Only a server over IPv4 has "reuseaddr"."""
    if is_ipv6(host):
        original.method(results[0], "setoption", b"reuseaddr", False)


@FAULTS.fault("socket.bind", detected_by="helper/bind-with-a-backlog")
@after_success
def helper_bind_reuses_without_a_backlog(
    original: Original, results: Values, _host: Any = None, _port: Any = None, backlog: Any = None, *_rest: Any
) -> None:
    """A server that was given a backlog does not have "reuseaddr"."""
    if backlog is not None:
        original.method(results[0], "setoption", b"reuseaddr", False)


@FAULTS.fault("socket.bind", detected_by="helper/bind-ipv6-is-as-ipv4")
@after_success
def helper_bind_times_out_over_ipv6(original: Original, results: Values, host: Any = None, *_rest: Any) -> None:
    """A server over IPv6 has a timeout."""
    if is_ipv6(host):
        original.method(results[0], "settimeout", 60)


FAULTS.add(
    "helper-bind-ignores-the-backlog",
    "The backlog is ignored.",
    "socket.bind",
    takes_only(2),
    detected_by="helper/bind-backlog",
)


@FAULTS.fault("socket.bind", detected_by="helper/bind-backlog")
def helper_bind_has_a_small_backlog(
    original: Original, host: Any = None, port: Any = None, backlog: Any = None, *rest: Any
) -> Values:
    """Without a backlog, one connection can wait."""
    return original(host, port, 0 if backlog is None else backlog, *rest)


@FAULTS.fault("socket.bind", detected_by="helper/bind-next-address")
@refuses_argument(1)
def helper_bind_knows_no_names(host: Any) -> object:
    """A host name is refused."""
    return is_host_name(host) and host != b"*"


FAULTS.add(
    "helper-bind-knows-no-asterisk",
    'The address "*" is refused.',
    "socket.bind",
    refuses_argument(1)(is_one_of(b"*")),
    detected_by="helper/bind-any-address",
)


@FAULTS.fault("socket.bind", detected_by="helper/bind-any-address")
@changes_argument(1)
def helper_bind_asterisk_is_local(host: Any) -> Any:
    """The address "*" is 127.0.0.1."""
    if host == b"*":
        return b"127.0.0.1"
    return host


@FAULTS.fault("socket.bind", detected_by="helper/bind-any-address")
@changes_argument(1)
def helper_bind_asterisk_is_ipv6(host: Any) -> Any:
    """The address "*" is ::."""
    if host == b"*":
        return b"::"
    return host


@FAULTS.fault("socket.bind", detected_by="helper/bind-has-no-timeout")
@after_success
def helper_bind_has_a_timeout(original: Original, results: Values, *_args: Any) -> None:
    """The server has a timeout of 0."""
    original.method(results[0], "settimeout", 0)


@FAULTS.fault("socket.bind", detected_by="helper/bind-extra-arguments")
@changes_success
def helper_bind_returns_its_port(results: Values) -> Values:
    """The port follows."""
    return (*results, 0)


@FAULTS.fault("socket.bind", detected_by="helper/bind-fails")
@changes_failure
def helper_bind_failure_is_false(results: Values) -> Values:
    """The first result of a failure is false."""
    return (False, *results[1:])


FAULTS.add(
    "helper-bind-failure-raises", "A failure raises.", "socket.bind", raises_failures, detected_by="helper/bind-fails"
)


@FAULTS.fault("socket.bind", detected_by="helper/bind-fails")
@changes_failure
def helper_bind_failure_is_nil_alone(results: Values) -> Values:
    """A failure has no message."""
    return results[:1]


@FAULTS.fault("socket.bind", detected_by="helper/bind-arguments-of-a-wrong-type")
def helper_bind_needs_no_port(original: Original, host: Any = None, port: Any = None, *rest: Any) -> Values:
    """Without a port, 0 is taken."""
    return original(host, 0 if port is None else port, *rest)


@FAULTS.fault("socket.bind", detected_by="helper/bind-in-use")
def helper_bind_takes_another_port(original: Original, host: Any = None, port: Any = None, *rest: Any) -> Values:
    """When the port is in use, another one is taken."""
    results = original(host, port, *rest)
    if results[1:] == (b"address already in use",):
        return original(host, 0, *rest)
    return results


FAULTS.add(
    "helper-bind-takes-no-more-arguments",
    "A fourth argument raises.",
    "socket.bind",
    refuses_more_than(3),
    detected_by="helper/bind-extra-arguments",
)


@FAULTS.fault("socket.connect?", detected_by="helper/connect6-local")
def connects_are_swapped(original: Original, *args: Any) -> Values:
    """The two functions are swapped."""
    return original.call("connect6" if original.name == "connect4" else "connect4", *args)


FAULTS.add(
    "connects-have-no-local-end",
    "Local address and port are ignored.",
    "socket.connect?",
    takes_only(2),
    detected_by="helper/connect4-local",
)

FAULTS.add(
    "connects-have-no-local-port",
    "The local port is ignored.",
    "socket.connect?",
    takes_only(3),
    detected_by="helper/connect4-local",
)


@FAULTS.fault("socket.connect?", detected_by="helper/connect4-with-an-ipv6-address")
def connects_limit_the_peer(original: Original, host: Any = None, *rest: Any) -> Values:
    """The peer's address has to belong to the family."""
    if is_ipv6(host) != (original.name == "connect6"):
        return (None, b"not supported")
    return original(host, *rest)


@FAULTS.fault("socket.connect?", detected_by="helper/connect4-refused")
@changes_failure
def connects_fail_with_false(results: Values) -> Values:
    """The first result of a failure is false."""
    return (False, *results[1:])


FAULTS.add(
    "connects-raise", "A failure raises.", "socket.connect?", raises_failures, detected_by="helper/connect4-refused"
)


@FAULTS.fault("socket.connect?", detected_by="helper/connect4")
@changes_success
def connects_tell_more(results: Values) -> Values:
    """The host follows."""
    return (*results, b"")


FAULTS.add(
    "connects-do-nothing",
    "There is no connection.",
    "socket.connect?",
    returns_always(None, b"not supported"),
    detected_by="helper/connect4-refused",
)

FAULTS.add(
    "connect6-loses-the-local-port",
    "The local port is ignored.",
    "socket.connect6",
    takes_only(3),
    detected_by="helper/connect6-local-port",
)
add_refusals(
    FAULTS,
    "helper-bind",
    "socket.bind",
    at=1,
    detected_by={"knows-no-ipv6": "helper/bind-ipv6", "wants-a-number": "helper/bind-again-after-connections"},
)


@FAULTS.fault(
    "socket.bind",
    "socket.connect4",
    "socket.connect6",
    detected_by=(
        "helper/bind-with-another-look-up",
        "helper/bind-with-another-maker",
        "helper/connect-of-a-family-with-another-connect",
    ),
)
def the_helper_keeps_the_first_functions(original: Original, *args: Any) -> Values:
    """The helper calls the functions that the module had at first, not those that have replaced them."""
    return original.call(original.name, *args)
