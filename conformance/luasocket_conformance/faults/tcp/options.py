"""Faulty ports that the behaviours of ``tcp/options.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    changes_failure,
    changes_result,
    changes_success,
    failed,
    is_closed,
    is_number,
    refuses_argument,
    returns_always,
    rewords,
)
from luasocket_conformance.faults.factories.families import add_missing_methods, add_uses_after_close
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.factories.options import (
    BOOLEANS,
    add_ignored_numbers,
    add_ignored_options,
    add_inverted_options,
    add_numbers_instead_of_booleans,
    add_unreadable_options,
    add_unsettable_options,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
    deadline=1.0,
)


FAULTS.add(
    "bind-in-use-has-a-capital",
    "The message is the system's.",
    "tcp:bind",
    rewords(b"address already in use", b"Address already in use"),
    detected_by="tcp/options/v6only-off-conflicts-with-ipv4",
    deadline=3.0,
)


@FAULTS.fault("tcp:bind", detected_by="tcp/options/without-reuseaddr-no-bind", deadline=3.0)
def bind_shares_addresses(original: Original, obj: Any, *args: Any) -> Values:
    """Every address can be bound twice."""
    original.method(obj, "setoption", b"reuseport", True)
    return original(obj, *args)


@FAULTS.fault("tcp:connect", "tcp:accept", detected_by="tcp/options/independent", deadline=3.0)
@after_success
def connect_sends_at_once(original: Original, results: Values, obj: Any, *_args: Any) -> None:
    """A client has "tcp-nodelay"."""
    original.method(results[0] if original.name == "accept" else obj, "setoption", b"tcp-nodelay", True)


@FAULTS.fault("tcp:connect", detected_by="tcp/options/per-object", deadline=3.0)
@after_success
def connect_keeps_alive(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A client has "keepalive"."""
    original.method(obj, "setoption", b"keepalive", True)


@FAULTS.fault("tcp:bind", detected_by="tcp/options/without-reuseaddr-no-bind", deadline=3.0)
def binding_reuses_addresses(original: Original, obj: Any, *args: Any) -> Values:
    """A master has "reuseaddr" when it is bound."""
    original.method(obj, "setoption", b"reuseaddr", True)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:close", detected_by="tcp/options/set-on-a-closed-client", deadline=3.0)
def tcp_close_shuts_down_only(original: Original, obj: Any, *_args: Any) -> Values:
    """Closing only shuts down both directions."""
    return original.method(obj, "shutdown")


@FAULTS.fault("tcp{master}:connect", detected_by="tcp/options/option-survives-connect", deadline=3.0)
def connect_forgets_the_local_address(original: Original, obj: Any, *args: Any) -> Values:
    """Connecting ignores the bound address."""
    original.method(obj, "close")
    return original(obj, *args)


