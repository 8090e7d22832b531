"""What porters get wrong in ``setoption`` and ``getoption``, of TCP and of UDP objects.

What lives here: mistakes of the two, most of them made for one option after the other. What may not: what an option
does to a socket (the system knows).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.factories import (
    argument,
    failed,
    failure,
    instead,
    is_closed,
    is_number,
    raises,
    refuses,
    result,
    success,
)
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

_SET, _GET = "*:setoption", "*:getoption"
_ALSO = ("tcp", "udp", "select", "connect", "helper")

#: By option: the statements that it takes to set it, what follows "setoption/". The value is a boolean.
_BOOLEANS: dict[str, tuple[str, ...]] = {
    "keepalive": ("keepalive",),
    "reuseaddr": ("reuseaddr",),
    "tcp-nodelay": ("tcp-nodelay",),
    "ipv6-v6only": ("ipv6-v6only",),
    "dontroute": ("dontroute",),
    "broadcast": ("broadcast",),
    "reuseport": ("reuseport",),
    "ip-multicast-loop": ("ip-multicast-loop",),
}
_OTHERS: dict[str, tuple[str, ...]] = {
    "linger": ("linger", "linger-on"),
    "ip-multicast-if": ("ip-multicast-if",),
    "ip-multicast-ttl": ("ip-multicast-ttl",),
    "ip-add-membership": ("ip-add-membership", "ip-add-membership-table"),
    "ip-drop-membership": ("ip-drop-membership", "ip-drop-membership-table"),
}


_CHAPTER = Chapter(__name__, _ALSO, 1.0)


def _add(name: str, says: str, target: str, mistake: Mistake, *statements: str) -> None:
    method = target.partition(":")[2]
    _CHAPTER.add(name, says, target, mistake, *(f"*:{method}/{one}" for one in statements))


def _for(option: str, mistake: Mistake) -> Mistake:
    """The mistake is made for one option only."""
    wanted = option.encode()
    return lambda right, thing, name=None, *rest: (mistake if name == wanted else Right.__call__)(
        right, thing, name, *rest
    )


def _inverted(right: Right, thing: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    return right(thing, name, not value if isinstance(value, bool) else value, *rest)


def _unknown_is_fine(right: Right, thing: Any, name: Any = None, *rest: Any) -> Values:
    try:
        return right(thing, name, *rest)
    except right.api.LuaError:
        return (1,)


def _unknown_is_nothing(right: Right, thing: Any, name: Any = None, *rest: Any) -> Values:
    try:
        results = right(thing, name, *rest)
    except right.api.LuaError:
        return (None,)
    return (None,) if failed(results) else results


def _linger_is_a_number(value: Any) -> Any:
    return value.get(b"timeout") if isinstance(value, dict) else value


for _option, _statements in (_BOOLEANS | _OTHERS).items():
    _add(
        f"setoption-ignores-{_option}",
        f'It says 1, and does nothing for "{_option}".',
        _SET,
        _for(_option, instead(1)),
        *_statements,
    )
for _option, _statements in _BOOLEANS.items():
    _add(
        f"setoption-inverts-{_option}",
        f'For "{_option}", true is false and false is true.',
        _SET,
        _for(_option, _inverted),
        *_statements,
    )
    _add(
        f"getoption-has-a-number-for-{_option}",
        f'The value of "{_option}" is 1 or 0.',
        _GET,
        _for(_option, result(1, int)),
        _option,
    )
for _option in ("reuseaddr", "reuseport", "dontroute", "broadcast", "ip-multicast-loop", "ipv6-v6only"):
    _add(
        f"setoption-wants-a-number-for-{_option}",
        f'The value of "{_option}" has to be a number.',
        _SET,
        _for(_option, refuses(3, lambda value: isinstance(value, bool))),
        f"{_option}-boolean",
    )
_add(
    "setoption-lingers-always",
    'For "linger", the field on is taken for true.',
    _SET,
    _for(
        "linger",
        lambda right, thing, name, value=None, *rest: right(
            thing, name, {**value, b"on": True} if isinstance(value, dict) and b"on" in value else value, *rest
        ),
    ),
    "linger-off",
)
_add(
    "getoption-has-a-number-for-linger",
    'The value of "linger" is a number of seconds.',
    _GET,
    _for("linger", result(1, _linger_is_a_number)),
    "linger",
)
_add(
    "getoption-has-a-number-for-ip-multicast-if",
    'The value of "ip-multicast-if" is a number.',
    _GET,
    _for("ip-multicast-if", result(1, lambda _address: 0)),
    "ip-multicast-if",
)

_add(
    "setoption-wants-the-value-first",
    "The value comes before the name.",
    _SET,
    lambda right, thing, name=None, value=None, *rest: right(thing, value, name, *rest),
    "option",
)
_add(
    "getoption-knows-other-names",
    "The names are those of the C constants.",
    _GET,
    refuses(2, lambda name: isinstance(name, bytes) and name.islower()),
    "as-set",
    "returns",
)
_add("setoption-returns-true", "The result is true instead of 1.", _SET, result(1, lambda _one: True), "returns")
_add(
    "setoption-success-has-an-error",
    "On success an empty message follows.",
    _SET,
    success(lambda results: (*results, b"")),
    "no-error",
)
_add(
    "getoption-success-has-an-error",
    "On success an empty message follows.",
    _GET,
    success(lambda results: (*results, b"")),
    "no-error",
)
_add(
    "setoption-takes-everything",
    "What is no option, or has a wrong value, is set without a word.",
    _SET,
    _unknown_is_fine,
    "error",
)
_add("setoption-failure-raises", "A failure raises its message.", _SET, raises, "error")
_add(
    "getoption-knows-everything",
    "What is no option, or cannot be read, is nil, without a message.",
    _GET,
    _unknown_is_nothing,
    "error",
    "ip-multicast-ttl",
    "ip-add-membership",
    "ip-drop-membership",
)

# -- more of values and names -----------------------------------------------------------------------------------------


def _options(mistake: Mistake, *names: str) -> Mistake:
    wanted = {name.encode() for name in names}
    return lambda right, thing, name=None, *rest: (mistake if name in wanted else Right.__call__)(
        right, thing, name, *rest
    )


def _get_as(change: Callable[[Any], Any], *names: str) -> Mistake:
    return _options(result(1, change), *names)


for _option in (
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
):
    _CHAPTER.add(
        f"getoption-of-tcp-knows-no-{_option}",
        "It cannot be read.",
        "tcp:getoption",
        _options(lambda right, thing, *args: _raise(right), _option),
        caught_by=("tcp/options",),
    )
for _option in (
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
):
    _CHAPTER.add(
        f"getoption-of-udp-knows-no-{_option}",
        "It cannot be read.",
        "udp:getoption",
        _options(lambda right, thing, *args: _raise(right), _option),
        caught_by=("udp/options",),
    )
for _option in (
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
):
    _CHAPTER.add(
        f"setoption-of-tcp-knows-no-{_option}",
        "It cannot be set.",
        "tcp:setoption",
        _options(lambda right, thing, *args: _raise(right), _option),
        caught_by=("tcp/options",),
    )
for _option in (
    "ipv6-unicast-hops",
    "ipv6-multicast-hops",
    "ipv6-multicast-loop",
    "ipv6-add-membership",
    "ipv6-drop-membership",
    "recv-buffer-size",
    "send-buffer-size",
    "ip-multicast-ttl",
    "ip-multicast-if",
):
    _CHAPTER.add(
        f"setoption-of-udp-knows-no-{_option}",
        "It cannot be set.",
        "udp:setoption",
        _options(lambda right, thing, *args: _raise(right), _option),
        caught_by=("udp/options",),
    )
#: By option whose value is a number: where it is looked at.
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
for _option, _subject in _NUMBERS.items():
    _CHAPTER.add(
        f"setoption-does-not-set-{_option}",
        "It says 1, and does nothing.",
        _SET,
        _for(_option, instead(1)),
        caught_by=(_subject,),
    )
_CHAPTER.add(
    "setoption-wants-numbers",
    "A string that holds a number raises.",
    _SET,
    _options(refuses(3, lambda value: isinstance(value, bytes)), *_NUMBERS),
    caught_by=("tcp/options/number", "udp/options/number-converted"),
)
_CHAPTER.add(
    "setoption-takes-numbers-for-booleans",
    "The numbers 0 and 1 are false and true.",
    _SET,
    _options(argument(3, lambda value: bool(value) if is_number(value) else value), *_BOOLEANS),
    caught_by=("udp/options/boolean-of-wrong-type",),
)
_CHAPTER.add(
    "setoption-takes-nil-for-false",
    "Without a value it is false.",
    _SET,
    lambda right, thing, name=None, value=None, *rest: right(
        thing, name, False if value is None and name in {one.encode() for one in _BOOLEANS} else value, *rest
    ),
    caught_by=("tcp/options/boolean-of-wrong-type",),
)
_CHAPTER.add(
    "setoption-takes-nil-for-true",
    "Without a value it is true.",
    _SET,
    lambda right, thing, name=None, value=None, *rest: right(
        thing, name, True if value is None and name in {one.encode() for one in _BOOLEANS} else value, *rest
    ),
    caught_by=("tcp/options/boolean-of-wrong-type",),
)
_CHAPTER.add(
    "options-are-known-in-capitals",
    "Names in capitals are known.",
    (_SET, _GET),
    argument(2, lambda name: name.lower() if isinstance(name, bytes) else name),
    caught_by=("tcp/options/unknown",),
)
_CHAPTER.add(
    "options-are-known-with-underscores",
    "Names with underscores are known.",
    (_SET, _GET),
    argument(2, lambda name: name.replace(b"_", b"-") if isinstance(name, bytes) else name),
    caught_by=("tcp/options/unknown",),
)
_CHAPTER.add(
    "options-end-at-a-blank",
    "Blanks around a name are of no matter.",
    (_SET, _GET),
    argument(2, lambda name: name.strip() if isinstance(name, bytes) else name),
    caught_by=("tcp/options/unknown",),
)
_CHAPTER.add(
    "linger-is-in-milliseconds",
    "The field timeout is in milliseconds.",
    _SET,
    _for(
        "linger",
        argument(
            3,
            lambda value: (
                {**value, b"timeout": value[b"timeout"] / 1000}
                if isinstance(value, dict) and is_number(value.get(b"timeout"))
                else value
            ),
        ),
    ),
    caught_by=("tcp/options/on-a-master",),
)
_CHAPTER.add(
    "linger-needs-no-timeout",
    "Without the field timeout it is 0.",
    _SET,
    _for("linger", argument(3, lambda value: {b"timeout": 0, **value} if isinstance(value, dict) else value)),
    caught_by=("tcp/options/linger-bad-table",),
)
_CHAPTER.add(
    "linger-needs-no-on",
    "Without the field on it is true.",
    _SET,
    _for("linger", argument(3, lambda value: {b"on": True, **value} if isinstance(value, dict) else value)),
    caught_by=("tcp/options/linger-bad-table",),
)
_CHAPTER.add(
    "linger-on-may-be-a-number",
    "The field on may be a number.",
    _SET,
    _for(
        "linger",
        argument(
            3,
            lambda value: (
                {**value, b"on": bool(value[b"on"])}
                if isinstance(value, dict) and is_number(value.get(b"on"))
                else value
            ),
        ),
    ),
    caught_by=("tcp/options/linger-bad-table",),
)
_CHAPTER.add(
    "linger-takes-a-boolean",
    "A boolean is taken, too.",
    _SET,
    _for("linger", argument(3, lambda value: {b"on": value, b"timeout": 0} if isinstance(value, bool) else value)),
    caught_by=("tcp/options/linger-of-wrong-type",),
)
_CHAPTER.add(
    "linger-wants-a-number",
    "A timeout that is a string raises.",
    _SET,
    _for("linger", refuses(3, lambda value: isinstance(value, dict) and isinstance(value.get(b"timeout"), bytes))),
    caught_by=("tcp/options/linger-bad-table",),
)
_CHAPTER.add(
    "linger-on-is-a-number",
    "The field on is a number.",
    _GET,
    _get_as(lambda value: {**value, b"on": int(value[b"on"])}, "linger"),
    caught_by=("tcp/options/linger",),
)
_CHAPTER.add(
    "linger-has-no-timeout",
    "The field timeout is missing.",
    _GET,
    _get_as(lambda value: {b"on": value[b"on"]}, "linger"),
    caught_by=("tcp/options/linger",),
)
_CHAPTER.add(
    "error-is-zero",
    "No error is 0.",
    _GET,
    lambda right, thing, name=None, *rest: (
        (0,) if (results := right(thing, name, *rest)) == (None,) and name == b"error" else results
    ),
    caught_by=("tcp/options/error",),
)
_CHAPTER.add(
    "error-is-false",
    "No error is false.",
    _GET,
    lambda right, thing, name=None, *rest: (
        (False,) if (results := right(thing, name, *rest)) == (None,) and name == b"error" else results
    ),
    caught_by=("tcp/options/error",),
)
_CHAPTER.add(
    "error-is-a-number",
    "The error is its number.",
    _GET,
    _get_as(lambda value: 111 if value else value, "error"),
    caught_by=("tcp/options/error-after-end-and-reset",),
)
_CHAPTER.add(
    "error-has-a-capital",
    "The error is the system's message.",
    _GET,
    _get_as(lambda value: value.capitalize() if value else value, "error"),
    caught_by=("tcp/options/error-after-a-reset",),
)
_CHAPTER.add(
    "error-is-never-there",
    "There is never an error.",
    _GET,
    _for("error", instead(None)),
    caught_by=("tcp/options/get-before-there-is-a-socket",),
)
_CHAPTER.add(
    "error-stays",
    "The error is there the next time, too.",
    _GET,
    _for("error", lambda right, thing, *args: _kept(right, thing, *args)),
    caught_by=("tcp/options/error-after-end-and-reset",),
)
_CHAPTER.add(
    "buffer-size-is-what-was-asked",
    "The size of a buffer is that which was set.",
    "tcp:*option",
    lambda right, thing, name=None, *rest: _as_asked(right, thing, name, *rest),
    caught_by=("tcp/options/on-a-master",),
)
_CHAPTER.add(
    "buffers-are-swapped",
    "The two buffers are swapped.",
    (_SET, _GET),
    argument(
        2,
        lambda name: (
            {b"recv-buffer-size": b"send-buffer-size", b"send-buffer-size": b"recv-buffer-size"}.get(name, name)
            if isinstance(name, bytes)
            else name
        ),
    ),
    caught_by=("tcp/system-options/client-number",),
)
_CHAPTER.add(
    "keep-times-are-swapped",
    "The idle time and the interval are swapped.",
    (_SET, _GET),
    argument(
        2,
        lambda name: (
            {b"tcp-keepidle": b"tcp-keepintvl", b"tcp-keepintvl": b"tcp-keepidle"}.get(name, name)
            if isinstance(name, bytes)
            else name
        ),
    ),
    caught_by=("tcp/system-options/client-number",),
)
_CHAPTER.add(
    "reuseport-is-reuseaddr",
    "One is taken for the other.",
    (_SET, _GET),
    argument(2, lambda name: b"reuseaddr" if name == b"reuseport" else name),
    caught_by=("udp/system-options/get",),
)
_CHAPTER.add(
    "keepalive-is-nodelay",
    "One is taken for the other.",
    (_SET, _GET),
    argument(2, lambda name: b"tcp-nodelay" if name == b"keepalive" else name),
    caught_by=("udp/options/unknown",),
)
_CHAPTER.add(
    "broadcast-is-dontroute",
    "One is taken for the other.",
    (_SET, _GET),
    argument(2, lambda name: b"dontroute" if name == b"broadcast" else name),
    caught_by=("udp/options/broadcast-lets-send",),
)
_CHAPTER.add(
    "setoption-of-the-closed-is-fine",
    "On a closed object it says 1.",
    _SET,
    lambda right, *args: (1,) if failed(results := right(*args)) and is_closed(right, args[0]) else results,
    caught_by=("tcp/options/set-before-there-is-a-socket",),
)
_CHAPTER.add(
    "getoption-of-the-closed-is-false",
    "Of a closed object every option is false.",
    _GET,
    lambda right, *args: (False,) if failed(results := right(*args)) and is_closed(right, args[0]) else results,
    caught_by=("tcp/options/get-before-there-is-a-socket",),
)
_CHAPTER.add(
    "setoption-failure-names-the-errno",
    "The message is the system's.",
    (_SET, _GET),
    failure(lambda results: (None, b"Bad file descriptor")),
    caught_by=("tcp/options/set-before-there-is-a-socket",),
)
_CHAPTER.add(
    "setoption-returns-nothing",
    "There is no result.",
    _SET,
    success(lambda results: ()),
    caught_by=("tcp/options/set-boolean",),
)
_CHAPTER.add(
    "setoption-returns-the-value",
    "The result is the value.",
    _SET,
    lambda right, thing, name=None, value=None, *rest: (
        results if failed(results := right(thing, name, value, *rest)) else (value,)
    ),
    caught_by=("tcp/options/set-boolean",),
)
_CHAPTER.add(
    "membership-needs-no-interface",
    "Without the field interface it is any.",
    _SET,
    _for(
        "ip-add-membership",
        argument(3, lambda value: {b"interface": b"*", **value} if isinstance(value, dict) else value),
    ),
    caught_by=("udp/multicast/membership-of-bad-table",),
)
_CHAPTER.add(
    "membership-takes-any-address",
    "An address that is none is any.",
    _SET,
    _for(
        "ip-add-membership",
        argument(
            3,
            lambda value: {**value, b"interface": b"*"} if isinstance(value, dict) and b"interface" in value else value,
        ),
    ),
    caught_by=("udp/multicast/drop-twice",),
)
_CHAPTER.add(
    "multicast-if-knows-no-asterisk",
    'The address "*" is refused.',
    _SET,
    _for("ip-multicast-if", refuses(3, lambda value: value == b"*")),
    caught_by=("udp/options/ip-multicast-if",),
)
_CHAPTER.add(
    "setoption-error-raises-nothing",
    'The option "error" can be set.',
    _SET,
    _for("error", instead(1)),
    caught_by=("tcp/options/unknown",),
)
_CHAPTER.add(
    "ttl-can-be-read",
    'The option "ip-multicast-ttl" can be read.',
    _GET,
    _for("ip-multicast-ttl", instead(1)),
    caught_by=("tcp/options/unknown",),
)


def _raise(right: Right) -> Values:
    raise right.api.LuaError(b"unsupported option")


def _kept(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if results[0]:
        right.memory[thing] = results
    kept: Values = right.memory.get(thing, results)
    return kept


def _as_asked(right: Right, thing: Any, name: Any = None, *rest: Any) -> Values:
    results = right(thing, name, *rest)
    if isinstance(name, bytes) and name.endswith(b"buffer-size"):
        asked = right.memory.setdefault(thing, {})
        if right.name == "setoption" and not failed(results) and rest and is_number(rest[0]):
            asked[name] = rest[0]
        elif right.name == "getoption":
            return (asked.get(name, *results[:1]), *results[1:])
    return results
