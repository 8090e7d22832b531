"""Mistakes that are made again and again, whatever the function: a result too many, an argument that is not looked at.

What lives here: functions that return a mistake, or add a family of them, and what mistakes need to look at values.
What may not: a wrong port of one function (the modules named for subjects). Positions of arguments and results count
from 1; the first argument of a method is its object, as in LuaSocket's own messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Constant, Mistake, Right, Values

#: Subjects in which one receives from streams, or sends to them.
STREAMS = ("tcp", "connect", "select", "helper", "except", "sink", "source", "module")

Change = Callable[[Any], Any]
Test = Callable[[Any], bool]


def failed(results: Values) -> bool:
    """Tell whether results are those of a failure: nil and a message."""
    return len(results) > 1 and results[0] is None


def is_number(value: Any) -> bool:
    """Tell whether a value is a number of Lua."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_closed(right: Right, thing: Any) -> bool:
    """Tell whether an object has no descriptor (any more)."""
    return right.method(thing, "getfd") == (-1,)


def is_one_of(*values: Any) -> Test:
    """Return a test for being one of some values."""
    return lambda value: value in values


def is_ipv4(text: Any) -> bool:
    """Tell whether a value looks like an IPv4 address."""
    return isinstance(text, bytes) and text.replace(b".", b"").isdigit()


def is_ipv6(text: Any) -> bool:
    """Tell whether a value looks like an IPv6 address."""
    return isinstance(text, bytes) and b":" in text


def is_host_name(text: Any) -> bool:
    """Tell whether a value may be the name of a host."""
    return isinstance(text, bytes) and not is_ipv4(text) and not is_ipv6(text)


def _at(values: Values, position: int, change: Change) -> Values:
    return tuple(change(value) if number == position else value for number, value in enumerate(values, 1))


# -- results


def success(change: Callable[[Values], Values]) -> Mistake:
    """Results other than a failure are changed."""
    return lambda right, *args: results if failed(results := right(*args)) else change(results)


def failure(change: Callable[[Values], Values]) -> Mistake:
    """The results of a failure are changed."""
    return lambda right, *args: change(results) if failed(results := right(*args)) else results


def result(position: int, change: Change) -> Mistake:
    """One result of a success is changed."""
    return success(lambda results: _at(results, position, change))


def reworded(old: bytes, new: bytes) -> Mistake:
    """The message `old` of a failure is another."""
    return failure(lambda results: _at(results, 2, lambda message: new if message == old else message))


def without_error(*instead: Any) -> Mistake:
    """What raises, or fails, returns something else."""

    def mistake(right: Right, *args: Any) -> Values:
        try:
            results = right(*args)
        except right.api.LuaError:
            return instead
        return instead if failed(results) else results

    return mistake


def raises(right: Right, *args: Any) -> Values:
    """A failure raises its message."""
    results = right(*args)
    if failed(results):
        raise right.api.LuaError(results[1])
    return results


def returns_what_raises(*instead: Any) -> Mistake:
    """What raises returns something else; what fails, fails."""

    def mistake(right: Right, *args: Any) -> Values:
        try:
            return right(*args)
        except right.api.LuaError:
            return instead

    return mistake


# -- arguments


def argument(position: int, change: Change) -> Mistake:
    """One argument, if it is given, is taken for another."""
    return lambda right, *args: right(*_at(args, position, change))


def only(count: int) -> Mistake:
    """Only so many arguments are looked at."""
    return lambda right, *args: right(*args[:count])


def no_more_than(count: int) -> Mistake:
    """More arguments than so many raise."""

    def mistake(right: Right, *args: Any) -> Values:
        if len(args) > count:
            raise right.api.LuaError(b"too many arguments")
        return right(*args)

    return mistake


def refuses(position: int, test: Test, message: bytes = b"not supported") -> Mistake:
    """An argument that meets the test (nil, if it is not given) is an error."""

    def mistake(right: Right, *args: Any) -> Values:
        given = args[position - 1] if len(args) >= position else None
        if test(given):
            raise right.api.LuaError(message)
        return right(*args)

    return mistake


