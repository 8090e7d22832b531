"""Faulty ports that the behaviours of ``sequences.yaml`` detect."""

from __future__ import annotations

import math
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_result,
    failed,
    is_number,
    refuses_argument,
)
from luasocket_conformance.faults.factories.closures import changes_protected
from luasocket_conformance.faults.factories.select import (
    changes_values,
    descriptor_of,
    first_result,
    listed,
    numbered,
    raise_for,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), deadline=1.0)


@FAULTS.fault("socket.skip", detected_by="sequences/skip-of-many-values")
def skip_takes_250_values(original: Original, *args: Any) -> Values:
    """No more than 250 values are taken."""
    return original(*args[:251])


@FAULTS.fault("socket.sleep", detected_by="sequences/short-sleep")
@changes_argument(1)
def short_sleeps_are_nothing(seconds: Any) -> Any:
    """A sleep of less than 20 milliseconds returns at once."""
    return 0 if is_number(seconds) and seconds < 0.02 else seconds


@FAULTS.fault("socket.dns.tohostname", detected_by="sequences/tohostname-of-a-short-address")
@refuses_argument(1)
def tohostname_wants_four_numbers(address: Any) -> object:
    """An IPv4 address with fewer than four numbers is refused."""
    digits = isinstance(address, bytes) and address.replace(b".", b"").isdigit()
    return digits and address.count(b".") != 3


@FAULTS.fault(
    "socket.dns.toip", "socket.dns.tohostname", detected_by="sequences/dns-twice", also_fails=("dns", "errors")
)
def failed_lookup_stays(original: Original, *args: Any) -> Values:
    """After a look-up that has failed, every other one fails, too."""
    if original.memory.get(original.api):
        return (None, b"host not found")
    results = original(*args)
    original.memory[original.api] = failed(results)
    return results


@FAULTS.fault("socket.protect", detected_by="sequences/protect-passes-the-same-error")
def protect_raises_a_copy(original: Original, *args: Any) -> Values:
    """An ordinary error that is a table is raised as a copy."""
    (made,) = original(*args)

    def protected(*values: Any) -> Values:
        try:
            results: Values = made(*values)
        except original.api.LuaError as error:
            value = error.args[0]
            if not isinstance(value, dict):
                raise
            copy = original.api.Table()
            for key, entry in value.items():
                copy[key] = entry
            raise original.api.LuaError(copy) from None
        return results

    return (protected,)


@FAULTS.fault("socket.newtry", "socket.protect", detected_by="sequences/error-after-an-exception")
def exception_stays_under_way(original: Original, function: Any = None, *rest: Any) -> Values:
    """The next error is taken for the exception that was thrown before, until a protected function has returned one."""
    under_way = original.memory.setdefault(original.api, [])
    (made,) = original(function, *rest)

    def called(*values: Any) -> Values:
        try:
            results: Values = made(*values)
        except original.api.LuaError as error:
            if original.name == "newtry":
                under_way[:] = [error]
            elif under_way:
                under_way.clear()
                return (None, error.args[0])
            raise
        if original.name == "protect" and results[:1] == (None,):
            under_way.clear()
        return results

    return (called,)


@FAULTS.fault("socket.protect", detected_by="sequences/error-that-is-nil")
@changes_protected
def error_that_is_nil_is_returned(original: Original, protected: Any, _function: Any, *args: Any) -> Values:
    """An ordinary error whose value is nil is taken for an exception without a message."""
    try:
        results: Values = protected(*args)
    except original.api.LuaError as error:
        if error.args[0] is None:
            return (None, None)
        raise
    return results


@FAULTS.fault("socket.select", detected_by="sequences/select-behind-many-others")
@changes_values
def select_takes_64_entries(values: list[Any]) -> list[Any]:
    """What is behind the first 64 entries of a list is ignored."""
    return values[:64]


@FAULTS.fault("socket.select", detected_by="sequences/select-highest-descriptor")
def highest_descriptor_is_too_large(original: Original, *args: Any) -> Values:
    """The descriptor 1023 is too large in the second list."""
    raise_for(
        original, args[1:2], lambda obj: descriptor_of(original, obj) == 1023, b"descriptor too large for set size"
    )
    return original(*args)


