"""The names that steps use, and the values that stand for them.

A fixture's steps have names of their own. ``prefix`` is the name under ``given`` of the fixture's instance; it is empty
for the steps of the behaviour itself. Which values are bound to the names is left to ``engine.bindings``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from luasocket_spec import model

from luasocket_runners.notation import Names, show
from luasocket_runners.values import LITERALS, FunctionRef, Handle, LuaTable, LuaValue

V = TypeVar("V")


class Unusable(Exception):
    """A value that the port returned cannot stand where the spec uses it; the text says what it is instead of what."""


class Unbound(Exception):
    """A name of the spec that nothing is bound to: an error of the spec or of the runner, not of the port."""


def full_name(prefix: str, name: str) -> str:
    """Return a fixture's name as the behaviour sees it: ``self`` is the prefix, ``x`` is ``prefix.x``."""
    if not prefix:
        return name
    head, dot, rest = name.partition(".")
    return prefix + dot + rest if head == "self" else f"{prefix}.{name}"


def peer_name(prefix: str, who: str) -> str:
    """Return the name of a peer as the behaviour sees it; a fixture's own peer has the name of its instance."""
    return prefix if prefix and who == "peer" else full_name(prefix, who)


def visible(prefix: str, bound: Mapping[str, V]) -> Mapping[str, V]:
    """Return the values that steps under this prefix may use, by the names that these steps have for them."""
    if not prefix:
        return bound
    beginning = prefix + "."
    own = {name.removeprefix(beginning): value for name, value in bound.items() if name.startswith(beginning)}
    return own | {"self": bound[prefix]} if prefix in bound else own


def resolve(value: model.SpecValue, look_up: Callable[[str], LuaValue]) -> LuaValue:
    """Return the run-time value of a spec value that is no matcher; ``look_up`` returns the values of names."""
    if type(value) in LITERALS:
        return value  # type: ignore[return-value]
    if isinstance(value, model.Ref):
        return look_up(value.name)
    if isinstance(value, model.Repeat):
        return value.text * value.times
    if isinstance(value, model.Concat):
        return b"".join(_bytes(part, resolve(part, look_up)) for part in value.parts)
    if isinstance(value, model.TableSpec):
        return LuaTable(tuple((resolve(key, look_up), resolve(item, look_up)) for key, item in value.entries))
    if isinstance(value, LuaTable | Handle | FunctionRef):
        return value  # in the place of a name that was replaced already
    raise TypeError(f"{value!r} is a matcher, not a value")


def _bytes(part: model.SpecValue, value: LuaValue) -> bytes:
    """Return a string as it is, and a whole number as its digits: a port may be returned as either."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return str(int(value)).encode()
    if isinstance(part, model.Ref):
        raise Unusable(f"{part.name} is {show(value, Names({}))} instead of a string")
    raise TypeError(f"{value!r} is not a string")