# -- doing nothing


def instead(*results: Any) -> Mistake:
    """Nothing is done, and always the same returned."""
    return lambda _right, *_args: results


def ignored_if(test: Callable[..., bool], *results: Any) -> Mistake:
    """Nothing is done with arguments that meet the test, and always the same returned."""
    return lambda right, *args: results if test(*args) else right(*args)


def then(what: Callable[..., object]) -> Mistake:
    """After a success, something else is done: ``what(right, results, *args)``."""

    def mistake(right: Right, *args: Any) -> Values:
        results = right(*args)
        if not failed(results):
            what(right, results, *args)
        return results

    return mistake


# -- what every kind of object has


def never_forgets(right: Right, *args: Any) -> Values:
    """What is made is kept for ever."""
    results = right(*args)
    right.memory.setdefault(right.api, []).extend(results)
    return results


def only_once(right: Right, thing: Any, *args: Any) -> Values:
    """What was called once with an object raises the second time."""
    if right.memory.get(thing):
        raise right.api.LuaError(b"attempt to use a closed socket")
    right.memory[thing] = True
    return right(thing, *args)


def short_name(target: str) -> str:
    """Return a target as a part of a name: ``tcp-bind``."""
    return target.removeprefix("socket.").replace(":", "-")


def add_shapes(chapter: Chapter, functions: Mapping[str, Sequence[str]], *, cannot_fail: Sequence[str] = ()) -> None:
    """Add, for each function, the mistakes that can be made in the shape of any result.

    Parameters
    ----------
    chapter
        Where they are added.
    functions
        By target: the names that the function has in statements, as ``master:bind``.
    cannot_fail
        Targets that never fail.
    """
    for target, names in functions.items():
        chapter.add(
            f"{short_name(target)}-success-has-an-error",
            "On success an empty message follows.",
            target,
            success(lambda results: (*results, b"")),
            *(f"{name}/no-error" for name in names),
        )
        if target in cannot_fail:
            continue
        errors = [f"{name}/error" for name in names]
        is_false = failure(lambda results: (False, *results[1:]))
        chapter.add(
            f"{short_name(target)}-failure-is-false",
            "The first result of a failure is false.",
            target,
            is_false,
            *errors,
        )
        chapter.add(f"{short_name(target)}-failure-raises", "A failure raises its message.", target, raises, *errors)


# -- what is closed


def instead_after(*results: Any) -> Mistake:
    """The right thing is done, and always the same returned."""

    def mistake(right: Right, *args: Any) -> Values:
        right(*args)
        return results

    return mistake


def stays_closed(right: Right, thing: Any, *args: Any) -> Values:
    """What was closed fails, and does not open again. Made in ``close``, too, so as to know."""
    if right.name == "close":
        right.memory[thing] = True
    elif right.memory.get(thing):
        return (None, b"closed")
    return right(thing, *args)


def raises_when_closed(right: Right, thing: Any, *args: Any) -> Values:
    """What was closed raises. Made in ``close``, too, so as to know."""
    if right.name == "close":
        right.memory[thing] = True
    elif right.memory.get(thing) and is_closed(right, thing):
        raise right.api.LuaError(b"attempt to use a closed socket")
    return right(thing, *args)


def add_uses_after_close(chapter: Chapter, kind: str, methods: Mapping[str, str]) -> None:
    """Add, for each method of a kind of objects, that it raises after ``close``: by its name, who notices."""
    for method, noticed in methods.items():
        chapter.add(
            f"{kind}-{method}-after-close-raises",
            "On a closed object it raises.",
            (f"{kind}:{method}", f"{kind}:close"),
            raises_when_closed,
            caught_by=(noticed,),
        )


def add_more_arguments(chapter: Chapter, kind: str, methods: Mapping[str, tuple[int, str]]) -> None:
    """Add, for each method, that more arguments than it has raise: by its name, how many it has, and who notices."""
    for method, (count, noticed) in methods.items():
        chapter.add(
            f"{kind}-{method}-takes-no-more-arguments",
            "An argument too many raises.",
            f"{kind}:{method}",
            no_more_than(count),
            caught_by=(noticed,),
        )


