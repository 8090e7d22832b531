"""Faults that many functions can have, added for one function or kind of objects at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from luasocket_conformance.faults.factories import (
    changes_argument,
    changes_failure,
    changes_result,
    changes_success,
    failure_starts_with_false,
    is_number,
    raises_failures,
    raises_when_closed,
    refuses_more_than,
    returns_afterwards,
    returns_always,
    success_has_empty_error,
)
from luasocket_conformance.faults.mechanism import ABSENT, Constant, Faults, Mistake, Values


def short_name(target: str) -> str:
    """Return a target as a part of a name: ``tcp-bind``."""
    return target.removeprefix("socket.").replace(":", "-")


def add_result_shapes(faults: Faults, target: str, *functions: str, can_fail: bool = True) -> None:
    """Add the mistakes that can be made in the shape of any result.

    Parameters
    ----------
    faults
        Where they are added.
    target
        The function.
    functions
        Its names in statements, as ``master:bind``.
    can_fail
        Whether it has a failure that behaviours can cause.
    """
    name = short_name(target)
    faults.add(
        f"{name}-success-has-an-error",
        "On success an empty message follows.",
        target,
        changes_success(success_has_empty_error),
        violates=tuple(f"{function}/no-error" for function in functions),
    )
    if can_fail:
        errors = tuple(f"{function}/error" for function in functions)
        faults.add(
            f"{name}-failure-is-false",
            "The first result of a failure is false.",
            target,
            changes_failure(failure_starts_with_false),
            violates=errors,
        )
        faults.add(f"{name}-failure-raises", "A failure raises its message.", target, raises_failures, violates=errors)


def _returns_true(_one: Any) -> Any:
    return True


def _returns_nothing(_results: Values) -> Values:
    return ()


def add_returns_true(faults: Faults, target: str, *statements: str) -> None:
    """Add that a function which returns a number returns true instead."""
    faults.add(
        f"{short_name(target)}-returns-true",
        "The result of a success is true.",
        target,
        changes_result(1)(_returns_true),
        violates=statements,
    )


def add_returns_nothing(faults: Faults, target: str, *statements: str) -> None:
    """Add that a function which returns 1 returns nothing instead."""
    faults.add(
        f"{short_name(target)}-returns-nothing",
        "There is no result instead of 1.",
        target,
        changes_success(_returns_nothing),
        violates=statements,
    )


def add_uses_after_close(faults: Faults, kind: str, methods: Mapping[str, str]) -> None:
    """Add, for each method of a kind of objects, that it raises after ``close``; the values are selectors."""
    for method, selector in methods.items():
        faults.add(
            f"{kind}-{method}-after-close-raises",
            "On a closed object it raises.",
            (f"{kind}:{method}", f"{kind}:close"),
            raises_when_closed,
            detected_by=selector,
        )


def add_more_arguments(faults: Faults, kind: str, methods: Mapping[str, tuple[int, str]]) -> None:
    """Add, for each method, that more arguments than it has raise; the values are their number and a selector."""
    for method, (count, selector) in methods.items():
        faults.add(
            f"{kind}-{method}-takes-no-more-arguments",
            "An argument too many raises.",
            f"{kind}:{method}",
            refuses_more_than(count),
            detected_by=selector,
        )


def add_missing_methods(faults: Faults, kind: str, methods: Mapping[str, str]) -> None:
    """Add, for each method, that it is missing; the values are selectors."""
    for method, selector in methods.items():
        faults.add(
            f"{kind}-{method}-is-missing",
            "There is no such method.",
            f"{kind}:{method}",
            ABSENT,
            detected_by=selector,
        )


def add_close_returns_true(faults: Faults, kind: str) -> None:
    """Add that ``close`` returns true."""
    faults.add(
        f"{kind}-close-returns-true",
        "The result is true.",
        f"{kind}:close",
        returns_afterwards(True),
        detected_by=f"{kind}/close",
    )


def add_setfd_returns_one(faults: Faults, kind: str) -> None:
    """Add that ``setfd`` returns 1."""
    faults.add(
        f"{kind}-setfd-returns-one",
        "The result is 1.",
        f"{kind}:setfd",
        returns_afterwards(1),
        detected_by=f"{kind}/states",
    )


def _as_string(value: Any) -> Any:
    return str(value).encode()


def add_getfd_is_a_string(faults: Faults, kind: str) -> None:
    """Add that ``getfd`` returns a string."""
    faults.add(
        f"{kind}-getfd-is-a-string",
        "The descriptor is a string.",
        f"{kind}:getfd",
        changes_result(1)(_as_string),
        detected_by=f"{kind}/descriptor",
    )


def _address_only(results: Values) -> Values:
    return results[:2]


def _inet4_is_inet(family: Any) -> Any:
    return b"inet" if family == b"inet4" else family


def _always_inet(_family: Any) -> Any:
    return b"inet"


def add_wrong_names(faults: Faults, kind: str) -> None:
    """Add mistakes in the names and families of a kind of objects."""
    own, peer, family = f"{kind}:getsockname", f"{kind}:getpeername", f"{kind}:getfamily"
    rows: tuple[tuple[str, str, str | tuple[str, ...], Mistake], ...] = (
        ("getpeername-port-is-a-string", "The port is a string.", peer, changes_result(2)(_as_string)),
        ("getsockname-returns-two-results", "The family is missing.", own, changes_success(_address_only)),
        ("getpeername-returns-two-results", "The family is missing.", peer, changes_success(_address_only)),
        ("getfamily-is-inet", 'The family is "inet".', family, changes_result(1)(_inet4_is_inet)),
        ("getfamily-is-always-inet4", 'The family is always "inet4".', family, returns_always(b"inet4")),
        (
            "family-is-always-inet",
            'The family of a name is always "inet".',
            (own, peer),
            changes_result(3)(_always_inet),
        ),
    )
    for name, says, targets, mistake in rows:
        faults.add(f"{kind}-{name}", says, targets, mistake, detected_by=f"{kind}/names")


def add_other_names(faults: Faults, target: str, **changed: tuple[Callable[[Any], Any], tuple[str, ...]]) -> None:
    """Add that a name has another address, port or family: by the word, the change and the statements it violates."""
    for position, word in enumerate(("address", "port", "family"), 1):
        change, statements = changed[word]
        faults.add(
            f"{short_name(target)}-tells-another-{word}",
            f"The {word} is not that of the socket.",
            target,
            changes_result(position)(change),
            violates=statements,
        )


def other_address(_address: Any) -> Any:
    """Return an address that no socket of the tests has."""
    return b"10.0.0.1"


def other_family(_family: Any) -> Any:
    """Return a name of a family that LuaSocket does not use."""
    return b"ipv4"


def add_wrong_classes(faults: Faults, kind: str, first_class: bytes) -> None:
    """Add mistakes in the field class of a kind of objects, and in what ``tostring`` makes of them.

    Parameters
    ----------
    faults, kind
        As for the others.
    first_class
        The class of a new object.
    """

    def address(text: bytes) -> bytes:
        return text[text.index(b":") :]

    def without_address(text: bytes) -> bytes:
        return text.partition(b":")[0]

    def userdata(text: bytes) -> bytes:
        return b"userdata" + address(text)

    def first(text: bytes) -> bytes:
        return first_class + address(text)

    def kind_alone(text: bytes) -> bytes:
        return kind.encode() + address(text)

    def one_address(text: bytes) -> bytes:
        return text.partition(b":")[0] + b": 0x1234"

    texts: tuple[tuple[str, str, Callable[[bytes], bytes]], ...] = (
        ("has-no-address", "As a string, an object is its class.", without_address),
        ("is-userdata", "As a string, an object is userdata.", userdata),
        ("is-what-it-was", "As a string, an object has its first class for ever.", first),
        ("is-of-the-kind", "As a string, an object is its kind alone.", kind_alone),
        ("is-the-same-for-all", "All objects are the same string.", one_address),
    )
    for name, says, change in texts:
        faults.add(
            f"{kind}-tostring-{name}",
            says,
            f"{kind}:tostring",
            changes_result(1)(change),
            detected_by=f"{kind}/names",
        )
    classes: tuple[tuple[str, str, Mistake | Constant], ...] = (
        ("is-of-the-kind", "The class of an object is its kind alone.", returns_always(kind.encode())),
        ("is-what-it-was", "An object has its first class for ever.", returns_always(first_class)),
        ("is-missing", "An object has no field class.", ABSENT),
    )
    for name, says, mistake in classes:
        faults.add(f"{kind}-class-{name}", says, f"{kind}:class", mistake, detected_by=f"{kind}/names")


def add_missing_fields(faults: Faults, fields: Mapping[str, str]) -> None:
    """Add, for each function or constant of the module, that it is missing; the values are selectors."""
    for name, selector in fields.items():
        faults.add(
            f"{name.strip('_').lower()}-is-absent",
            "It is missing.",
            f"socket.{name}",
            ABSENT,
            detected_by=selector,
            also_fails=("tcp", "udp", "connect", "select", "helper", "except", "sink", "source", "module"),
        )


def _port_without_name(port: Any) -> Any:
    return 0 if port in (2628, b"2628") else port


def add_named_port_is_zero(faults: Faults, target: str, position: int, selector: str) -> None:
    """Add that a port that has a name in the system's list of services is returned as 0."""
    faults.add(
        f"{target.replace(':', '-')}-asks-for-the-name-of-the-port",
        "A port that has a name is 0, because its name is not a number.",
        target,
        changes_result(position)(_port_without_name),
        detected_by=selector,
    )


def _wraps_milliseconds(seconds: Any) -> Any:
    large = is_number(seconds) and 1e6 < seconds < float("inf")
    return int(seconds * 1000) % 2**32 / 1000 if large else seconds


def add_milliseconds_wrap(faults: Faults, target: str, position: int, selectors: tuple[str, ...]) -> None:
    """Add that a long time, counted as milliseconds in 32 bits, wraps around."""
    faults.add(
        f"{target.rpartition(':')[2].removeprefix('socket.')}-counts-milliseconds-in-32-bits",
        "A long time wraps around.",
        target,
        changes_argument(position)(_wraps_milliseconds),
        detected_by=selectors,
    )


def _drops_the_fraction(seconds: Any) -> Any:
    return seconds // 1 if 1 < seconds < 1e9 else seconds


def add_whole_seconds(faults: Faults, target: str, position: int, selector: str) -> None:
    """Add that a time of more than a second is cut to whole seconds."""
    faults.add(
        f"{short_name(target)}-drops-the-fraction",
        "A timeout of more than a second is cut to whole seconds.",
        target,
        changes_argument(position, float)(_drops_the_fraction),
        detected_by=selector,
    )
