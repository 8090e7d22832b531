"""Faulty ports that the behaviours of ``tcp/option-scope.yaml`` detect."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from luasocket_conformance.faults.factories import STREAMS, after_success, failed, is_closed
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.factories.states import options_belong_to_the_object
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


@FAULTS.fault("tcp:accept", detected_by="tcp/option-scope/handed-on/tcp-nodelay")
@after_success
def accepted_clients_wait_for_more(original: Original, results: Values, *_args: Any) -> None:
    """Accepted clients do not have "tcp-nodelay"."""
    original.method(results[0], "setoption", b"tcp-nodelay", False)


@FAULTS.fault("tcp:accept", detected_by="tcp/option-scope/handed-on/linger")
@after_success
def accepted_clients_do_not_linger(original: Original, results: Values, *_args: Any) -> None:
    """Accepted clients have linger off."""
    original.method(results[0], "setoption", b"linger", {b"on": False, b"timeout": 0})


@FAULTS.fault("tcp:accept", "tcp{server}:setoption", detected_by="tcp/option-scope/handed-on")
def options_of_a_server_reach_its_clients(original: Original, obj: Any, *args: Any) -> Values:
    """An option that is set on a server is set on the clients that it has accepted, too."""
    clients = original.memory.setdefault(obj, WeakSet())
    results = original(obj, *args)
    if original.name == "accept":
        clients.update(results[:1] if not failed(results) else ())
        return results
    for client in clients:
        original.method(client, "setoption", *args)
    return results


@FAULTS.fault("tcp:accept", "tcp{client}:setoption", detected_by="tcp/option-scope/handed-on")
def options_of_a_client_reach_its_server(original: Original, obj: Any, *args: Any) -> Values:
    """An option that is set on an accepted client is set on its server, too."""
    results = original(obj, *args)
    if original.name == "accept":
        if not failed(results):
            original.memory[results[0]] = obj
    elif obj in original.memory:
        original.method(original.memory[obj], "setoption", *args)
    return results


@FAULTS.fault("tcp:accept", "tcp{server}:setoption", detected_by="tcp/option-scope/not-handed-on-later")
def accept_sets_the_options_of_the_server(original: Original, obj: Any, *args: Any) -> Values:
    """Options that were set on the server are set on each client that it accepts."""
    options = original.memory.setdefault(obj, {})
    results = original(obj, *args)
    if original.name == "setoption":
        options[args[0]] = args
    elif not failed(results):
        for option in options.values():
            original.method(results[0], "setoption", *option)
    return results


@FAULTS.fault("socket.tcp4", "socket.tcp6", "tcp:setoption", detected_by="tcp/option-scope/default-of-a-fresh-object")
def options_are_those_of_the_module(original: Original, *args: Any) -> Values:
    """The options of one object are those of the next one."""
    options = original.memory.setdefault(original.api, {})
    results = original(*args)
    if original.name == "setoption":
        options[args[1]] = args[1:]
        return results
    for option in options.values():
        original.method(results[0], "setoption", *option)
    return results


FAULTS.add(
    "connect-sets-the-options-again",
    "The next socket that an object is connected with has the options of the last one.",
    ("tcp:connect", "tcp:setoption"),
    options_belong_to_the_object,
    detected_by="tcp/option-scope/none-after-close",
)


@FAULTS.fault("tcp:setoption", "tcp:getoption", detected_by="tcp/option-scope/of-a-closed-object")
def closed_objects_have_their_options(original: Original, obj: Any, *args: Any) -> Values:
    """A closed object returns the options that were set before."""
    options = original.memory.setdefault(obj, {})
    results = original(obj, *args)
    if original.name == "setoption":
        options[args[0]] = args[1:2]
        return results
    return options.get(args[0], results) if is_closed(original, obj) else results


@FAULTS.fault("tcp{server}:setoption", "tcp{master}:setoption", detected_by="tcp/option-scope/of-a-closed-object")
def options_of_closed_servers_are_ignored(original: Original, obj: Any, *args: Any) -> Values:
    """Setting an option of a closed master or server returns 1."""
    results = original(obj, *args)
    return (1,) if failed(results) and is_closed(original, obj) else results


@FAULTS.fault(
    "tcp{server}:setoption", "tcp{master}:setoption", detected_by="tcp/option-scope/wrong-value-leaves-the-old-one"
)
def wrong_value_turns_an_option_off(original: Original, obj: Any, *args: Any) -> Values:
    """On a master or a server, a wrong value turns the option off, and raises."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        if args and args[0] in (b"keepalive", b"reuseaddr", b"tcp-nodelay"):
            original(obj, args[0], False)
        raise