@FAULTS.fault("*:setoption", violates="*:setoption/linger-off")
@for_option("linger")
def setoption_lingers_always(original: Original, obj: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    """For "linger", the field on is always true."""
    return original(obj, name, {**value, b"on": True} if isinstance(value, dict) and b"on" in value else value, *rest)


@FAULTS.fault("*:getoption", violates="*:getoption/linger")
@for_option("linger")
@changes_result(1)
def getoption_has_a_number_for_linger(value: Any) -> Any:
    """The value of "linger" is a number of seconds."""
    return value.get(b"timeout") if isinstance(value, dict) else value


_NUMBERS = {
    "recv-buffer-size": "tcp/system-options",
    "send-buffer-size": "tcp/system-options",
    "tcp-keepidle": "tcp/options",
    "tcp-keepcnt": "tcp/options",
    "tcp-keepintvl": "tcp/options",
    "ipv6-unicast-hops": "udp/options",
    "tcp-defer-accept": "tcp/system-options",
    "tcp-fastopen": "tcp/system-options",
}


@FAULTS.fault("*:setoption", detected_by=("tcp/options/number", "udp/options/number-converted"))
@for_option(*_NUMBERS)
@refuses_argument(3)
def setoption_wants_numbers(value: Any) -> object:
    """A string that holds a number raises."""
    return isinstance(value, bytes)


@FAULTS.fault("*:setoption", detected_by="tcp/options/boolean-of-wrong-type")
def setoption_takes_nil_for_false(
    original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any
) -> Values:
    """Without a value it is false."""
    return original(obj, name, False if value is None and name in {one.encode() for one in BOOLEANS} else value, *rest)


@FAULTS.fault("*:setoption", detected_by="tcp/options/boolean-of-wrong-type")
def setoption_takes_nil_for_true(
    original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any
) -> Values:
    """Without a value it is true."""
    return original(obj, name, True if value is None and name in {one.encode() for one in BOOLEANS} else value, *rest)


@FAULTS.fault("*:setoption", "*:getoption", detected_by="tcp/options/similar-name")
@changes_argument(2, bytes)
def options_are_known_in_capitals(name: bytes) -> Any:
    """Names in capitals are known."""
    return name.lower()


@FAULTS.fault("*:setoption", "*:getoption", detected_by="tcp/options/similar-name")
@changes_argument(2, bytes)
def options_are_known_with_underscores(name: bytes) -> Any:
    """Names with underscores are known."""
    return name.replace(b"_", b"-")


@FAULTS.fault("*:setoption", "*:getoption", detected_by="tcp/options/similar-name")
@changes_argument(2, bytes)
def options_end_at_a_blank(name: bytes) -> Any:
    """Blanks around a name are ignored."""
    return name.strip()


@FAULTS.fault("*:setoption", detected_by="tcp/options/on-a-master")
@for_option("linger")
@changes_argument(3)
def linger_is_in_milliseconds(value: Any) -> Any:
    """The field timeout is in milliseconds."""
    if isinstance(value, dict) and is_number(value.get(b"timeout")):
        return {**value, b"timeout": value[b"timeout"] / 1000}
    return value


@FAULTS.fault("*:setoption", detected_by="tcp/options/linger-bad-table")
@for_option("linger")
@changes_argument(3, dict)
def linger_needs_no_timeout(value: dict[Any, Any]) -> Any:
    """Without the field timeout it is 0."""
    return {b"timeout": 0, **value}


@FAULTS.fault("*:setoption", detected_by="tcp/options/linger-bad-table")
@for_option("linger")
@changes_argument(3, dict)
def linger_needs_no_on(value: dict[Any, Any]) -> Any:
    """Without the field on it is true."""
    return {b"on": True, **value}


@FAULTS.fault("*:setoption", detected_by="tcp/options/linger-bad-table")
@for_option("linger")
@changes_argument(3)
def linger_on_may_be_a_number(value: Any) -> Any:
    """The field on may be a number."""
    if isinstance(value, dict) and is_number(value.get(b"on")):
        return {**value, b"on": bool(value[b"on"])}
    return value


@FAULTS.fault("*:setoption", detected_by="tcp/options/linger-of-wrong-type")
@for_option("linger")
@changes_argument(3)
def linger_takes_a_boolean(value: Any) -> Any:
    """A boolean is accepted, too."""
    if isinstance(value, bool):
        return {b"on": value, b"timeout": 0}
    return value


@FAULTS.fault("*:setoption", detected_by="tcp/options/linger-bad-table")
@for_option("linger")
@refuses_argument(3)
def linger_wants_a_number(value: Any) -> object:
    """A timeout that is a string raises."""
    return isinstance(value, dict) and isinstance(value.get(b"timeout"), bytes)


@FAULTS.fault("*:getoption", detected_by="tcp/options/linger")
@for_option("linger")
@changes_result(1)
def linger_on_is_a_number(value: Any) -> Any:
    """The field on is a number."""
    return {**value, b"on": int(value[b"on"])}


@FAULTS.fault("*:getoption", detected_by="tcp/options/linger")
@for_option("linger")
@changes_result(1)
def linger_has_no_timeout(value: Any) -> Any:
    """The field timeout is missing."""
    return {b"on": value[b"on"]}


@FAULTS.fault("*:getoption", detected_by="tcp/options/error")
def error_is_zero(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """Without an error it is 0."""
    results = original(obj, name, *rest)
    if results == (None,) and name == b"error":
        return (0,)
    return results


@FAULTS.fault("*:getoption", detected_by="tcp/options/error")
def error_is_false(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """Without an error it is false."""
    results = original(obj, name, *rest)
    if results == (None,) and name == b"error":
        return (False,)
    return results


@FAULTS.fault("*:getoption", detected_by="tcp/options/error-after-end-and-reset")
@for_option("error")
@changes_result(1)
def error_is_a_number(value: Any) -> Any:
    """The error is its number."""
    if value:
        return 111
    return value


@FAULTS.fault("*:getoption", detected_by="tcp/options/error-after-a-reset")
@for_option("error")
@changes_result(1)
def error_has_a_capital(value: Any) -> Any:
    """The error is the system's message."""
    if value:
        return value.capitalize()
    return value


FAULTS.add(
    "error-is-never-there",
    "There is never an error.",
    "*:getoption",
    for_option("error")(returns_always(None)),
    detected_by="tcp/options/get-before-there-is-a-socket",
)


@FAULTS.fault("*:getoption", detected_by="tcp/options/error-after-end-and-reset")
@for_option("error")
def error_stays(original: Original, obj: Any, *args: Any) -> Values:
    """Reading the error does not clear it."""
    results = original(obj, *args)
    if results[0]:
        original.memory[obj] = results
    kept: Values = original.memory.get(obj, results)
    return kept


@FAULTS.fault("tcp:*option", detected_by="tcp/options/on-a-master")
def buffer_size_is_what_was_asked(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """The size of a buffer is exactly the size that was set."""
    results = original(obj, name, *rest)
    if isinstance(name, bytes) and name.endswith(b"buffer-size"):
        asked = original.memory.setdefault(obj, {})
        if original.name == "setoption" and not failed(results) and rest and is_number(rest[0]):
            asked[name] = rest[0]
        elif original.name == "getoption":
            return (asked.get(name, *results[:1]), *results[1:])
    return results


@FAULTS.fault("*:setoption", detected_by="tcp/options/set-before-there-is-a-socket")
def setoption_of_the_closed_is_fine(original: Original, *args: Any) -> Values:
    """On a closed object it returns 1."""
    results = original(*args)
    if failed(results) and is_closed(original, args[0]):
        return (1,)
    return results


@FAULTS.fault("*:getoption", detected_by="tcp/options/get-before-there-is-a-socket")
def getoption_of_the_closed_is_false(original: Original, *args: Any) -> Values:
    """Every option of a closed object is false."""
    results = original(*args)
    if failed(results) and is_closed(original, args[0]):
        return (False,)
    return results


@FAULTS.fault("*:setoption", "*:getoption", detected_by="tcp/options/set-before-there-is-a-socket")
@changes_failure
def setoption_failure_names_the_errno(_results: Values) -> Values:
    """The message is the system's."""
    return (None, b"Bad file descriptor")


@FAULTS.fault("*:setoption", detected_by="tcp/options/set-boolean")
@changes_success
def setoption_returns_nothing(_results: Values) -> Values:
    """There is no result."""
    return ()


@FAULTS.fault("*:setoption", detected_by="tcp/options/set-boolean")
def setoption_returns_the_value(
    original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any
) -> Values:
    """The result is the value."""
    results = original(obj, name, value, *rest)
    if failed(results):
        return results
    return (value,)


FAULTS.add(
    "setoption-error-raises-nothing",
    'The option "error" can be set.',
    "*:setoption",
    for_option("error")(returns_always(1)),
    detected_by="tcp/options/read-only",
)

FAULTS.add(
    "ttl-can-be-read",
    'The option "ip-multicast-ttl" can be read.',
    "*:getoption",
    for_option("ip-multicast-ttl")(returns_always(1)),
    detected_by="tcp/options/option-of-udp",
)


@FAULTS.fault("tcp:getoption", detected_by="tcp/options/error-after-end-and-reset")
@changes_result(1)
def errors_without_a_message_are_unknown(message: Any) -> Any:
    """A pending error without a message of LuaSocket's own is "unknown error"."""
    if message == b"Broken pipe":
        return b"unknown error"
    return message


add_ignored_options(
    FAULTS, {"keepalive": ("keepalive",), "tcp-nodelay": ("tcp-nodelay",), "linger": ("linger", "linger-on")}
)
add_inverted_options(FAULTS, "keepalive", "tcp-nodelay")
add_numbers_instead_of_booleans(FAULTS, "keepalive", "tcp-nodelay")
add_unreadable_options(
    FAULTS,
    "tcp",
    "keepalive",
    "reuseaddr",
    "tcp-nodelay",
    "reuseport",
    "linger",
    "error",
    "recv-buffer-size",
    "send-buffer-size",
    "tcp-keepidle",
    "tcp-keepcnt",
    "tcp-keepintvl",
)
add_unsettable_options(
    FAULTS,
    "tcp",
    "keepalive",
    "reuseaddr",
    "tcp-nodelay",
    "reuseport",
    "linger",
    "ipv6-v6only",
    "recv-buffer-size",
    "send-buffer-size",
    "tcp-keepidle",
    "tcp-keepcnt",
    "tcp-keepintvl",
)
add_ignored_numbers(FAULTS, "tcp/options", "tcp-keepidle", "tcp-keepcnt", "tcp-keepintvl")
add_missing_methods(FAULTS, "tcp", {"getoption": "tcp/options/default"})
add_uses_after_close(
    FAULTS,
    "tcp",
    {"setoption": "tcp/options/unknown-on-a-closed-client", "getoption": "tcp/options/unknown-on-a-closed-client"},
)


@FAULTS.fault("tcp:getoption", "tcp:setoption", detected_by="tcp/options/name-in-capitals")
@changes_argument(2)
def options_have_any_case(name: Any) -> Any:
    """The names of options may be written in capitals."""
    return name.lower() if isinstance(name, bytes) else name


@FAULTS.fault("tcp:setoption", detected_by="tcp/options/linger-off-with-a-time")
@for_option("linger")
def linger_is_on_with_a_time(original: Original, obj: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    """Linger is on if its time is not 0."""
    if isinstance(value, dict) and value.get(b"on") is False and is_number(value.get(b"timeout")):
        value[b"on"] = value[b"timeout"] > 0
    return original(obj, name, value, *rest)


@FAULTS.fault("tcp:getoption", detected_by="tcp/options/linger-off-keeps-the-time")
@changes_success
def linger_off_has_no_time(results: Values) -> Values:
    """With linger off, the timeout reads as 0."""
    linger = results[0] if results else None
    if isinstance(linger, dict) and linger.get(b"on") is False:
        linger[b"timeout"] = 0
    return results


@FAULTS.fault("tcp{server}:setoption", detected_by="tcp/options/linger-of-a-server-in-other-forms/fraction")
def linger_of_a_server_is_whole(original: Original, obj: Any, *args: Any) -> Values:
    """On a server, a fraction of a second in linger raises an error."""
    linger = args[1] if len(args) > 1 else None
    seconds = linger.get(b"timeout") if isinstance(linger, dict) else None
    if isinstance(seconds, float) and not seconds.is_integer():
        raise original.api.LuaError(b"number has no integer representation")
    return original(obj, *args)


@FAULTS.fault("tcp:getoption", detected_by="tcp/options/buffer-size-of-any-value")
@for_option("recv-buffer-size", "send-buffer-size")
@changes_result(1)
def tcp_buffer_sizes_have_sixteen_bits(size: Any) -> Any:
    """Sizes of buffers are returned modulo 65536."""
    return float(size % 0x10000) if is_number(size) else size
