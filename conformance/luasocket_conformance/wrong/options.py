"""What porters get wrong in ``setoption`` and ``getoption``, of TCP and of UDP objects.

What lives here: mistakes of the two, most of them made for one option after the other. What may not: what an option
does to a socket (the system knows).
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import failed, instead, raises, refuses, result, success
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
