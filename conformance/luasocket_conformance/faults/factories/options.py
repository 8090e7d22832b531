"""Families of faults in ``setoption`` and ``getoption``: one faulty port for each option."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from luasocket_conformance.faults.factories import after_success, changes_result, refuses_argument, returns_always
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

SET: Final = "*:setoption"
GET: Final = "*:getoption"

#: Makes a part of a name of the class in a target.
_NO_BRACES: Final = str.maketrans("{", "-", "}")

#: Options whose value is a boolean.
BOOLEANS: Final = (
    "keepalive",
    "reuseaddr",
    "tcp-nodelay",
    "ipv6-v6only",
    "dontroute",
    "broadcast",
    "reuseport",
    "ip-multicast-loop",
)


def raises_unsupported(original: Original, *_args: Any) -> Values:
    """Raise as for an option that does not exist."""
    raise original.api.LuaError(b"unsupported option")


def add_unreadable_options(faults: Faults, kind: str, *options: str) -> None:
    """Add, for each option, that it cannot be read."""
    for option in options:
        faults.add(
            f"getoption-of-{kind}-knows-no-{option}",
            f'The option "{option}" cannot be read.',
            f"{kind}:getoption",
            for_option(option)(raises_unsupported),
            detected_by=f"{kind}/options",
        )


def add_unsettable_options(faults: Faults, kind: str, *options: str) -> None:
    """Add, for each option, that it cannot be set."""
    for option in options:
        faults.add(
            f"setoption-of-{kind}-knows-no-{option}",
            f'The option "{option}" cannot be set.',
            f"{kind}:setoption",
            for_option(option)(raises_unsupported),
            detected_by=f"{kind}/options",
        )


def add_ignored_options(faults: Faults, options: Mapping[str, tuple[str, ...]]) -> None:
    """Add, for each option, that setting it does nothing; the values are the statements about setting it."""
    for option, statements in options.items():
        faults.add(
            f"setoption-ignores-{option}",
            f'Setting "{option}" returns 1 and does nothing.',
            SET,
            for_option(option)(returns_always(1)),
            violates=tuple(f"*:setoption/{statement}" for statement in statements),
        )


def add_ignored_numbers(faults: Faults, selector: str, *options: str) -> None:
    """Add, for each option that is a number, that setting it does nothing."""
    for option in options:
        faults.add(
            f"setoption-does-not-set-{option}",
            f'Setting "{option}" returns 1 and does nothing.',
            SET,
            for_option(option)(returns_always(1)),
            detected_by=selector,
        )


def _inverts(original: Original, obj: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    return original(obj, name, not value if isinstance(value, bool) else value, *rest)


def add_inverted_options(faults: Faults, *options: str) -> None:
    """Add, for each option that is a boolean, that it is set the wrong way round."""
    for option in options:
        faults.add(
            f"setoption-inverts-{option}",
            f'For "{option}", true is false and false is true.',
            SET,
            for_option(option)(_inverts),
            violates=f"*:setoption/{option}",
        )


def add_numbers_instead_of_booleans(faults: Faults, *options: str) -> None:
    """Add, for each option that is a boolean, that it is read as a number."""
    for option in options:
        faults.add(
            f"getoption-has-a-number-for-{option}",
            f'The value of "{option}" is 1 or 0.',
            GET,
            for_option(option)(changes_result(1)(int)),
            violates=f"*:getoption/{option}",
        )


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def add_refused_booleans(faults: Faults, *options: str) -> None:
    """Add, for each option that is a boolean, that it has to be set as a number."""
    for option in options:
        faults.add(
            f"setoption-wants-a-number-for-{option}",
            f'The value of "{option}" has to be a number.',
            SET,
            for_option(option)(refuses_argument(3)(_is_boolean)),
            violates=f"*:setoption/{option}-boolean",
        )


def _sets_as_well(other: str, instead: Any = None) -> Mistake:
    """Set another option after one was set, to the same value or to a fixed one."""

    def also(original: Original, _results: Values, obj: Any, _name: Any, value: Any = None, *_rest: Any) -> None:
        original.method(obj, "setoption", other.encode(), value if instead is None else instead)

    return after_success(also)


def add_options_that_set_another(
    faults: Faults, kind: str, selector: str, *pairs: tuple[str, str] | tuple[str, str, Any]
) -> None:
    """Add, for each pair of options of a kind of object, that setting the first sets the second, too.

    A third item is the value that the second one gets; else it is that of the first.
    """
    for option, other, *instead in pairs:
        faults.add(
            f"{option}-sets-{other}-of-{kind.translate(_NO_BRACES)}",
            f'Setting "{option}" sets "{other}", too.',
            f"{kind}:setoption",
            for_option(option)(_sets_as_well(other, *instead)),
            detected_by=selector,
        )