def add_absences(chapter: Chapter, kind: str, methods: Mapping[str, str]) -> None:
    """Add, for each method, that it is not there: by its name, who notices."""
    for method, noticed in methods.items():
        name = f"{kind}-{method}-is-missing"
        chapter.add(name, "There is no such method.", f"{kind}:{method}", ABSENT, caught_by=(noticed,))


def add_answers(chapter: Chapter, kind: str) -> None:
    """Add what is wrong with the answers of methods that every kind of object has."""
    names, described = f"{kind}/names", f"{kind}/descriptor"
    peer, family, number = f"{kind}:getpeername", f"{kind}:getfamily", f"{kind}:getfd"
    both = (f"{kind}:getsockname", peer)
    chapter.add(
        f"{kind}-getpeername-port-is-a-string",
        "The port is a string.",
        peer,
        result(2, lambda port: str(port).encode()),
        caught_by=(names,),
    )
    for target in both:
        chapter.add(
            f"{short_name(target)}-tells-two-results",
            "The family is missing.",
            target,
            success(lambda results: results[:2]),
            caught_by=(names,),
        )
    chapter.add(
        f"{kind}-getfamily-is-inet",
        'The family is "inet".',
        family,
        result(1, lambda told: b"inet" if told == b"inet4" else told),
        caught_by=(names,),
    )
    chapter.add(
        f"{kind}-getfamily-is-always-inet4",
        'The family is always "inet4".',
        family,
        instead(b"inet4"),
        caught_by=(names,),
    )
    chapter.add(
        f"{kind}-family-is-always-inet",
        'The family of a name is always "inet".',
        both,
        result(3, lambda _family: b"inet"),
        caught_by=(names,),
    )
    chapter.add(
        f"{kind}-close-returns-true",
        "The result is true.",
        f"{kind}:close",
        instead_after(True),
        caught_by=(f"{kind}/close",),
    )
    chapter.add(
        f"{kind}-getfd-is-a-string",
        "The descriptor is a string.",
        number,
        result(1, lambda told: str(told).encode()),
        caught_by=(described,),
    )
    chapter.add(
        f"{kind}-setfd-returns-one",
        "The result is 1.",
        f"{kind}:setfd",
        instead_after(1),
        caught_by=(f"{kind}/states",),
    )


def add_looks(chapter: Chapter, kind: str, first: bytes) -> None:
    """Add what is wrong with how an object of a kind looks: its field class, and what it is as a string.

    Parameters
    ----------
    chapter, kind
        As for the others.
    first
        The class of a new object.
    """

    def address(text: bytes) -> bytes:
        return text[text.index(b":") :]

    looks: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
        "has-no-address": ("As a string, an object is its class.", lambda text: text.partition(b":")[0]),
        "is-userdata": ("As a string, an object is userdata.", lambda text: b"userdata" + address(text)),
        "is-what-it-was": ("As a string, an object is what it was at first.", lambda text: first + address(text)),
        "is-of-the-kind": ("As a string, an object is its kind alone.", lambda text: kind.encode() + address(text)),
        "is-the-same-for-all": ("All objects are the same string.", lambda text: text.partition(b":")[0] + b": 0x1234"),
    }
    for name, (says, change) in looks.items():
        chapter.add(
            f"{kind}-tostring-{name}", says, f"{kind}:tostring", result(1, change), caught_by=(f"{kind}/names",)
        )
    classes: tuple[tuple[str, str, Mistake | Constant], ...] = (
        ("is-of-the-kind", "The class of an object is its kind alone.", instead(kind.encode())),
        ("is-what-it-was", "The class of an object is what it was at first.", instead(first)),
        ("is-missing", "An object has no field class.", ABSENT),
    )
    for name, says, mistake in classes:
        chapter.add(f"{kind}-class-{name}", says, f"{kind}:class", mistake, caught_by=(f"{kind}/names",))