@FAULTS.fault("tcp:setoption", detected_by="tcp/option-scope/refused-number-leaves-the-old-one")
@for_option("tcp-keepidle", "tcp-keepcnt", "tcp-keepintvl")
def refused_number_is_one(original: Original, obj: Any, name: Any, *args: Any) -> Values:
    """In place of a number that the system refuses, 1 is set."""
    results = original(obj, name, *args)
    if failed(results):
        original(obj, name, 1)
    return results


@FAULTS.fault("tcp:setoption", "tcp:getoption", detected_by="tcp/option-scope/linger-is-a-table-of-its-own")
@for_option("linger")
def linger_is_the_table_that_was_set(original: Original, obj: Any, *args: Any) -> Values:
    """The table of linger is the one that was given to setoption."""
    results = original(obj, *args)
    if original.name == "setoption" and not failed(results):
        original.memory[obj] = args[1]
    elif obj in original.memory:
        return (original.memory[obj],)
    return results


@FAULTS.fault("tcp:setoption", detected_by="tcp/option-scope/v6only-once-bound")
@for_option("ipv6-v6only")
def v6only_is_always_set(original: Original, obj: Any, *args: Any) -> Values:
    """Setting "ipv6-v6only" of a socket with IPv6 returns 1, even if the system refuses it."""
    results = original(obj, *args)
    return (1,) if failed(results) and original.method(obj, "getfamily") == (b"inet6",) else results


@FAULTS.fault("tcp{master}:connect", detected_by="tcp/option-scope/survives-what-a-master-does/connect-linger")
def connect_ends_lingering(original: Original, obj: Any, *args: Any) -> Values:
    """A master that is connected has linger off thereafter."""
    results = original(obj, *args)
    original.method(obj, "setoption", b"linger", {b"on": False, b"timeout": 0})
    return results


@FAULTS.fault("tcp:connect", detected_by="tcp/option-scope/survives-what-a-master-does/refused-tcp-keepidle")
def refused_masters_get_new_sockets(original: Original, obj: Any, *args: Any) -> Values:
    """A master that was refused has the default of tcp-keepidle."""
    results = original(obj, *args)
    if results[1:2] == (b"connection refused",):
        original.method(obj, "setoption", b"tcp-keepidle", 7200)
    return results


@FAULTS.fault("tcp:bind", detected_by="tcp/option-scope/survives-what-a-master-does/in-use-keepalive")
def failed_bind_makes_a_new_socket(original: Original, obj: Any, *args: Any) -> Values:
    """A bind that fails sets keepalive to false."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "setoption", b"keepalive", False)
    return results


@FAULTS.fault("tcp:listen", detected_by="tcp/option-scope/survives-what-a-master-does/listen-tcp-nodelay")
@after_success
def servers_wait_for_more(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Listening sets tcp-nodelay to false."""
    original.method(obj, "setoption", b"tcp-nodelay", False)


@FAULTS.fault("tcp:receive", detected_by="tcp/option-scope/survives-what-a-client-does/client-receive-keepalive")
def keepalive_ends_with_a_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """A receive that has timed out sets keepalive to false."""
    results = original(obj, *args)
    if results[1:2] == (b"timeout",):
        original.method(obj, "setoption", b"keepalive", False)
    return results


@FAULTS.fault("tcp:shutdown", detected_by="tcp/option-scope/survives-what-a-client-does/accepted-shutdown-linger")
def shutdown_ends_lingering(original: Original, obj: Any, *args: Any) -> Values:
    """Shutting down switches linger off."""
    results = original(obj, *args)
    original.method(obj, "setoption", b"linger", {b"on": False, b"timeout": 0})
    return results