@FAULTS.fault("socket.select", detected_by="sequences/select-too-large-descriptor")
def select_has_a_limit_of_2048(original: Original, *args: Any) -> Values:
    """The limit of descriptors is 2048."""
    if any(1024 <= descriptor_of(original, obj) < 2048 for table in args[:2] for obj in listed(table)):
        return (original.api.Table(), original.api.Table(), b"timeout")
    return original(*args)


@FAULTS.fault(
    "socket.select", detected_by=("sequences/select-asks-a-reader-twice", "sequences/select-asks-a-writer-once")
)
def select_asks_for_the_descriptor_again(original: Original, *args: Any) -> Values:
    """The getfd of an object is called once more than needed."""
    for table in args[:2]:
        for obj in listed(table):
            first_result(original, obj, "getfd")
    return original(*args)


@FAULTS.fault("socket.select", detected_by="sequences/select-twice")
def select_repeats_its_results(original: Original, *args: Any) -> Values:
    """An object that was readable once stays readable."""
    results = original(*args)
    ready = listed(results[0])
    if not ready and original.memory.get(original.api):
        again = [obj for obj in listed(args[0]) if obj in original.memory[original.api]]
        if again:
            return (numbered(again), *results[1:2])
    original.memory[original.api] = ready
    return results


@FAULTS.fault("socket.select", detected_by="sequences/short-timeout-of-select")
@changes_argument(3)
def select_rounds_its_timeout_up(seconds: Any) -> Any:
    """The timeout is rounded up to whole seconds."""
    return math.ceil(seconds) if is_number(seconds) and 0 < seconds < 1e6 else seconds


@FAULTS.fault("socket.connect*", "socket.bind", detected_by="sequences/made-without-timeouts")
def made_objects_have_a_timeout(original: Original, *args: Any) -> Values:
    """The object that connect or bind returns has a timeout of a minute."""
    results = original(*args)
    if not failed(results):
        original.method(results[0], "settimeout", 60)
    return results


