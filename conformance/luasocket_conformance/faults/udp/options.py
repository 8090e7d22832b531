"""Faulty ports that the behaviours of ``udp/options.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    after_success,
    changes_argument,
    changes_result,
    changes_success,
    failed,
    is_number,
    raises_failures,
    refuses_argument,
)
from luasocket_conformance.faults.factories.families import add_uses_after_close
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.factories.options import (
    BOOLEANS,
    add_ignored_numbers,
    add_ignored_options,
    add_inverted_options,
    add_numbers_instead_of_booleans,
    add_refused_booleans,
    add_unreadable_options,
    add_unsettable_options,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=("udp", "select", "inheritance", "helper", "module", "tcp/options", "tcp/states", "tcp", "connect"),
    deadline=1.0,
)


@FAULTS.fault("udp:setsockname", detected_by="udp/options/without-reuse-no-bind")
def setsockname_shares_addresses(original: Original, obj: Any, *args: Any) -> Values:
    """Every address can be bound twice."""
    original.method(obj, "setoption", b"reuseport", True)
    return original(obj, *args)


@FAULTS.fault("socket.udp*", detected_by="udp/options/independent")
@after_success
def udp_may_broadcast(original: Original, results: Values, *_args: Any) -> None:
    """Every object may broadcast."""
    original.method(results[0], "setoption", b"broadcast", True)


@FAULTS.fault("udp:setsockname", detected_by="udp/options/without-reuse-no-bind")
def udp_reuses_addresses(original: Original, obj: Any, *args: Any) -> Values:
    """Every object has "reuseaddr"."""
    original.method(obj, "setoption", b"reuseaddr", True)
    return original(obj, *args)


@FAULTS.fault("*:getoption", violates="*:getoption/ip-multicast-if")
@for_option("ip-multicast-if")
@changes_result(1)
def getoption_has_a_number_for_ip_multicast_if(_address: Any) -> Any:
    """The value of "ip-multicast-if" is a number."""
    return 0


@FAULTS.fault("*:setoption", violates="*:setoption/option")
def setoption_wants_the_value_first(
    original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any
) -> Values:
    """The value comes before the name."""
    return original(obj, value, name, *rest)


@FAULTS.fault("*:getoption", violates=("*:getoption/as-set", "*:getoption/returns"))
@refuses_argument(2)
def getoption_knows_other_names(name: Any) -> object:
    """The names are those of the C constants."""
    return isinstance(name, bytes) and name.islower()


@FAULTS.fault("*:setoption", violates="*:setoption/returns")
@changes_result(1)
def setoption_returns_true(_one: Any) -> Any:
    """The result is true instead of 1."""
    return True


@FAULTS.fault("*:setoption", violates="*:setoption/no-error")
@changes_success
def setoption_success_has_an_error(results: Values) -> Values:
    """On success an empty message follows."""
    return (*results, b"")


@FAULTS.fault("*:getoption", violates="*:getoption/no-error")
@changes_success
def getoption_success_has_an_error(results: Values) -> Values:
    """On success an empty message follows."""
    return (*results, b"")


@FAULTS.fault("*:setoption", violates="*:setoption/error")
def setoption_takes_everything(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """Unknown options and wrong values are silently accepted."""
    try:
        return original(obj, name, *rest)
    except original.api.LuaError:
        return (1,)


FAULTS.add(
    "setoption-failure-raises",
    "A failure raises its message.",
    "*:setoption",
    raises_failures,
    violates="*:setoption/error",
)


@FAULTS.fault(
    "*:getoption",
    violates=(
        "*:getoption/error",
        "*:getoption/ip-multicast-ttl",
        "*:getoption/ip-add-membership",
        "*:getoption/ip-drop-membership",
    ),
)
def getoption_knows_everything(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """Unknown and unreadable options are nil, without a message."""
    try:
        results = original(obj, name, *rest)
    except original.api.LuaError:
        return (None,)
    return (None,) if failed(results) else results


@FAULTS.fault("*:setoption", detected_by="udp/options/boolean-of-wrong-type")
@for_option(*BOOLEANS)
@changes_argument(3)
def setoption_takes_numbers_for_booleans(value: Any) -> Any:
    """The numbers 0 and 1 are false and true."""
    if is_number(value):
        return bool(value)
    return value


@FAULTS.fault("*:setoption", "*:getoption", detected_by="udp/options/option-of-tcp")
@changes_argument(2)
def keepalive_is_nodelay(name: Any) -> Any:
    """The two options are confused."""
    if name == b"keepalive":
        return b"tcp-nodelay"
    return name


@FAULTS.fault("*:setoption", "*:getoption", detected_by="udp/options/broadcast-lets-send")
@changes_argument(2)
def broadcast_is_dontroute(name: Any) -> Any:
    """The two options are confused."""
    if name == b"broadcast":
        return b"dontroute"
    return name


@FAULTS.fault("*:setoption", detected_by="udp/options/ip-multicast-if")
@for_option("ip-multicast-if")
@refuses_argument(3)
def multicast_if_knows_no_asterisk(value: Any) -> object:
    """The address "*" is refused."""
    return value == b"*"


add_ignored_options(
    FAULTS,
    {
        "reuseaddr": ("reuseaddr",),
        "ipv6-v6only": ("ipv6-v6only",),
        "dontroute": ("dontroute",),
        "broadcast": ("broadcast",),
        "reuseport": ("reuseport",),
        "ip-multicast-if": ("ip-multicast-if",),
        "ip-multicast-ttl": ("ip-multicast-ttl",),
    },
)
add_inverted_options(FAULTS, "reuseaddr", "ipv6-v6only", "dontroute", "broadcast", "reuseport")
add_numbers_instead_of_booleans(
    FAULTS, "reuseaddr", "ipv6-v6only", "dontroute", "broadcast", "reuseport", "ip-multicast-loop"
)
add_refused_booleans(FAULTS, "reuseaddr", "reuseport", "dontroute", "broadcast", "ip-multicast-loop", "ipv6-v6only")
add_unreadable_options(
    FAULTS,
    "udp",
    "dontroute",
    "broadcast",
    "reuseaddr",
    "reuseport",
    "error",
    "ip-multicast-if",
    "ip-multicast-loop",
    "ipv6-unicast-hops",
    "ipv6-multicast-hops",
    "ipv6-multicast-loop",
    "ipv6-v6only",
    "recv-buffer-size",
    "send-buffer-size",
)
add_unsettable_options(
    FAULTS,
    "udp",
    "ipv6-unicast-hops",
    "ipv6-multicast-hops",
    "ipv6-multicast-loop",
    "ipv6-add-membership",
    "ipv6-drop-membership",
    "recv-buffer-size",
    "send-buffer-size",
    "ip-multicast-ttl",
    "ip-multicast-if",
)
add_ignored_numbers(FAULTS, "udp/options", "ipv6-unicast-hops")
add_uses_after_close(
    FAULTS,
    "udp",
    {"setoption": "udp/options/unknown-on-a-closed-object", "getoption": "udp/options/unknown-on-a-closed-object"},
)


@FAULTS.fault("udp:getoption", "udp:setoption", detected_by="udp/options/name-in-capitals")
@changes_argument(2)
def udp_options_have_any_case(name: Any) -> Any:
    """The names of options may be written in capitals."""
    return name.lower() if isinstance(name, bytes) else name


@FAULTS.fault("udp:getoption", detected_by="udp/options/buffer-size-of-any-value")
@for_option("recv-buffer-size", "send-buffer-size")
@changes_result(1)
def buffer_sizes_have_sixteen_bits(size: Any) -> Any:
    """Sizes of buffers are returned modulo 65536."""
    return float(size % 0x10000) if is_number(size) else size
