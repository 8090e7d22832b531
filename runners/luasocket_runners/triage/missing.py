"""Finds the functions that a port does not have at all, and those that only say that they are not implemented."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from luasocket_runners.ports.process import DIED
from luasocket_runners.result import PASSING, Observation, Result, Verdict
from luasocket_runners.selection import used_functions

__all__ = ["deadly_functions", "declared_name", "functions_there", "missing_functions", "says_not_implemented", "stub"]

#: The words of a function that exists only to say that it is not implemented; LuaSocket's own are about an option, and
#: the system's about an address, a protocol, or a type of sockets.
_NOT_IMPLEMENTED: Final = re.compile(
    rb"(?i)(?<!hostname )(?<!family )(?<!protocol )(?<!type )(?<!socktype )(?<!servname )"
    rb"not( yet)? (implemented|supported|available)|unimplemented|unsupported(?! option)|(?-i:\bNYI\b)"
)
#: Lua's words for an argument, which the function does not take: it takes others.
_ARGUMENT: Final = re.compile(rb"(?i)\bbad argument\b")


def declared_name(function: str) -> str:
    """Return a function by the name of declarations: ``:receive`` for ``client:receive``."""
    owner, colon, method = function.partition(":")
    return f":{method}" if colon else owner


def stub(result: Result) -> str | None:
    """Return the name of the function that says itself that it is not implemented, if it is to blame."""
    seen = result.observation
    if result.verdict is not Verdict.FAILED or seen is None or says_not_implemented(seen) is None:
        return None
    return declared_name(seen.function)


def says_not_implemented(seen: Observation) -> bytes | None:
    """Return the text by which a function says in a reply that it is not implemented."""
    said: Iterable[object] = seen.returns[:2] if seen.returns is not None else (seen.raises,)
    texts = [text for text in said if isinstance(text, bytes) and not _ARGUMENT.search(text)]
    return next((text for text in texts if _NOT_IMPLEMENTED.search(text)), None)


def functions_there(results: Iterable[Result]) -> set[str]:
    """Return the functions that have done something in any behaviour, by the names of declarations."""
    there = set[str]()
    for result in results:
        if result.verdict in PASSING and not result.at:
            there.update(used_functions(result.behaviour.unconditional_steps()))
        elif result.verdict is Verdict.FAILED and result.observation is not None and stub(result) is None:
            there.add(declared_name(result.function))
    return there


def deadly_functions(results: Sequence[Result]) -> Counter[str]:
    """Return the functions that have ended the port wherever they were called, and in how many behaviours."""
    died = Counter(
        declared_name(result.function)
        for result in results
        if result.verdict is Verdict.FAILED and result.function and result.reason.startswith(DIED)
    )
    for name in functions_there(results):
        del died[name]
    return died


def missing_functions(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the functions that have done nothing in any behaviour, each with the results that show it.

    They are not there, or say each time that they are not implemented.
    """
    there = functions_there(results)
    found: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        name = result.missing if result.verdict is Verdict.NOT_IMPLEMENTED else stub(result)
        if name is not None and name not in there:
            found[name].append(result)
    return dict(found)