@FAULTS.fault("tcp:bind", "tcp:connect", "udp:setsockname", "udp:setpeername", detected_by="sequences/short-address")
def addresses_have_four_numbers(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """An IPv4 address with fewer than four numbers is not found."""
    digits = isinstance(address, bytes) and address.replace(b".", b"").isdigit()
    if digits and address.count(b".") != 3:
        return (None, b"host not found")
    return original(obj, address, *rest)


@FAULTS.fault(
    "socket.dns.toip",
    "socket.dns.tohostname",
    "socket.dns.getaddrinfo",
    "socket.dns.getnameinfo",
    detected_by=("sequences/tables-are-new", "sequences/lists-are-new"),
)
def look_ups_share_their_tables(original: Original, *args: Any) -> Values:
    """A second call with the same argument returns the table of the first one."""
    results = original(*args)
    if failed(results):
        return results
    shared = original.memory.setdefault(original.api, {})
    return tuple(
        shared.setdefault((original.name, args[0], place), value) if isinstance(value, dict) else value
        for place, value in enumerate(results)
    )


@FAULTS.fault("socket.select", detected_by="sequences/select-tables-are-new/nothing")
def select_has_one_empty_table(original: Original, *args: Any) -> Values:
    """Every empty table that select returns is the same."""
    empty = original.memory.setdefault(original.api, original.api.Table())
    return tuple(empty if isinstance(value, dict) and not value else value for value in original(*args))


@FAULTS.fault("socket.select", detected_by="sequences/select-tables-are-new/both")
def select_returns_the_same_tables(original: Original, *args: Any) -> Values:
    """The two tables that select returns are the same ones in each call, filled again."""
    results = original(*args)
    kept = original.memory.setdefault(original.api, (original.api.Table(), original.api.Table()))
    for table, found in zip(kept, results, strict=False):
        table.clear()
        for key, value in found.items():
            table[key] = value
    return (*kept, *results[2:])


@FAULTS.fault("socket.select", detected_by="sequences/select-returns-no-argument")
def select_fills_its_arguments(original: Original, *args: Any) -> Values:
    """Select returns the tables that it was given, with what is ready in them."""
    results = list(original(*args))
    for place, given in enumerate(args[:2]):
        if isinstance(given, dict):
            found = dict(results[place].items())
            given.clear()
            for key, value in found.items():
                given[key] = value
            results[place] = given
    return tuple(results)


@FAULTS.fault("tcp:getoption", detected_by="sequences/linger-tables-are-new")
def linger_is_one_table(original: Original, obj: Any, *args: Any) -> Values:
    """The table of linger is the same in each call, with the values of the last one."""
    results = original(obj, *args)
    if results and isinstance(results[0], dict):
        kept = original.memory.setdefault(obj, original.api.Table())
        for key, value in results[0].items():
            kept[key] = value
        return (kept, *results[1:])
    return results


@FAULTS.fault("socket.gettime", detected_by=("sequences/clock-moves", "sequences/clock-counts-milliseconds"))
@changes_result(1)
def gettime_moves_every_hundredth_second(seconds: Any) -> Any:
    """The clock moves in steps of ten milliseconds."""
    return math.floor(seconds * 100) / 100


@FAULTS.fault("udp:setsockname", "udp:setpeername", detected_by="sequences/name-in-capitals")
@refuses_argument(2)
def names_are_in_small_letters(host: Any) -> object:
    """A host name with capitals is refused."""
    return isinstance(host, bytes) and host != host.lower()


@FAULTS.fault("udp:sendto", detected_by="sequences/address-as-a-number")
@refuses_argument(3)
def sendto_takes_no_hexadecimal_address(host: Any) -> object:
    """An address in hexadecimal is refused."""
    return isinstance(host, bytes) and host.startswith(b"0x")


@FAULTS.fault("socket.skip", detected_by="sequences/skip-returns-many-values")
def skip_returns_254_values(original: Original, *args: Any) -> Values:
    """No more than 254 values are returned."""
    return original(*args)[:254]


@FAULTS.fault("socket.skip", detected_by="sequences/skip-returns-many-values")
def skip_ends_at_a_nil(original: Original, *args: Any) -> Values:
    """Of more than ten values, the last one is lost if it is nil."""
    results = original(*args)
    return results[:-1] if len(results) > 10 and results[-1] is None else results


@FAULTS.fault(
    "socket.dns.get*info", detected_by="sequences/addresses-of-both-families-in-turn", also_fails=("dns", "errors")
)
def lookups_keep_to_one_family(original: Original, *args: Any) -> Values:
    """After an IPv6 address, IPv4 addresses are not found."""
    ipv6 = args[:1] == (b"::1",)
    if original.memory.get(original.api) and args[:1] == (b"127.0.0.1",):
        return (None, b"host or service not provided, or not known")
    original.memory[original.api] = original.memory.get(original.api) or ipv6
    return original(*args)


@FAULTS.fault("socket.select", detected_by="sequences/select-of-callable-tables")
def select_calls_functions_only(original: Original, *args: Any) -> Values:
    """An object whose getfd is a table that can be called raises."""
    for table in args[:2]:
        for obj in listed(table):
            if isinstance(obj, dict) and isinstance(original.api.index(obj, "getfd"), dict):
                raise original.api.LuaError(b"attempt to call a table value")
    return original(*args)


@FAULTS.fault("socket.dns.to*", detected_by="sequences/resolved-table-stays-the-same/toip", also_fails=("dns",))
def host_name_becomes_an_alias(original: Original, *args: Any) -> Values:
    """The name that tohostname has found is an alias in the next table of toip."""
    results = original(*args)
    if failed(results):
        return results
    if original.name == "tohostname":
        original.memory[original.api] = results[0]
    elif original.memory.get(original.api):
        results[1][b"alias"][len(results[1][b"alias"]) + 1] = original.memory.pop(original.api)
    return results
